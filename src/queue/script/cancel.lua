-- uses: lanes out
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
	released = take_out(id, name, h[3] or '', h[4] or '') or released
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
