-- uses: types
-- retry.lua: dead letters go back to their queues, in the order given; see
-- queue/manage.h.
--
-- ARGV: now (ISO), retries, ids.
--
-- The id stays, and so does prosaas_attempt: it is the fence, and must keep rising.
-- A job of RQ's makes that is never retried (no retries_left) stays so.
-- Returns per id: "ok queue tenant", "is status", "gone", or "error what".
local now, retries = ARGV[1], ARGV[2]
local out = {}

local function retry(id)
	local job = 'rq:job:' .. id
	local h = redis.pcall('HMGET', job, 'status', 'origin', 'prosaas_tenant', 'retries_left')
	if h.err or not h[1] or not h[2] then
		return 'gone'
	end
	if h[1] ~= 'failed' and h[1] ~= 'stopped' then
		return 'is ' .. h[1]
	end
	local queue, failed = 'rq:queue:' .. h[2], 'rq:failed:' .. h[2]
	if not is_a(queue, 'list') or not is_a(failed, 'zset') then
		return 'error ' .. queue .. ' or ' .. failed .. ' is of the wrong type'
	end
	redis.call('ZREM', failed, id)
	redis.call('HDEL', job, 'prosaas_reason', 'prosaas_waiting_since', 'started_at', 'ended_at',
		'worker_name', 'last_heartbeat', 'exc_info')
	redis.call('HSET', job, 'status', 'queued', 'enqueued_at', now, 'prosaas_crashes', 0)
	if h[3] or h[4] then
		redis.call('HSET', job, 'retries_left', retries)
	end
	for _, key in ipairs({ job, job .. ':dependents', 'rq:job::' .. id .. ':dependencies' }) do
		redis.call('PERSIST', key)
	end
	redis.call('SADD', 'rq:queues', queue)
	redis.call('RPUSH', queue, id)
	return 'ok ' .. h[2] .. ' ' .. (h[3] or '')
end

for i = 3, #ARGV do
	out[#out + 1] = retry(ARGV[i])
end
return out
