-- uses: counts
-- survey.lua: how the whole stands, for numbers and alerts; see queue/survey.h.  Reads
-- only, but for vitals of who is gone.
--
-- ARGV: the oldest heartbeat of a worker that lives (ISO), queue names.
-- Returns {{per queue: queued, oldest enqueued_at, ready, parked, debounced, started,
-- scheduled, deferred, failed}, workers, lanes with waiters, {name, class and since of
-- each session}, used_memory, maxmemory, now (Unix), {per process: "<role>:<id>", what it
-- told}, {firing alerts: name, what is known}, the first notice to deliver or ''}.
local unix = tonumber(redis.call('TIME')[1])
local queues, vitals = {}, {}
local GONE_S = 600

for i = 2, #ARGV do
	local name = ARGV[i]
	local ready, parked, due = dealt(name), count('ZCARD', 'prosaas:waiting:' .. name), debounced(name)
	queues[#queues + 1] = {
		count('LLEN', 'rq:queue:' .. name) + count('LLEN', 'prosaas:holding:' .. name) + ready + parked + due,
		oldest(name), ready, parked, due,
		count('ZCARD', 'rq:wip:' .. name),
		count('ZCARD', 'rq:scheduled:' .. name),
		count('ZCARD', 'rq:deferred:' .. name),
		count('ZCARD', 'rq:failed:' .. name),
	}
end

local function workers()
	local n = 0
	for _, key in ipairs(redis.call('SMEMBERS', 'rq:workers')) do
		local h = redis.pcall('HMGET', key, 'last_heartbeat', 'death')
		if not h.err and h[1] and h[1] >= ARGV[1] and not h[2] then
			n = n + 1
		end
	end
	return n
end

-- Of who is gone the last word does no harm, so clocks need not agree.
local told = list('HGETALL', 'prosaas:vitals')
for i = 1, #told, 2 do
	local at = tonumber(string.match(told[i + 1], '^%d+')) or 0
	if math.abs(unix - at) > GONE_S then
		redis.call('HDEL', 'prosaas:vitals', told[i])
	else
		vitals[#vitals + 1] = { told[i], told[i + 1] }
	end
end

local memory = redis.call('INFO', 'memory')
local function of_memory(name)
	return tonumber(string.match(memory, '\n' .. name .. ':(%d+)') or 0)
end
local notice = redis.pcall('LINDEX', 'prosaas:alerts:outbox', 0)

return { queues, workers(), count('ZCARD', 'prosaas:lanes'), list('HGETALL', 'prosaas:sessions'), of_memory('used_memory'),
	of_memory('maxmemory'), unix, vitals, list('HGETALL', 'prosaas:alerts'), type(notice) == 'string' and notice or '' }
