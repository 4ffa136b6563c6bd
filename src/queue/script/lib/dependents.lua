-- dependents.lua: RQ's depends_on; see queue/finish.h.
--
-- rq:job:<id>:dependents     set: who waits for <id>
-- rq:job::<id>:dependencies  set: for whom <id> waits
local function dependencies_met(id, parent, allowed)
	local ids = redis.pcall('SMEMBERS', 'rq:job::' .. id .. ':dependencies')
	for _, other in ipairs(ids.err and {} or ids) do
		local status = other ~= parent and redis.pcall('HGET', 'rq:job:' .. other, 'status')
		if status and not (status == 'finished' or (allowed and status == 'failed')) then
			return false
		end
	end
	return true
end

-- A job is over: those that waited for it alone go to their queues.  After a
-- failure only those that allow it.
local function dependents_release(id, ok, now)
	local key = 'rq:job:' .. id .. ':dependents'
	local ids = redis.pcall('SMEMBERS', key)

	for _, dep in ipairs(ids.err and {} or ids) do
		local job = 'rq:job:' .. dep
		local h = redis.pcall('HMGET', job, 'status', 'origin', 'allow_dependency_failures', 'enqueue_at_front')
		local allowed = h[3] == '1'
		if h.err or not h[1] then
			redis.call('SREM', key, dep)
		elseif h[1] == 'deferred' and (ok or allowed) and dependencies_met(dep, id, allowed) then
			redis.call('ZREM', 'rq:deferred:' .. h[2], dep)
			redis.call('SADD', 'rq:queues', 'rq:queue:' .. h[2])
			redis.call('HSET', job, 'status', 'queued', 'enqueued_at', now)
			redis.call(h[4] == '1' and 'LPUSH' or 'RPUSH', 'rq:queue:' .. h[2], dep)
			redis.call('SREM', key, dep)
		end
	end
end
