-- trace.lua: the jobs of an id; see queue/registry.h.  Reads only.  ARGV: a job's id,
-- or a message's, whose dedupe locks say which jobs carried it.
-- Returns per job: id, queue, status, tenant, trace, attempt, reason, enqueued_at,
-- started_at, ended_at.
local ids, seen, out = {}, {}, {}

local function add(id)
	if not seen[id] and #ids < 20 then
		seen[id] = true
		ids[#ids + 1] = id
	end
end

add(ARGV[1])
for _, provider in ipairs({ 'baileys', 'meta' }) do
	local held = redis.pcall('HVALS', 'job_lock:webhook:' .. provider .. ':' .. ARGV[1])
	for _, id in ipairs(held.err and {} or held) do
		add(id)
	end
end
for _, id in ipairs(ids) do
	local h = redis.pcall('HMGET', 'rq:job:' .. id, 'origin', 'status', 'prosaas_tenant', 'prosaas_trace',
		'prosaas_attempt', 'prosaas_reason', 'enqueued_at', 'started_at', 'ended_at')
	if not h.err and h[2] then
		table.insert(h, 1, id)
		out[#out + 1] = h
	end
end
return out
