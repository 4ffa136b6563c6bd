-- counts.lua: what stands in a queue, counted; reads only.
--
-- Every list is in order, so the oldest of all that wait is one of their heads.
local HEADS_MAX = 1000 -- ready lists looked into for the oldest

local function count(...)
	local n = redis.pcall(...)
	return type(n) == 'number' and n or 0
end

-- {} for a key of the wrong type.
local function list(...)
	local l = redis.pcall(...)
	return l.err and {} or l
end

-- How many ids the ready lists hold.
local function dealt(name)
	local n = redis.pcall('GET', 'prosaas:dealt:' .. name)
	return type(n) == 'string' and tonumber(n) or 0
end

-- Debounced: only messages are, and those are on `default`.
local function debounced(name)
	return name == 'default' and count('ZCARD', 'prosaas:due') or 0
end

-- enqueued_at of the oldest that waits, '' when none does.  The form of the dates
-- makes them sort.
local function oldest(name)
	local first = ''
	local function look(id)
		local at = type(id) == 'string' and redis.pcall('HGET', 'rq:job:' .. id, 'enqueued_at')
		if type(at) == 'string' and at ~= '' and (first == '' or at < first) then
			first = at
		end
	end
	look(redis.pcall('LINDEX', 'rq:queue:' .. name, 0))
	look(redis.pcall('LINDEX', 'prosaas:holding:' .. name, 0))
	look(redis.pcall('ZRANGE', 'prosaas:waiting:' .. name, 0, 0)[1])
	for _, tenant in ipairs(list('LRANGE', 'prosaas:tenants:' .. name, 0, HEADS_MAX - 1)) do
		look(redis.pcall('LINDEX', 'prosaas:ready:' .. name .. ':' .. tenant, 0))
	end
	return first
end
