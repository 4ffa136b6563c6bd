-- ends.lua: how a job ends in RQ's registries; see queue/finish.h.  Stands behind
-- lanes and dependents.  An error (a key of the wrong type) touches that job only.
--
-- rq:results:<id>   stream: type 1 with return_value, 2 with exc_string
-- rq:finished:<q>, rq:failed:<q>   zset; score: when the job expires
local FAILURE_TTL = 31536000 -- RQ's, a year

-- Writes the end down.  has_result: a stream of results, else the status says it all.
local function end_finished(id, name, now, unix, ttl, value, has_result)
	redis.pcall('HSET', 'rq:job:' .. id, 'status', 'finished', 'ended_at', now)
	if has_result then
		local args = { 'XADD', 'rq:results:' .. id, 'MAXLEN', '~', 10, '*', 'type', 1 }
		if value ~= '' then
			args[9], args[10] = 'return_value', value
		end
		redis.pcall(unpack(args))
	end
	if ttl ~= 0 then
		redis.pcall('ZADD', 'rq:finished:' .. name, ttl < 0 and '+inf' or unix + ttl, id)
	end
end

local function end_failed(id, name, now, unix, ttl, status, reason, exc)
	local job = 'rq:job:' .. id
	redis.pcall('HDEL', job, 'prosaas_waiting_since') -- who queues it again gives it a new day
	redis.pcall('HSET', job, 'status', status, 'ended_at', now, 'prosaas_reason', reason)
	redis.pcall('XADD', 'rq:results:' .. id, 'MAXLEN', '~', 10, '*', 'type', 2, 'exc_string', exc)
	redis.pcall('ZADD', 'rq:failed:' .. name, ttl < 0 and -1 or unix + ttl, id)
end

-- The ended job leaves its lane and those that depend on it.  Then the life of its
-- keys counts: ttl < 0 is for ever.  Returns true when a job that waited for the lane
-- is ready now.
local function leave(id, ok, lane, now, ttl, has_result)
	local fine, released = pcall(lane_release, lane, id)
	local keys = { 'rq:job:' .. id }

	local others = { 'rq:job:' .. id .. ':dependents', 'rq:job::' .. id .. ':dependencies' }
	if redis.pcall('EXISTS', unpack(others)) ~= 0 then
		pcall(dependents_release, id, ok, now)
		keys[2], keys[3] = others[1], others[2]
	end
	if has_result then
		keys[#keys + 1] = 'rq:results:' .. id
	end
	for _, key in ipairs(keys) do
		if ttl == 0 then
			redis.pcall('DEL', key)
		elseif ttl < 0 then
			redis.pcall('PERSIST', key)
		else
			redis.pcall('EXPIRE', key, ttl)
		end
	end
	return fine and released
end
