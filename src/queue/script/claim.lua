-- uses: lanes
-- claim.lua: take up to n jobs; see queue/claim.h.
--
-- ARGV: worker name, now (ISO), lease (s), n, most ids to look at, cap (jobs of one
--       tenant in this worker), c, then c pairs tenant and how many more it may
--       run, then pairs queue and most jobs of it, first is served first.
--
-- Popping, lane, lease and the job's new state are one step, so a job is never in
-- the air.  Per queue: ids are dealt out to ready lists per tenant (holding first:
-- what a blocked BLMOVE moved there is older than what is queued), then tenants
-- are served in turns.  Little enough to be taken whole is not dealt.
-- An id whose job is gone, or no longer queued (cancelled, taken), is dropped; one
-- whose chat is busy is parked in its lane.
--
-- First, jobs whose debounce is over (prosaas:due) become ready.
--
-- Returns a word: "suspended", "full" (n taken, there may be more), "more" (ids
-- are left, ask again), "capped" (what is left is of tenants at their cap) or "dry";
-- in how many ms the next debounce is over, or -1; then per job: id, queue, data, attempt, timeout,
-- enqueued_at, tenant, lane, crashes, retries left, how long it has waited for others (s),
-- trace or ''.
local me, now, lease, n = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local to_deal, to_serve, cap = tonumber(ARGV[5]), tonumber(ARGV[5]), tonumber(ARGV[6])
local pairs_end = 7 + 2 * tonumber(ARGV[7])
local time = redis.call('TIME')
local until_s = tonumber(time[1]) + lease
local out, left, capped = { 'dry', -1 }, {}, false
local head = #out

for i = 8, pairs_end, 2 do
	left[ARGV[i]] = tonumber(ARGV[i + 1])
end

