-- out.lua: a job leaves the places where it waits, or all that knows of it.  Stands
-- behind lanes.
local function leave_ready(name, tenant, id)
	local list = 'prosaas:ready:' .. name .. ':' .. tenant
	local n = redis.pcall('LREM', list, 0, id)
	if type(n) ~= 'number' or n == 0 then
		return
	end
	redis.call('DECRBY', 'prosaas:dealt:' .. name, n)
	if redis.call('EXISTS', list) == 0 then
		redis.call('LREM', 'prosaas:tenants:' .. name, 0, tenant)
	end
end

local function leave_lane(name, lane, id)
	local wait = 'prosaas:lane:' .. lane .. ':wait'
	redis.pcall('LREM', wait, 0, id)
	redis.pcall('ZREM', 'prosaas:waiting:' .. name, id)
	if redis.call('EXISTS', wait) == 0 then
		redis.pcall('ZREM', 'prosaas:lanes', lane)
	end
	local fine, was = pcall(lane_release, lane, id)
	return fine and was
end

-- The job must no longer be alive by its status: its lane passes to the living.
-- Returns true when a job that waited for the lane is ready now.
local function take_out(id, name, tenant, lane)
	redis.pcall('LREM', 'rq:queue:' .. name, 0, id)
	redis.pcall('LREM', 'prosaas:holding:' .. name, 0, id)
	leave_ready(name, tenant, id)
	for _, key in ipairs({ 'rq:scheduled:' .. name, 'rq:deferred:' .. name, 'prosaas:due' }) do
		redis.pcall('ZREM', key, id)
	end
	redis.pcall('SREM', 'prosaas:paused:' .. tenant, id)
	return lane ~= '' and leave_lane(name, lane, id)
end

local function delete_job(id, name)
	local job, parents = 'rq:job:' .. id, 'rq:job::' .. id .. ':dependencies'
	local ids = redis.pcall('SMEMBERS', parents)
	for _, parent in ipairs(ids.err and {} or ids) do
		redis.pcall('SREM', 'rq:job:' .. parent .. ':dependents', id)
	end
	for _, kind in ipairs({ 'failed', 'canceled', 'finished' }) do
		redis.pcall('ZREM', 'rq:' .. kind .. ':' .. name, id)
	end
	redis.call('DEL', job, job .. ':dependents', parents, 'rq:results:' .. id)
end
