-- uses: counts
-- queues.lua: every queue, counted place by place; see queue/manage.h.  Reads only.
--
-- ARGV: names that are listed even when Redis does not know them.
-- Returns per queue: name, in the queue, holding, ready, waiting (for their chat, or for
-- more of it), started, scheduled, deferred, failed, workers that listen, enqueued_at of the oldest that waits or ''.
local out, seen = {}, {}

-- The lists themselves, not the counter kept beside them: this is for who looks for
-- what is wrong.
local function ready(name)
	local n = 0
	for _, tenant in ipairs(list('LRANGE', 'prosaas:tenants:' .. name, 0, -1)) do
		n = n + count('LLEN', 'prosaas:ready:' .. name .. ':' .. tenant)
	end
	return n
end

local function workers(name)
	local n = 0
	for _, key in ipairs(list('SMEMBERS', 'rq:workers:' .. name)) do
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
	seen[name] = true
	out[#out + 1] = { name, count('LLEN', 'rq:queue:' .. name), count('LLEN', 'prosaas:holding:' .. name), ready(name),
		count('ZCARD', 'prosaas:waiting:' .. name) + debounced(name), count('ZCARD', 'rq:wip:' .. name), count('ZCARD', 'rq:scheduled:' .. name),
		count('ZCARD', 'rq:deferred:' .. name), count('ZCARD', 'rq:failed:' .. name), workers(name), oldest(name) }
end

for _, name in ipairs(ARGV) do
	add(name)
end
local known = list('SMEMBERS', 'rq:queues')
table.sort(known)
for _, key in ipairs(known) do
	add(string.sub(key, 10))
end
return out
