-- stats.lua: counts per queue; see queue/registry.h.  ARGV: queue names.
-- Reads only.  Returns per queue: queued, started, finished, failed, scheduled,
-- deferred, enqueued_at of the oldest waiting job ('' when none).
local out = {}
local unix = redis.call('TIME')[1]

local function count(...)
	local n = redis.pcall(...)
	return type(n) == 'number' and n or 0
end

for _, name in ipairs(ARGV) do
	local queue, holding = 'rq:queue:' .. name, 'prosaas:holding:' .. name
	local oldest = redis.pcall('LINDEX', holding, 0)
	if type(oldest) ~= 'string' then
		oldest = redis.pcall('LINDEX', queue, 0)
	end
	local at = type(oldest) == 'string' and redis.pcall('HGET', 'rq:job:' .. oldest, 'enqueued_at')
	out[#out + 1] = {
		count('LLEN', queue) + count('LLEN', holding),
		count('ZCARD', 'rq:wip:' .. name),
		count('ZCOUNT', 'rq:finished:' .. name, '(' .. unix, '+inf'),
		count('ZCARD', 'rq:failed:' .. name),
		count('ZCARD', 'rq:scheduled:' .. name),
		count('ZCARD', 'rq:deferred:' .. name),
		type(at) == 'string' and at or '',
	}
end
return out
