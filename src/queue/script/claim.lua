-- claim.lua: take up to n jobs; see queue/claim.h.
--
-- ARGV: worker name, now (ISO), lease (s), n, queue names in order of priority.
--
-- Popping, the lease and the job's new state are one step, so a job is never in
-- the air.  Holding lists come first: what a blocked BLMOVE moved there is older
-- than what is still queued.  An id whose job is gone, or is no longer queued
-- (cancelled, taken), is dropped.
-- Returns per job: id, queue, data, attempt, timeout, enqueued_at, tenant.
local me, now, lease, n = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local until_s = tonumber(redis.call('TIME')[1]) + lease
local out = {}

if redis.call('EXISTS', 'rq:suspended') == 1 then
	return out
end

local function take(name, id)
	local job = 'rq:job:' .. id
	local h = redis.pcall('HMGET', job, 'status', 'data', 'timeout', 'enqueued_at', 'prosaas_tenant')
	if h.err or h[1] ~= 'queued' or not h[2] then
		return
	end
	if type(redis.pcall('ZADD', 'rq:wip:' .. name, until_s, id)) ~= 'number' then -- not a zset
		return 'stop'
	end
	local attempt = redis.pcall('HINCRBY', job, 'prosaas_attempt', 1)
	if type(attempt) ~= 'number' then -- a foreign value: begin anew
		redis.call('HSET', job, 'prosaas_attempt', 1)
		attempt = 1
	end
	redis.call('HSET', job, 'status', 'started', 'started_at', now, 'last_heartbeat', now,
		'worker_name', me)
	redis.call('PERSIST', job)
	out[#out + 1] = { id, name, h[2], attempt, h[3] or '', h[4] or '', h[5] or '' }
end

for i = 5, #ARGV do
	local name = ARGV[i]
	for _, list in ipairs({ 'prosaas:holding:' .. name, 'rq:queue:' .. name }) do
		while #out < n do
			local id = redis.pcall('LPOP', list)
			if not id or type(id) == 'table' then -- empty, or not a list
				break
			end
			if take(name, id) == 'stop' then
				redis.call('LPUSH', list, id)
				break
			end
		end
	end
end
return out
