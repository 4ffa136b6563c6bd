-- SPDX-License-Identifier: MIT
-- census.lua: every place where a job's id can be, counted in one step; see chaos.py.
--
-- ARGV: queue names.  Reads only.  Returns JSON: places (place -> how many ids, those
-- of the scheduler's own clock not counted), total, and wrong: what must not be, in words, at most WRONG_MAX of it:
--   an id in two places, or whose job has another status than its place says
--   a job that waits or runs and is in no place
--   dealt count, ring of tenants, waiting set or set of lanes that differ from the lists
--   a wait list without a lane; a lane whose holder has no run before it
local WRONG_MAX = 20
local STATUS = { queue = 'queued', holding = 'queued', ready = 'queued', waiting = 'queued', due = 'queued',
	wip = 'started', scheduled = 'scheduled', deferred = 'deferred', canceled = 'canceled',
	finished = 'finished', failed = 'failed' }
local places, where, wrong, total = {}, {}, {}, 0
local statuses = {}

local function bad(...)
	if #wrong < WRONG_MAX then
		wrong[#wrong + 1] = string.format(...)
	end
end

local function status_of(id)
	local status = statuses[id]
	if status == nil then
		status = redis.call('HGET', 'rq:job:' .. id, 'status')
		statuses[id] = status
	end
	return status
end

-- What the scheduler's own clock queues each minute is no part of a test.
local function is_of_the_clock(id)
	return string.sub(id, 1, 5) == 'cron_' and redis.call('HGET', 'rq:job:' .. id, 'origin') == 'prosaas'
end

local function put(place, id)
	if where[id] then
		bad('%s is in %s and in %s', id, where[id], place)
	end
	where[id] = place
	if not is_of_the_clock(id) then
		places[place] = (places[place] or 0) + 1
		total = total + 1
	end
	if status_of(id) ~= STATUS[place] then
		bad('%s is in %s and its status is %s', id, place, tostring(status_of(id)))
	end
end

local function put_list(place, key)
	local ids = redis.call('LRANGE', key, 0, -1)
	for _, id in ipairs(ids) do
		put(place, id)
	end
	return #ids
end

local function put_zset(place, key)
	for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do
		put(place, string.match(id, '^[^:]+'))
	end
end

-- Two sets of names, each name -> true.
local function compare(what, have, want)
	for name in pairs(have) do
		if not want[name] then
			bad('%s has %s in it', what, name)
		end
	end
	for name in pairs(want) do
		if not have[name] then
			bad('%s has not %s in it', what, name)
		end
	end
end

local function set_of(what, names)
	local set = {}
	for _, name in ipairs(names) do
		if set[name] then
			bad('%s has %s in it twice', what, name)
		end
		set[name] = true
	end
	return set
end

local function count_ready(name)
	local prefix = 'prosaas:ready:' .. name .. ':'
	local tenants, dealt = {}, 0
	for _, key in ipairs(redis.call('KEYS', prefix .. '*')) do
		tenants[string.sub(key, #prefix + 1)] = true
		dealt = dealt + put_list('ready', key)
	end
	local ring = 'prosaas:tenants:' .. name
	compare(ring, set_of(ring, redis.call('LRANGE', ring, 0, -1)), tenants)
	local said = tonumber(redis.call('GET', 'prosaas:dealt:' .. name) or 0)
	if said ~= dealt then
		bad('prosaas:dealt:%s is %d and the lists have %d', name, said, dealt)
	end
end

local function runs_yet(id)
	local status = id and status_of(id)
	return status == 'queued' or status == 'started' or status == 'scheduled' or status == 'deferred'
end

-- Returns the parked ids by queue.
local function count_lanes()
	local parked, lanes = {}, {}
	for _, key in ipairs(redis.call('KEYS', 'prosaas:lane:*')) do
		local lane = string.match(key, '^prosaas:lane:(.*):wait$')
		if lane then
			lanes[lane] = true
			put_list('waiting', key)
			for _, id in ipairs(redis.call('LRANGE', key, 0, -1)) do
				local name = redis.call('HGET', 'rq:job:' .. id, 'origin') or ''
				parked[name] = parked[name] or {}
				parked[name][id] = true
			end
			if redis.call('EXISTS', 'prosaas:lane:' .. lane) == 0 then
				bad('%s has no lane', key)
			end
		elseif not runs_yet(redis.call('GET', key)) then
			bad('%s is held by %s, which does not run', key, redis.call('GET', key))
		end
	end
	compare('prosaas:lanes', set_of('prosaas:lanes', redis.call('ZRANGE', 'prosaas:lanes', 0, -1)), lanes)
	return parked
end

local function look_for_lost()
	for _, key in ipairs(redis.call('KEYS', 'rq:job:*')) do
		local id = string.sub(key, 8)
		if redis.call('TYPE', key).ok == 'hash' and not where[id] and runs_yet(id) then
			bad('%s is %s and in no place', id, status_of(id))
		end
	end
end

for _, name in ipairs(ARGV) do
	put_list('queue', 'rq:queue:' .. name)
	put_list('holding', 'prosaas:holding:' .. name)
	count_ready(name)
	for _, registry in ipairs({ 'wip', 'scheduled', 'deferred', 'canceled', 'finished', 'failed' }) do
		put_zset(registry, 'rq:' .. registry .. ':' .. name)
	end
end
put_zset('due', 'prosaas:due')
local parked = count_lanes()
for _, name in ipairs(ARGV) do
	local key = 'prosaas:waiting:' .. name
	compare(key, set_of(key, redis.call('ZRANGE', key, 0, -1)), parked[name] or {})
end
look_for_lost()
return cjson.encode({ places = places, total = total, wrong = wrong })