local function room_of(tenant)
	return math.min(left[tenant] or cap, n + head - #out)
end

-- May it run?  Not while another living job holds its chat.  A lane whose holder
-- died unseen (deleted, cancelled by a tool of RQ's) passes to who waited longest.
local function lane_enter(lane, name, id, enqueued_at)
	local key = 'prosaas:lane:' .. lane
	local holder = redis.call('GET', key)
	if holder == id then -- a retry, or handed back
		return true
	end
	if not holder then
		redis.call('SET', key, id)
		return true
	end
	lane_park(lane, name, id, enqueued_at, holder)
	if not alive(holder) then
		lane_next(lane)
	end
	return false
end

-- Returns whether it was taken.
local function take(name, id)
	local job = 'rq:job:' .. id
	local h = redis.pcall('HMGET', job, 'status', 'data', 'timeout', 'enqueued_at', 'prosaas_tenant',
		'prosaas_lane', 'prosaas_crashes', 'prosaas_attempt', 'ttl', 'retries_left', 'prosaas_waiting_since', 'prosaas_trace')
	if h.err or h[1] ~= 'queued' then
		return false
	end
	local lane = h[6] or ''
	if lane ~= '' then
		local fine, may = pcall(lane_enter, lane, name, id, h[4])
		if fine and not may then -- not fine: a key of the wrong type; runs without lane
			return false
		end
	end
	local attempt = (tonumber(h[8] or '0') or 0) + 1
	redis.call('ZADD', 'rq:wip:' .. name, until_s, id)
	redis.call('HSET', job, 'status', 'started', 'started_at', now, 'last_heartbeat', now,
		'worker_name', me, 'prosaas_attempt', attempt)
	if h[8] or h[9] then -- only those that failed before or have a ttl can expire
		redis.call('PERSIST', job)
	end
	local tenant = h[5] or ''
	left[tenant] = (left[tenant] or cap) - 1
	if h[11] then -- it no longer waits for a session (finish.lua)
		redis.pcall('SREM', 'prosaas:paused:' .. tenant, id)
	end
	local waited = h[11] and tonumber(time[1]) - (tonumber(h[11]) or 0) or 0
	out[#out + 1] = { id, name, h[2] or '', attempt, h[3] or '', h[4] or '', tenant, lane, h[7] or '0',
		h[10] or '0', waited, h[12] or '' }
	return true
end

-- --- dealing ------------------------------------------------------------------

-- A job that ran before and holds its chat (or has none) goes first: others wait
-- for it, or it was handed back by a crash.
local function goes_first(id, h)
	local lane = h[3] or ''
	return h[4] and (lane == '' or redis.pcall('GET', 'prosaas:lane:' .. lane) == id)
end

local function deal_list(name, list, groups)
	local ids = redis.pcall('LPOP', list, to_deal)
	if not ids or ids.err then
		return
	end
	to_deal = to_deal - #ids
	for _, id in ipairs(ids) do
		local h = redis.pcall('HMGET', 'rq:job:' .. id, 'status', 'prosaas_tenant',
			'prosaas_lane', 'prosaas_attempt')
		if not h.err and h[1] == 'queued' then
			local tenant = h[2] or ''
			if goes_first(id, h) then
				ready_push(name, tenant, id, true)
			else
				local group = groups[tenant]
				if not group then
					group = {}
					groups[tenant], groups[#groups + 1] = group, { tenant, group }
				end
				group[#group + 1] = id
			end
		end
	end
end

local function deal(name)
	local groups = {}
	for _, list in ipairs({ 'prosaas:holding:' .. name, 'rq:queue:' .. name }) do
		if to_deal > 0 then
			deal_list(name, list, groups)
		end
	end
	for _, g in ipairs(groups) do
		local tenant, ids = g[1], g[2]
		if redis.call('RPUSH', 'prosaas:ready:' .. name .. ':' .. tenant, unpack(ids)) == #ids then
			redis.call('RPUSH', 'prosaas:tenants:' .. name, tenant)
		end
		redis.call('INCRBY', 'prosaas:dealt:' .. name, #ids)
	end
end

-- --- serving ------------------------------------------------------------------

-- One tenant's turn: its share of the room.  Returns how many ids it gave.
local function serve_tenant(name, tenant, share)
	local list = 'prosaas:ready:' .. name .. ':' .. tenant
	local ids = redis.call('LPOP', list, share) or {}

	redis.call('DECRBY', 'prosaas:dealt:' .. name, #ids)
	if redis.call('EXISTS', list) == 1 then
		redis.call('RPUSH', 'prosaas:tenants:' .. name, tenant)
	end
	for _, id in ipairs(ids) do
		take(name, id)
	end
	return #ids
end

local function serve_ring(name, stop)
	local ring = 'prosaas:tenants:' .. name
	local size = redis.call('LLEN', ring)
	local skipped = 0

	while #out < stop and skipped < size and to_serve > 0 do
		local tenant = redis.call('LPOP', ring)
		if not tenant then
			return
		end
		local share = math.min(math.ceil((stop - #out) / size), room_of(tenant))
		if share > 0 then
			to_serve = to_serve - serve_tenant(name, tenant, share)
			skipped = 0
		else -- at its cap
			redis.call('RPUSH', ring, tenant)
			skipped = skipped + 1
			capped = true
		end
		size = redis.call('LLEN', ring)
	end
end

local function take_whole(name)
	for _, list in ipairs({ 'prosaas:holding:' .. name, 'rq:queue:' .. name }) do
		local ids = redis.pcall('LPOP', list, n)
		for _, id in ipairs(ids and not ids.err and ids or {}) do
			take(name, id)
		end
	end
end

local function length(list)
	local len = redis.pcall('LLEN', list)
	return type(len) == 'number' and len or 0
end

local function serve(name, most)
	local wip = redis.call('TYPE', 'rq:wip:' .. name).ok
	if wip ~= 'zset' and wip ~= 'none' then -- there is no lease to be had
		return
	end
	local stop = math.min(n + head, #out + most)
	local waiting = length('prosaas:holding:' .. name) + length('rq:queue:' .. name)
	local fits = waiting <= stop - #out and waiting + #out - head <= cap and pairs_end == 7
	if fits and redis.call('EXISTS', 'prosaas:tenants:' .. name) == 0 then
		take_whole(name) -- no tenant has to be held back
	else
		deal(name)
	end
	serve_ring(name, stop) -- after take_whole: who got a dead holder's lane
end

-- --- one call -----------------------------------------------------------------

local function keys_of(name)
	return 'prosaas:holding:' .. name, 'rq:queue:' .. name, 'prosaas:tenants:' .. name
end

-- Returns in how many ms to look again, -1 when nothing waits.
local function take_due()
	local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
	for _, id in ipairs(redis.call('ZRANGEBYSCORE', 'prosaas:due', '-inf', now_ms, 'LIMIT', 0, to_deal)) do
		local h = redis.pcall('HMGET', 'rq:job:' .. id, 'status', 'origin', 'prosaas_tenant')
		redis.call('ZREM', 'prosaas:due', id)
		if not h.err and h[1] == 'queued' then
			ready_push(h[2], h[3] or '', id, true)
		end
	end
	local first = redis.call('ZRANGE', 'prosaas:due', 0, 0, 'WITHSCORES')
	return first[2] and math.max(first[2] - now_ms, 1) or -1
end

local function any_jobs()
	local keys = { 'prosaas:due' }
	for i = pairs_end + 1, #ARGV, 2 do
		local at = #keys
		keys[at + 1], keys[at + 2], keys[at + 3] = keys_of(ARGV[i])
	end
	return redis.call('EXISTS', unpack(keys)) > 0
end

if redis.call('EXISTS', 'rq:suspended') == 1 then
	return { 'suspended' }
end
if not any_jobs() then -- how an idle worker's look ends
	return out
end
out[2] = take_due()
for i = pairs_end + 1, #ARGV, 2 do
	if #out < n + head and redis.call('EXISTS', keys_of(ARGV[i])) > 0 then
		serve(ARGV[i], tonumber(ARGV[i + 1]))
	end
end
if #out >= n + head then
	out[1] = 'full'
elseif to_deal <= 0 or to_serve <= 0 then
	out[1] = 'more'
elseif capped then
	out[1] = 'capped'
end
-- Another may have room.  For what was capped but once, when it is dealt: two at
-- their caps would wake each other for ever.
if out[1] == 'full' or (capped and to_deal < tonumber(ARGV[5])) then
	redis.call('PUBLISH', 'prosaas:wake', me)
end
return out
