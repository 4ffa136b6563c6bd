-- lanes.lua: ready lists and lanes, for the scripts that use them; see queue/claim.h.
--
-- ready:  prosaas:ready:<q>:<tenant>  ids, next at the head
--         prosaas:tenants:<q>         ring of tenants whose ready list is not empty
--         prosaas:dealt:<q>           how many ids all ready lists of the queue hold
-- lane:   prosaas:lane:<lane>         the job that holds the chat
--         prosaas:lane:<lane>:wait    who waits for it, in order
--         prosaas:waiting:<q>         the same ids by queue; score: enqueued, Unix s
--         prosaas:lanes               lanes with waiters; score: last looked at, Unix s
local function ready_push(name, tenant, id, front)
	local list = 'prosaas:ready:' .. name .. ':' .. tenant
	local n = redis.call(front and 'LPUSH' or 'RPUSH', list, id)
	if n == 1 then
		redis.call('RPUSH', 'prosaas:tenants:' .. name, tenant)
	end
	redis.call('INCR', 'prosaas:dealt:' .. name)
end

-- Does this job still have a run before it?
local function alive(id)
	local status = redis.pcall('HGET', 'rq:job:' .. id, 'status')
	return status == 'queued' or status == 'started' or status == 'scheduled' or status == 'deferred'
end

local function date_to_unix(iso)
	local y, mo, d, h, mi, s = string.match(iso or '', '^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)')
	if not y then
		return 0
	end
	y, mo, d = tonumber(y), tonumber(mo), tonumber(d)
	if mo <= 2 then -- the year begins in March, so that a leap day is its last
		y, mo = y - 1, mo + 12
	end
	local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400)
		+ math.floor((153 * (mo - 3) + 2) / 5) + d - 719469
	return days * 86400 + tonumber(h) * 3600 + tonumber(mi) * 60 + tonumber(s)
end

-- Parks a job behind the holder of its lane.  One that waits for more (prosaas:due)
-- waits on for this one, one that runs is told of it.
local function lane_park(lane, name, id, enqueued_at, holder)
	local time = redis.call('TIME')
	redis.call('RPUSH', 'prosaas:lane:' .. lane .. ':wait', id)
	redis.call('ZADD', 'prosaas:waiting:' .. name, date_to_unix(enqueued_at), id)
	redis.call('ZADD', 'prosaas:lanes', 'NX', time[1], lane)

	local h = redis.pcall('HMGET', 'rq:job:' .. holder, 'status', 'prosaas_debounce', 'prosaas_due_max', 'worker_name')
	if h.err or not h[2] then
		return
	end
	if h[1] == 'started' then
		redis.call('PUBLISH', 'rq:pubsub:' .. h[4], cjson.encode({ command = 'newcomer', job_id = holder }))
	elseif redis.call('ZSCORE', 'prosaas:due', holder) then
		local at = time[1] * 1000 + time[2] / 1000 + h[2]
		redis.call('ZADD', 'prosaas:due', 'XX', string.format('%.0f', math.min(at, h[3])), holder)
	end
end

-- Gives the lane to its first waiter that is alive and queued, at the head of its
-- ready list; without one the lane is gone.  Returns true when it found one.
local function lane_next(lane)
	local key = 'prosaas:lane:' .. lane
	local wait = key .. ':wait'
	local id = redis.call('LPOP', wait)

	while id do
		local h = redis.pcall('HMGET', 'rq:job:' .. id, 'status', 'origin', 'prosaas_tenant')
		local name = not h.err and h[2] or nil
		if name then
			redis.call('ZREM', 'prosaas:waiting:' .. name, id)
		end
		if name and h[1] == 'queued' then
			redis.call('SET', key, id)
			ready_push(name, h[3] or '', id, true)
			if redis.call('EXISTS', wait) == 0 then
				redis.call('ZREM', 'prosaas:lanes', lane)
			end
			return true
		end
		id = redis.call('LPOP', wait)
	end
	redis.call('DEL', key)
	redis.call('ZREM', 'prosaas:lanes', lane)
	return false
end

-- The job's run is over: the chat goes to who waits for it, if the job held it.
local function lane_release(lane, id)
	if lane and lane ~= '' and redis.call('GET', 'prosaas:lane:' .. lane) == id then
		return lane_next(lane)
	end
	return false
end

-- Does this attempt of this worker run the job, and hold the lane with it?
local function lane_runs(lane, id, me, attempt)
	local h = redis.pcall('HMGET', 'rq:job:' .. id, 'worker_name', 'prosaas_attempt', 'status')
	return not h.err and h[1] == me and h[2] == attempt and h[3] == 'started'
		and redis.call('GET', 'prosaas:lane:' .. lane) == id
end
