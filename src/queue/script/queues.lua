-- queues.lua: every queue, counted place by place; see queue/manage.h.  Reads only.
--
-- ARGV: names that are listed even when Redis does not know them.
-- Returns per queue: name, in the queue, holding, ready, waiting, started, scheduled,
-- deferred, failed, workers that listen, enqueued_at of the oldest that waits or ''.
local out, seen = {}, {}

local function count(...)
	local n = redis.pcall(...)
	return type(n) == 'number' and n or 0
end

local oldest
local function look(id)
	local at = type(id) == 'string' and redis.pcall('HGET', 'rq:job:' .. id, 'enqueued_at')
	if type(at) == 'string' and at ~= '' and (not oldest or at < oldest) then
		oldest = at -- the form of the dates makes them sort
	end
end

-- Returns how many ids the ready lists hold, and looks at their heads.
local function ready(name)
	local n, ring = 0, redis.pcall('LRANGE', 'prosaas:tenants:' .. name, 0, -1)
	for _, tenant in ipairs(ring.err and {} or ring) do
		local list = 'prosaas:ready:' .. name .. ':' .. tenant
		n = n + count('LLEN', list)
		look(redis.pcall('LINDEX', list, 0))
	end
	return n
end

local function workers(name)
	local n, keys = 0, redis.pcall('SMEMBERS', 'rq:workers:' .. name)
	for _, key in ipairs(keys.err and {} or keys) do
		local h = redis.pcall('HMGET', key, 'birth', 'death')
		if not h.err and h[1] and not h[2] then
			n = n + 1
		end
	end
	return n
end

local function add(name)
	if seen[name] then
		return
	end
	seen[name], oldest = true, nil
	local queue, holding, waiting = 'rq:queue:' .. name, 'prosaas:holding:' .. name, 'prosaas:waiting:' .. name
	look(redis.pcall('LINDEX', queue, 0))
	look(redis.pcall('LINDEX', holding, 0))
	local first = redis.pcall('ZRANGE', waiting, 0, 0)
	look(not first.err and first[1])
	out[#out + 1] = { name, count('LLEN', queue), count('LLEN', holding), ready(name),
		count('ZCARD', waiting), count('ZCARD', 'rq:wip:' .. name), count('ZCARD', 'rq:scheduled:' .. name),
		count('ZCARD', 'rq:deferred:' .. name), count('ZCARD', 'rq:failed:' .. name), workers(name), oldest or '' }
end

for _, name in ipairs(ARGV) do
	add(name)
end
local known = redis.pcall('SMEMBERS', 'rq:queues')
table.sort(known.err and {} or known)
for _, key in ipairs(known.err and {} or known) do
	add(string.sub(key, 10))
end
return out
