-- enqueue.lua: accept messages; see queue/enqueue.h.
--
-- ARGV: now (ISO), now (Unix s), dedupe ttl (s), max depth, timeout (s), retries,
--       then eight per message:
--   kind    q: queue a job    x: keep a dead letter
--   queue, lock key, lock field, job id, data, tenant, then
--   tail    q: "from\0description\0trace\0lane"    x: "reason\0description\0trace\0exc\0raw"
--           from: the job this message is taken out of, or nothing
--
-- Returns one word a message: q queued, x kept, d duplicate, f queue full, or
-- "e<what went wrong>".  Redis does not roll back, so each message is checked
-- first and written in the order job, push, lock, through pcall: an error undoes
-- what its own message wrote and touches no other.  An existing job is a
-- duplicate whatever became of its lock; nothing is overwritten.
local now, unix, ttl, depth_max = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local timeout, retries = ARGV[5], ARGV[6]
local call, failure_ttl = redis.pcall, 31536000
local out, queues = {}, {}

local function wrong(r)
	return type(r) == 'table' and r.err
end

-- The first n - 1 parts end at a zero byte; the last is the rest, whatever it holds.
local function split(s, n)
	local parts, from = {}, 1
	for i = 1, n - 1 do
		local at = string.find(s, '\0', from, true)
		parts[i] = string.sub(s, from, at - 1)
		from = at + 1
	end
	parts[n] = string.sub(s, from)
	return parts
end

-- Room in a queue: counted once a call, with what was dealt to ready lists or waits
-- in lanes and what this call added.  An error (a key of the wrong type) is
-- remembered too.
local function queue_of(name)
	local q = queues[name]
	if not q then
		q = { depth = 0, err = wrong(call('SADD', 'rq:queues', 'rq:queue:' .. name)) }
		for _, n in ipairs({ call('LLEN', 'rq:queue:' .. name), call('LLEN', 'prosaas:holding:' .. name),
			call('ZCARD', 'prosaas:waiting:' .. name), call('GET', 'prosaas:dealt:' .. name) or 0,
			name == 'default' and call('ZCARD', 'prosaas:due') or 0 }) do
			q.err = q.err or wrong(n)
			q.depth = q.depth + (tonumber(n) or 0)
		end
		queues[name] = q
	end
	return q
end

-- Is it known?  The field of our hash says so.  A string is the original's lock:
-- it counts only while the original's job exists, and not for what is taken out of
-- that very job; else our hash takes its place.
-- Returns 'lock' or 'job' when known, else nil; an error; replace (the string must go).
local function known(lock, field, job, from)
	local have = call('HGET', lock, field)
	local replace = false
	if wrong(have) then
		if redis.call('TYPE', lock).ok ~= 'string' then
			return nil, have.err
		end
		local theirs = 'deduped:' .. string.sub(lock, 10)
		if theirs ~= from and redis.call('EXISTS', 'rq:job:' .. theirs) == 1 then
			return 'lock'
		end
		replace = true
	elseif have then
		return 'lock'
	end
	if redis.call('EXISTS', job) == 1 then
		if redis.call('TYPE', job).ok ~= 'hash' then
			return nil, 'WRONGTYPE ' .. job
		end
		return 'job', nil, replace
	end
	return nil, nil, replace
end

local function set_lock(lock, field, id, replace)
	if replace then
		call('DEL', lock)
	end
	local r = call('HSET', lock, field, id)
	if not wrong(r) then
		call('EXPIRE', lock, ttl)
	end
	return r
end

local function queue_job(name, job, id, data, tenant, t)
	local q = queue_of(name)
	if q.err then
		return q.err
	end
	if q.depth >= depth_max and t[1] == '' then
		return 'full'
	end
	local r = call('HSET', job, 'status', 'queued', 'created_at', now, 'enqueued_at', now,
		'origin', name, 'timeout', timeout, 'retries_left', retries, 'data', data,
		'description', t[2], 'prosaas_tenant', tenant, 'prosaas_trace', t[3], 'prosaas_lane', t[4])
	if wrong(r) then
		return r.err
	end
	r = call('RPUSH', 'rq:queue:' .. name, id)
	if wrong(r) then
		call('DEL', job)
		return r.err
	end
	q.depth = q.depth + 1
end

local function keep_dead(name, job, id, data, tenant, t)
	local bad = wrong(call('SADD', 'rq:queues', 'rq:queue:' .. name))
		or wrong(call('HSET', job, 'status', 'failed', 'created_at', now, 'enqueued_at', now,
			'ended_at', now, 'origin', name, 'timeout', timeout, 'data', data,
			'description', t[2], 'prosaas_tenant', tenant, 'prosaas_reason', t[1],
			'prosaas_trace', t[3], 'prosaas_raw', t[5]))
		or wrong(call('ZADD', 'rq:failed:' .. name, unix + failure_ttl, id))
		or wrong(call('XADD', 'rq:results:' .. id, 'MAXLEN', '~', 10, '*', 'type', 2, 'exc_string', t[4]))
	if bad then
		call('DEL', job, 'rq:results:' .. id)
		call('ZREM', 'rq:failed:' .. name, id)
		return bad
	end
	call('EXPIRE', job, failure_ttl)
	call('EXPIRE', 'rq:results:' .. id, failure_ttl)
end

for i = 7, #ARGV, 8 do
	local kind, name, lock, field = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
	local id, data, tenant, tail = ARGV[i + 4], ARGV[i + 5], ARGV[i + 6], ARGV[i + 7]
	local job = 'rq:job:' .. id
	local word, t = kind, split(tail, kind == 'q' and 4 or 5)
	local seen, err, replace = known(lock, field, job, kind == 'q' and t[1])

	if seen then
		if seen == 'job' then
			set_lock(lock, field, id, replace) -- refreshed
		end
		word = 'd'
	elseif not err then
		if kind == 'q' then
			err = queue_job(name, job, id, data, tenant, t)
		else
			err = keep_dead(name, job, id, data, tenant, t)
		end
		if not err then
			-- The job is stored: a lock that can't be set costs only a look at the job.
			set_lock(lock, field, id, replace)
		end
	end

	if err == 'full' then
		word = 'f'
	elseif err then
		word = 'e' .. err
	end
	out[#out + 1] = word
end
return out
