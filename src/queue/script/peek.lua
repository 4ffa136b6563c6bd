-- uses: lanes
-- peek.lua: who waits behind a running job; see queue/absorb.h.  Reads only.
--
-- ARGV: worker name, id, attempt, lane, most.
-- Fence: only the worker and attempt that hold the job and its lane.
-- Returns 0 when fenced, else per waiter, in order: id, data, trace, enqueued_at, attempt or ''.  One
-- that is not alive is left out.
local me, id, attempt, lane, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local key = 'prosaas:lane:' .. lane
if not lane_runs(lane, id, me, attempt) then
	return 0
end
local out = {}
for _, other in ipairs(redis.call('LRANGE', key .. ':wait', 0, most - 1)) do
	local h = redis.pcall('HMGET', 'rq:job:' .. other, 'status', 'data', 'prosaas_trace', 'enqueued_at', 'prosaas_attempt')
	if not h.err and h[1] == 'queued' and h[2] then
		out[#out + 1] = { other, h[2], h[3] or '', h[4] or '', h[5] or '' }
	end
end
return out
