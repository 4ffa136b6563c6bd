-- uses: counts
-- stats.lua: counts per queue; see queue/registry.h.  ARGV: queue names.  Reads only.
-- Returns per queue: queued (wherever its ids wait), started, finished, failed,
-- scheduled, deferred, canceled; of the queued: dealt to ready lists, waiting in lanes,
-- debounced; enqueued_at of the oldest waiting job ('' when none).
local out = {}
local unix = redis.call('TIME')[1]
for _, name in ipairs(ARGV) do
	local ready, parked, due = dealt(name), count('ZCARD', 'prosaas:waiting:' .. name), debounced(name)
	out[#out + 1] = {
		count('LLEN', 'rq:queue:' .. name) + count('LLEN', 'prosaas:holding:' .. name) + ready + parked + due,
		count('ZCARD', 'rq:wip:' .. name),
		count('ZCOUNT', 'rq:finished:' .. name, '(' .. unix, '+inf'),
		count('ZCARD', 'rq:failed:' .. name),
		count('ZCARD', 'rq:scheduled:' .. name),
		count('ZCARD', 'rq:deferred:' .. name),
		count('ZCARD', 'rq:canceled:' .. name),
		ready,
		parked,
		due,
		oldest(name),
	}
end
return out
