-- sweep.lua: what is due, what is orphaned; see queue/lead.h.
--
-- KEYS: leader key.  ARGV: token, now (ISO), most per registry, most crashes, exc of
-- a poisoned job (base64 of zlib text), queue names.
--
-- The token is checked and the work is done in one step: two may think they lead,
-- only one can act.  Per queue:
--   rq:scheduled:<q>  due ids go to the queue; an id whose job is gone is dropped
--   rq:wip:<q>        an expired lease of a job of ours (it has prosaas_attempt) goes back
--                     to the head of its queue and its crash is counted; after too many
--                     it is failed as "poison".  Leases of RQ's own workers are theirs.
--   rq:finished:<q>   entries whose job has expired are dropped
-- Returns {moved, returned, poisoned}, or 0 when the token does not lead.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
	return 0
end
local now, most, crashes_max, exc = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local unix = tonumber(redis.call('TIME')[1])
local moved, returned, poisoned = 0, 0, 0

local function due(registry)
	local ids = redis.pcall('ZRANGEBYSCORE', registry, 0, unix, 'LIMIT', 0, most)
	return ids.err and {} or ids
end

local function move_due(name)
	for _, id in ipairs(due('rq:scheduled:' .. name)) do
		local job = 'rq:job:' .. id
		local status = redis.pcall('HGET', job, 'status')

		redis.call('ZREM', 'rq:scheduled:' .. name, id)
		if status == 'scheduled' then
			local front = redis.call('HGET', job, 'enqueue_at_front') == '1'
			redis.call('SADD', 'rq:queues', 'rq:queue:' .. name)
			redis.call('HSET', job, 'status', 'queued', 'enqueued_at', now)
			redis.call(front and 'LPUSH' or 'RPUSH', 'rq:queue:' .. name, id)
			moved = moved + 1
		end
	end
end

local function bury(name, id, job)
	redis.call('HSET', job, 'status', 'failed', 'ended_at', now, 'prosaas_reason', 'poison')
	redis.call('XADD', 'rq:results:' .. id, 'MAXLEN', '~', 10, '*', 'type', 2, 'exc_string', exc)
	redis.call('ZADD', 'rq:failed:' .. name, unix + 31536000, id)
	redis.call('EXPIRE', job, 31536000)
	redis.call('EXPIRE', 'rq:results:' .. id, 31536000)
	poisoned = poisoned + 1
end

local function return_orphans(name)
	for _, member in ipairs(due('rq:wip:' .. name)) do
		local id = string.match(member, '^[^:]+') or member
		local job = 'rq:job:' .. id
		local h = redis.pcall('HMGET', job, 'status', 'prosaas_attempt')

		if h.err or not h[1] then -- the job is gone
			redis.call('ZREM', 'rq:wip:' .. name, member)
		elseif h[1] == 'started' and h[2] then
			redis.call('ZREM', 'rq:wip:' .. name, member)
			if redis.call('HINCRBY', job, 'prosaas_crashes', 1) >= crashes_max then
				bury(name, id, job)
			else
				redis.call('HSET', job, 'status', 'queued')
				redis.call('LPUSH', 'rq:queue:' .. name, id)
				returned = returned + 1
			end
		end
	end
end

for i = 6, #ARGV do
	local name = ARGV[i]
	local kind = redis.call('TYPE', 'rq:queue:' .. name).ok
	if kind == 'list' or kind == 'none' then -- else there is no way back to the queue
		move_due(name)
		return_orphans(name)
	end
	redis.pcall('ZREMRANGEBYSCORE', 'rq:finished:' .. name, 0, unix)
end
return { moved, returned, poisoned }
