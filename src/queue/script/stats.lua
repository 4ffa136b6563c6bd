-- stats.lua: counts per queue; see queue/registry.h.  ARGV: queue names.
-- Reads only.  Only messages debounce, and they are on `default`.  Returns per queue: queued (wherever its ids wait), started, finished,
-- failed, scheduled, deferred, canceled; of the queued: dealt to ready lists, waiting
-- in lanes, debounced; enqueued_at of the oldest waiting job ('' when none).
local out = {}
local unix = redis.call('TIME')[1]
local heads_max = 1000 -- ready lists looked into for the oldest

local function count(...)
	local n = redis.pcall(...)
	return type(n) == 'number' and n or 0
end

local function dealt(name)
	local n = redis.pcall('GET', 'prosaas:dealt:' .. name)
	return type(n) == 'string' and tonumber(n) or 0
end

-- Every list is in order, so the oldest is one of their heads.
local function oldest(name)
	local first = ''
	local function look(id)
		local at = type(id) == 'string' and redis.pcall('HGET', 'rq:job:' .. id, 'enqueued_at')
		if type(at) == 'string' and (first == '' or at < first) then
			first = at
		end
	end
	look(redis.pcall('LINDEX', 'rq:queue:' .. name, 0))
	look(redis.pcall('LINDEX', 'prosaas:holding:' .. name, 0))
	local parked = redis.pcall('ZRANGE', 'prosaas:waiting:' .. name, 0, 0)
	look(parked[1])
	local tenants = redis.pcall('LRANGE', 'prosaas:tenants:' .. name, 0, heads_max - 1)
	for _, tenant in ipairs(tenants.err and {} or tenants) do
		look(redis.pcall('LINDEX', 'prosaas:ready:' .. name .. ':' .. tenant, 0))
	end
	return first
end

for _, name in ipairs(ARGV) do
	local ready, parked = dealt(name), count('ZCARD', 'prosaas:waiting:' .. name)
	local due = name == 'default' and count('ZCARD', 'prosaas:due') or 0
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
