-- restore.lua: a queue as RQ alone would have it; see queue/manage.h.
--
-- ARGV: queue, 1 to do it (0 only counts), heartbeats older than this (ISO) are of
--       dead workers.
--
-- What was held, dealt out, parked in a lane, debounced, or left under a lease that
-- ran out goes back to rq:queue:<q> in the order of arrival: by created_at, and what
-- came at the same instant by how far it had come.  The new list is whole before
-- any old one is deleted, all in one step: no id is ever in none.
-- Returns "live", names of our workers that live; "wrong", what; or "ok" and counts: holding, ready,
-- waiting, due, under a dead lease, dropped (not queued any more, or listed twice).
local name, act, cutoff = ARGV[1], ARGV[2] == '1', ARGV[3]
local queue, holding, waiting = 'rq:queue:' .. name, 'prosaas:holding:' .. name, 'prosaas:waiting:' .. name
local ring, dealt, fresh = 'prosaas:tenants:' .. name, 'prosaas:dealt:' .. name, 'prosaas:restoring:' .. name
local unix = tonumber(redis.call('TIME')[1])

local function live_workers()
	local names = {}
	for _, key in ipairs(redis.call('SMEMBERS', 'rq:workers')) do
		local h = redis.pcall('HMGET', key, 'python_version', 'last_heartbeat', 'death')
		if not h.err and h[1] == 'none (prosaas)' and not h[3] and (h[2] or '') >= cutoff then
			names[#names + 1] = string.sub(key, 11)
		end
	end
	return names
end

local live = live_workers()
if #live > 0 then
	return { 'live', unpack(live) }
end

local kind = redis.call('TYPE', queue).ok
if kind ~= 'list' and kind ~= 'none' then
	return { 'wrong', queue .. ' is of type ' .. kind }
end

-- --- what is there --------------------------------------------------------------

local holders = {} -- job -> the lane that it holds
local at, place_of = {}, {} -- of each id taken: created_at; where it was, when not the queue
local counts = { holding = 0, ready = 0, waiting = 0, due = 0, wip = 0, dropped = 0 }
local gone, waits = {}, {} -- ready lists; lanes' lists

local function range(key)
	local ids = redis.pcall('LRANGE', key, 0, -1)
	return ids.err and {} or ids
end

local function add(into, id, place, created_at)
	at[id], place_of[id] = created_at, place
	into[#into + 1] = id
	counts[place] = counts[place] + 1
end

-- Takes an id unless its job is over or not of this queue.  Returns its created_at, at
-- least `least`, when it did.
local function take(into, id, place, least)
	local h = redis.pcall('HMGET', 'rq:job:' .. id, 'status', 'origin', 'created_at')
	local queued = not h.err
		and (h[1] == 'queued' or place == 'due' and (h[1] == 'scheduled' or h[1] == 'deferred'))
	if queued and h[2] ~= name then
		return nil
	end
	if not queued or at[id] then
		counts.dropped = counts.dropped + 1
		return nil
	end
	local created_at = h[3] or ''
	if least and created_at < least then
		created_at = least
	end
	add(into, id, place, created_at)
	return created_at
end

-- RQ's own list: what is in it is RQ's to judge.
local function take_queue(into)
	for _, id in ipairs(range(queue)) do
		if at[id] then
			counts.dropped = counts.dropped + 1
		else
			local created_at = redis.pcall('HGET', 'rq:job:' .. id, 'created_at')
			at[id] = type(created_at) == 'string' and created_at or ''
			into[#into + 1] = id
		end
	end
end

-- Every lane's waiters, in their order whatever their dates say.
local function take_lanes(into)
	for _, key in ipairs(redis.call('KEYS', 'prosaas:lane:*')) do
		local kind = redis.call('TYPE', key).ok
		local lane = string.match(key, '^prosaas:lane:(.*):wait$')
		if kind == 'list' and lane then
			local least
			waits[#waits + 1] = lane
			for _, id in ipairs(range(key)) do
				least = take(into, id, 'waiting', least) or least
			end
		elseif kind == 'string' then
			holders[redis.call('GET', key)] = key
		end
	end
end

local function take_ready(into)
	local prefix = 'prosaas:ready:' .. name .. ':'
	for _, key in ipairs(redis.call('KEYS', 'prosaas:ready:*')) do
		local tenant = string.sub(key, #prefix + 1)
		if string.sub(key, 1, #prefix) == prefix and not string.find(tenant, ':', 1, true) then
			gone[#gone + 1] = key
			for _, id in ipairs(range(key)) do
				take(into, id, 'ready')
			end
		end
	end
end

local function take_due(into)
	local ids = redis.pcall('ZRANGE', 'prosaas:due', 0, -1)
	for _, id in ipairs(ids.err and {} or ids) do
		take(into, id, 'due')
	end
end

-- Jobs of ours whose worker died: RQ's cleaner would fail them as abandoned.
local function take_leases(into)
	local ids = redis.pcall('ZRANGEBYSCORE', 'rq:wip:' .. name, 0, unix)
	for _, id in ipairs(ids.err and {} or ids) do
		local h = redis.pcall('HMGET', 'rq:job:' .. id, 'status', 'prosaas_attempt', 'created_at')
		if not h.err and h[1] == 'started' and h[2] and not at[id] then
			add(into, id, 'wip', h[3] or '')
		end
	end
end

-- Of one chat the holder is the oldest, then come its waiters, then what was not
-- looked at yet; this is the order of ties.
local function gather()
	local items, parked, rest = {}, {}, {}
	take_lanes(parked)
	take_leases(rest)
	take_ready(rest)
	take_due(rest)
	for _, id in ipairs(range(holding)) do
		take(rest, id, 'holding')
	end
	take_queue(rest)
	for _, id in ipairs(rest) do
		if holders[id] then
			items[#items + 1] = id
		end
	end
	for _, id in ipairs(parked) do
		items[#items + 1] = id
	end
	for _, id in ipairs(rest) do
		if not holders[id] then
			items[#items + 1] = id
		end
	end
	return items
end

-- --- the order of arrival -------------------------------------------------------

local function merge(a, from, middle, to, b)
	local i, j = from, middle
	for k = from, to - 1 do
		if i < middle and (j >= to or at[a[i]] <= at[a[j]]) then
			b[k], i = a[i], i + 1
		else
			b[k], j = a[j], j + 1
		end
	end
end

-- A stable sort (table.sort is none), quick on what is nearly in order: runs that are
-- in order are merged by twos.
local function sorted(a)
	local starts = { 1 }
	for i = 2, #a do
		if at[a[i]] < at[a[i - 1]] then
			starts[#starts + 1] = i
		end
	end
	while #starts > 1 do
		local b, next_starts = {}, {}
		for r = 1, #starts, 2 do
			local middle = starts[r + 1] or #a + 1
			merge(a, starts[r], middle, starts[r + 2] or #a + 1, b)
			next_starts[#next_starts + 1] = starts[r]
		end
		a, starts = b, next_starts
	end
	return a
end

-- --- putting it back ------------------------------------------------------------

local function write(items)
	redis.call('DEL', fresh)
	for i = 1, #items, 1000 do
		redis.call('RPUSH', fresh, unpack(items, i, math.min(i + 999, #items)))
	end
end

-- What was under a lease or debounced is queued again.
local function revive(id)
	local place, job = place_of[id], 'rq:job:' .. id
	if place == 'wip' then
		redis.call('ZREM', 'rq:wip:' .. name, id)
		redis.call('HINCRBY', job, 'prosaas_crashes', 1)
		redis.call('HSET', job, 'status', 'queued')
	elseif place == 'due' then
		redis.call('ZREM', 'prosaas:due', id)
		redis.call('HSET', job, 'status', 'queued')
	end
end

-- This queue's jobs hold no chat and wait in none any more; a list goes when no other
-- queue has jobs in it.
local function free_lanes()
	for id, key in pairs(holders) do
		local origin = redis.pcall('HGET', 'rq:job:' .. id, 'origin')
		if not origin or origin == name then
			redis.call('DEL', key)
		end
	end
	for _, lane in ipairs(waits) do
		local key = 'prosaas:lane:' .. lane .. ':wait'
		for _, id in ipairs(range(key)) do
			local origin = redis.pcall('HGET', 'rq:job:' .. id, 'origin')
			if not origin or origin == name then
				redis.call('LREM', key, 0, id)
			end
		end
		if redis.call('EXISTS', key) == 0 then
			redis.call('ZREM', 'prosaas:lanes', lane)
		end
	end
end

local items = gather()
local c = counts
if act and c.holding + c.ready + c.waiting + c.due + c.wip > 0 then
	items = sorted(items)
	write(items)
	for _, id in ipairs(items) do
		revive(id)
	end
	redis.call('SADD', 'rq:queues', queue)
	redis.call('RENAME', fresh, queue)
end
if act then
	free_lanes()
	redis.call('DEL', holding, waiting, ring, dealt)
	for _, key in ipairs(gone) do
		redis.call('DEL', key)
	end
end
return { 'ok', c.holding, c.ready, c.waiting, c.due, c.wip, c.dropped }
