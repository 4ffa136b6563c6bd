-- uses: lanes
-- cancel.lua: jobs that wait anywhere are taken out; see queue/manage.h.  ARGV: ids.
--
-- A job that held its chat gives it to who waits for it.  One that runs can't be
-- taken out: its worker is asked to stop it, as RQ does.
-- Returns per id: "ok queue", "asked worker", "deaf worker" (it does not listen),
-- "is status" or "gone".
local unix = redis.call('TIME')[1]
local out, released = {}, false

local function ask_worker(id, worker)
	local command = cjson.encode({ command = 'stop-job', job_id = id })
	local heard = redis.call('PUBLISH', 'rq:pubsub:' .. worker, command)
	return (heard > 0 and 'asked ' or 'deaf ') .. worker
end

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
	released = released or (fine and was)
end

local function cancel(id)
	local job = 'rq:job:' .. id
	local h = redis.pcall('HMGET', job, 'status', 'origin', 'prosaas_tenant', 'prosaas_lane', 'worker_name')
	if h.err or not h[1] or not h[2] then
		return 'gone'
	end
	local status, name = h[1], h[2]
	if status == 'started' then
		return ask_worker(id, h[5] or '')
	end
	if status ~= 'queued' and status ~= 'scheduled' and status ~= 'deferred' then
		return 'is ' .. status
	end
	redis.call('HSET', job, 'status', 'canceled') -- first: a lane passes to the living
	redis.pcall('LREM', 'rq:queue:' .. name, 0, id)
	redis.pcall('LREM', 'prosaas:holding:' .. name, 0, id)
	leave_ready(name, h[3] or '', id)
	for _, key in ipairs({ 'rq:scheduled:' .. name, 'rq:deferred:' .. name, 'prosaas:due' }) do
		redis.pcall('ZREM', key, id)
	end
	if h[4] and h[4] ~= '' then
		leave_lane(name, h[4], id)
	end
	redis.call('ZADD', 'rq:canceled:' .. name, unix, id)
	return 'ok ' .. name
end

for _, id in ipairs(ARGV) do
	out[#out + 1] = cancel(id)
end
if released then
	redis.call('PUBLISH', 'prosaas:wake', 'cancel')
end
return out
