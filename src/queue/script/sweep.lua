-- uses: lanes dependents ends types
-- sweep.lua: what is due, what is orphaned, which lane is stuck; see queue/lead.h.
--
-- KEYS: leader key.  ARGV: token, now (ISO), most per registry, most crashes, exc of
-- a poisoned job (base64 of zlib text), our number in RQ's scheduler locks, queue
-- names.
--
-- The token is checked and the work is done in one step: two may think they lead,
-- only one can act.  Per queue:
--   rq:scheduled:<q>  due ids go to the queue, while we hold RQ's own scheduler lock
--                     of that queue; an id whose job is gone for a minute is dropped
--   rq:wip:<q>        an expired lease of a job of ours (it has prosaas_attempt) goes back
--                     to the head of its queue and its crash is counted; after too many
--                     it is failed as "poison".  Leases of RQ's own workers are theirs.
--   rq:failed:<q>     jobs of ours that a cleaner of RQ's failed as abandoned go back alike
--   rq:finished:<q>, rq:failed:<q>  entries whose job has expired are dropped
-- And lanes with waiters: one whose holder is not alive goes to its next waiter.
-- Returns {moved, returned, poisoned, lanes mended}, or 0 when the token does not lead.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
	return 0
end
local now, most, crashes_max, exc, number = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6]
local unix = tonumber(redis.call('TIME')[1])
local moved, returned, poisoned, mended = 0, 0, 0, 0
local lock_s, lane_every_s, gone_s = 61, 5, 60

local function range(registry, from, to, offset)
	local ids = redis.pcall('ZRANGEBYSCORE', registry, from, to, 'LIMIT', offset, most)
	return ids.err and {} or ids
end

-- RQ's schedulers move what is due without looking whether another did: one of
-- them at a time, by their own lock (rq-protocol: SET NX EX 61, a decimal number).
local function may_schedule(name)
	local lock = 'rq:scheduler-lock:' .. name
	local owner = redis.pcall('GET', lock)
	if owner == number then
		redis.call('EXPIRE', lock, lock_s)
		return true
	end
	return not owner and redis.call('SET', lock, number, 'NX', 'EX', lock_s) and true
end

local function move_due(name)
	for _, id in ipairs(range('rq:scheduled:' .. name, 0, unix, 0)) do
		local job = 'rq:job:' .. id
		local h = redis.pcall('HMGET', job, 'status', 'enqueue_at_front')
		local coming = not h.err and not h[1] -- RQ's enqueue_at writes the job after the id
			and unix - redis.call('ZSCORE', 'rq:scheduled:' .. name, id) < gone_s

		if not coming then
			redis.call('ZREM', 'rq:scheduled:' .. name, id)
		end
		if not h.err and h[1] == 'scheduled' then
			redis.call('SADD', 'rq:queues', 'rq:queue:' .. name)
			redis.call('HSET', job, 'status', 'queued', 'enqueued_at', now)
			redis.call(h[2] == '1' and 'LPUSH' or 'RPUSH', 'rq:queue:' .. name, id)
			moved = moved + 1
		end
	end
end

local function bury(name, id, lane)
	end_failed(id, name, now, unix, FAILURE_TTL, 'failed', 'poison', exc)
	if leave(id, false, lane, now, FAILURE_TTL, true) then
		mended = mended + 1 -- whoever is idle has to look
	end
	poisoned = poisoned + 1
end

local function hand_back(name, id, job, lane)
	if redis.call('HINCRBY', job, 'prosaas_crashes', 1) >= crashes_max then
		bury(name, id, lane)
		return
	end
	redis.call('HSET', job, 'status', 'queued')
	redis.call('PERSIST', job)
	redis.call('LPUSH', 'rq:queue:' .. name, id)
	returned = returned + 1
end

local function return_orphans(name)
	local registry = 'rq:wip:' .. name
	local others = 0 -- leases that RQ's own cleaners look after
	repeat
		local members = range(registry, 0, unix, others)
		for _, member in ipairs(members) do
			local id = string.match(member, '^[^:]+') or member
			local job = 'rq:job:' .. id
			local h = redis.pcall('HMGET', job, 'status', 'prosaas_attempt', 'prosaas_lane')
			if h.err or not h[1] then -- the job is gone
				redis.call('ZREM', registry, member)
			elseif h[1] == 'started' and h[2] then
				redis.call('ZREM', registry, member)
				hand_back(name, id, job, h[3])
			else
				others = others + 1
			end
		end
	until #members < most or others >= 10 * most
end

-- RQ's cleaners (`rq info` is one) fail a job whose lease has run out, without an
-- end and without our reason.
local function return_abandoned(name)
	local registry = 'rq:failed:' .. name
	for _, id in ipairs(range(registry, unix + FAILURE_TTL - 60, '+inf', 0)) do
		local job = 'rq:job:' .. id
		local h = redis.pcall('HMGET', job, 'status', 'prosaas_attempt', 'prosaas_reason', 'ended_at', 'prosaas_lane')
		if not h.err and h[1] == 'failed' and h[2] and not h[3] and (h[4] or '') == '' then
			redis.call('ZREM', registry, id)
			redis.call('HDEL', job, 'exc_info')
			hand_back(name, id, job, h[5])
		end
	end
end

local function mend_lanes()
	local lanes = redis.call('ZRANGEBYSCORE', 'prosaas:lanes', '-inf', unix - lane_every_s, 'LIMIT', 0, 2 * most)
	for _, lane in ipairs(lanes) do
		local holder = redis.pcall('GET', 'prosaas:lane:' .. lane)
		if type(holder) == 'table' then -- not a lane
			redis.call('ZREM', 'prosaas:lanes', lane)
		elseif holder and alive(holder) then
			redis.call('ZADD', 'prosaas:lanes', 'XX', unix, lane)
		elseif lane_next(lane) then
			mended = mended + 1
		end
	end
end

for i = 7, #ARGV do
	local name = ARGV[i]
	if is_a('rq:queue:' .. name, 'list') then -- else there is no way back to the queue
		if may_schedule(name) then
			move_due(name)
		end
		return_orphans(name)
		return_abandoned(name)
	end
	redis.pcall('ZREMRANGEBYSCORE', 'rq:finished:' .. name, 0, unix)
	redis.pcall('ZREMRANGEBYSCORE', 'rq:failed:' .. name, 0, unix)
end
mend_lanes()
if mended > 0 then
	redis.call('PUBLISH', 'prosaas:wake', 'scheduler')
end
return { moved, returned, poisoned, mended }
