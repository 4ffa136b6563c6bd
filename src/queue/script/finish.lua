-- finish.lua: jobs end; see queue/finish.h.
--
-- ARGV: worker name, now (ISO), then seven per job:
--   id, queue, attempt, outcome, delay (s), reason, exc (base64 of zlib text)
--   outcome  ok        finished
--            fail      failed with reason
--            retry     later, while retries_left; then as fail
--            wait      later, whatever is left; as fail when it has waited for WAIT_MAX
--            back      handed back to the head of its queue: not the job's fault
--
-- Fence: only the worker and attempt that hold the job may end it.  Ending is one
-- step, and an end whose answer was lost may be sent again: it is then fenced.
-- Returns one word a job: ok, fail, retry, wait, back, or fenced.
local me, now = ARGV[1], ARGV[2]
local call = redis.pcall -- an error touches its own job only
local unix = tonumber(redis.call('TIME')[1])
local out, done, failed = {}, 0, 0
local WAIT_MAX = 86400 -- an answer a day late is no answer; a person should look

local function ttl_of(v, default)
	return v and tonumber(v) or default
end

-- Life of the job's keys and its score in a registry: ttl < 0 is for ever.
local function expire(id, ttl)
	for _, key in ipairs({ 'rq:job:' .. id, 'rq:job:' .. id .. ':dependents', 'rq:job::' .. id .. ':dependencies', 'rq:results:' .. id }) do
		if ttl < 0 then
			call('PERSIST', key)
		else
			call('EXPIRE', key, ttl)
		end
	end
end

local function end_ok(id, name, job, result_ttl)
	done = done + 1
	if result_ttl == 0 then
		call('DEL', job, job .. ':dependents', 'rq:job::' .. id .. ':dependencies')
		return
	end
	call('HSET', job, 'status', 'finished', 'ended_at', now)
	call('XADD', 'rq:results:' .. id, 'MAXLEN', '~', 10, '*', 'type', 1)
	call('ZADD', 'rq:finished:' .. name, result_ttl < 0 and '+inf' or unix + result_ttl, id)
	expire(id, result_ttl)
end

local function end_failed(id, name, job, failure_ttl, reason, exc)
	failed = failed + 1
	call('HDEL', job, 'prosaas_waiting_since') -- who queues it again gives it a new day
	call('HSET', job, 'status', 'failed', 'ended_at', now, 'prosaas_reason', reason)
	call('XADD', 'rq:results:' .. id, 'MAXLEN', '~', 10, '*', 'type', 2, 'exc_string', exc)
	call('ZADD', 'rq:failed:' .. name, failure_ttl < 0 and -1 or unix + failure_ttl, id)
	expire(id, failure_ttl)
end

local function later(id, name, job, delay)
	call('HSET', job, 'status', 'scheduled')
	call('ZADD', 'rq:scheduled:' .. name, unix + math.max(delay, 1), id)
end

local function retry(id, name, job, left, delay)
	call('HSET', job, 'retries_left', left - 1)
	later(id, name, job, delay)
end

-- A job that waits for others' repair pays no retry for it, but not for ever.
local function waited_too_long(job, since)
	if not since then
		call('HSET', job, 'prosaas_waiting_since', unix)
		return false
	end
	return unix - (tonumber(since) or 0) >= WAIT_MAX
end

for i = 3, #ARGV, 7 do
	local id, name, attempt, word = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
	local job = 'rq:job:' .. id
	local h = call('HMGET', job, 'worker_name', 'prosaas_attempt', 'status', 'retries_left',
		'result_ttl', 'failure_ttl', 'prosaas_waiting_since')

	if h.err or h[1] ~= me or h[2] ~= attempt or h[3] ~= 'started' then
		word = 'fenced'
	else
		local left = tonumber(h[4] or '0') or 0
		call('ZREM', 'rq:wip:' .. name, id)
		if word == 'retry' and left <= 0 then
			word = 'fail'
		elseif word == 'wait' and waited_too_long(job, h[7]) then
			word = 'fail'
		end
		if word == 'ok' then
			end_ok(id, name, job, ttl_of(h[5], 500))
		elseif word == 'fail' then
			end_failed(id, name, job, ttl_of(h[6], 31536000), ARGV[i + 5], ARGV[i + 6])
		elseif word == 'retry' then
			retry(id, name, job, left, tonumber(ARGV[i + 4]))
		elseif word == 'wait' then
			later(id, name, job, tonumber(ARGV[i + 4]))
		else
			call('HSET', job, 'status', 'queued')
			if type(call('LPUSH', 'rq:queue:' .. name, id)) ~= 'number' then -- not a list
				retry(id, name, job, left + 1, 60)
			end
		end
	end
	out[#out + 1] = word
end

if call('EXISTS', 'rq:worker:' .. me) == 1 then
	call('HINCRBY', 'rq:worker:' .. me, 'successful_job_count', done)
	call('HINCRBY', 'rq:worker:' .. me, 'failed_job_count', failed)
end
return out
