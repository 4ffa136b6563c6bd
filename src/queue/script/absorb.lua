-- uses: lanes dependents ends
-- absorb.lua: jobs that waited behind a running one are done with it; see
-- queue/absorb.h.
--
-- ARGV: worker name, now (ISO), id, attempt, lane, ids of the absorbed.
-- Fence: as peek.lua.  Returns how many, or -1 when fenced.
local me, now, id, attempt, lane = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local key = 'prosaas:lane:' .. lane
local unix = tonumber(redis.call('TIME')[1])
if not lane_runs(lane, id, me, attempt) then
	return -1
end
local count = 0
for i = 6, #ARGV do
	local other = ARGV[i]
	local job = 'rq:job:' .. other
	local h = redis.pcall('HMGET', job, 'status', 'origin', 'result_ttl')
	if redis.call('LREM', key .. ':wait', 1, other) == 1 and not h.err and h[1] then
		local ttl = tonumber(h[3] or '500') or 500
		redis.call('ZREM', 'prosaas:waiting:' .. h[2], other)
		redis.call('HSET', job, 'started_at', now, 'worker_name', me, 'prosaas_absorbed_by', id)
		end_finished(other, h[2], now, unix, ttl, '', false)
		leave(other, true, '', now, ttl, false) -- it held no lane
		count = count + 1
	end
end
if redis.call('EXISTS', key .. ':wait') == 0 then
	redis.call('ZREM', 'prosaas:lanes', lane)
end
return count
