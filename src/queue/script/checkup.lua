-- uses: counts lanes
-- checkup.lua: what a doctor looks at; see queue/checkup.h.  Reads only.
--
-- ARGV: s after which what is overdue counts as stuck, most entries looked at per
-- place, queue names.
--
-- Returns {suspended 0 or 1; the leader's time to live in ms, as PTTL says it; ms since
-- a scheduler ran, -1 never; {debounced jobs that nobody moves}; {lanes whose holder is
-- dead, one of the jobs that wait}; workers; queues}, of
-- each worker: name, 1 when its hash is there, last_heartbeat, death, python_version, version, queues;
-- of each queue, those of rq:queues as well: name, jobs that wait, of them held by us, enqueued_at of the oldest,
-- ended leases, one of their jobs, scheduled jobs that are overdue, started, ended_at of the job that
-- ended last, owner of RQ's scheduler lock.
local late_s, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local unix, now_ms = tonumber(time[1]), time[1] * 1000 + math.floor(time[2] / 1000)

local function text(...)
	local v = redis.pcall(...)
	return type(v) == 'string' and v or ''
end

local function since_seen()
	local seen = tonumber(text('HGET', 'prosaas:scheduler:running', 'seen'))
	return seen and now_ms - seen or -1
end

local function dead_lanes()
	local n, waiter = 0, ''
	for _, lane in ipairs(list('ZRANGEBYSCORE', 'prosaas:lanes', '-inf', unix - late_s, 'LIMIT', 0, most)) do
		local holder = text('GET', 'prosaas:lane:' .. lane)
		if holder == '' or not alive(holder) then
			n, waiter = n + 1, text('LINDEX', 'prosaas:lane:' .. lane .. ':wait', 0)
		end
	end
	return { n, waiter }
end

local function worker(key)
	local h = list('HMGET', key, 'last_heartbeat', 'death', 'python_version', 'version', 'queues')
	return { string.sub(key, 11), redis.call('EXISTS', key), h[1] or '', h[2] or '', h[3] or '', h[4] or '', h[5] or '' }
end

-- Leases of RQ's own workers are for RQ's cleaners.
local function ended_leases(name)
	local n, first = 0, ''
	for _, member in ipairs(list('ZRANGEBYSCORE', 'rq:wip:' .. name, 0, unix - late_s, 'LIMIT', 0, most)) do
		local id = string.match(member, '^[^:]+') or member
		if text('HGET', 'rq:job:' .. id, 'prosaas_attempt') ~= '' then
			n, first = n + 1, first == '' and id or first
		end
	end
	return n, first
end

local function last_end(name)
	local last = ''
	for _, registry in ipairs({ 'rq:finished:', 'rq:failed:' }) do
		local id = list('ZREVRANGE', registry .. name, 0, 0)[1]
		local at = id and text('HGET', 'rq:job:' .. id, 'ended_at') or ''
		last = at > last and at or last
	end
	return last
end

local function queue(name)
	local held = count('LLEN', 'prosaas:holding:' .. name) + dealt(name) + count('ZCARD', 'prosaas:waiting:' .. name)
		+ debounced(name)
	local leases, first = ended_leases(name)
	local late = count('ZCOUNT', 'rq:scheduled:' .. name, 0, unix - late_s)
	return { name, held + count('LLEN', 'rq:queue:' .. name), held, oldest(name), leases, first, late,
		count('ZCARD', 'rq:wip:' .. name), last_end(name), text('GET', 'rq:scheduler-lock:' .. name) }
end

local workers, queues, seen = {}, {}, {}
for _, key in ipairs(list('SMEMBERS', 'rq:workers')) do
	workers[#workers + 1] = worker(key)
end
for i = 3, #ARGV do
	seen[ARGV[i]] = true
	queues[#queues + 1] = queue(ARGV[i])
end
for _, key in ipairs(list('SMEMBERS', 'rq:queues')) do
	local name = string.sub(key, 10)
	if not seen[name] then
		queues[#queues + 1] = queue(name)
	end
end
local due = count('ZCOUNT', 'prosaas:due', '-inf', now_ms - 1000 * late_s)
return { redis.call('EXISTS', 'rq:suspended'), redis.call('PTTL', 'prosaas:leader:scheduler'), since_seen(), { due },
	dead_lanes(), workers, queues }
