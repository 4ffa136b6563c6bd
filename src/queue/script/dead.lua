-- dead.lua: failed jobs, newest first; see queue/registry.h.  Reads only.
-- ARGV: most per queue, queue names.
-- Returns per job: id, queue, reason, tenant, description, created_at, ended_at, attempts.
local out = {}
for i = 2, #ARGV do
	local ids = redis.pcall('ZREVRANGE', 'rq:failed:' .. ARGV[i], 0, tonumber(ARGV[1]) - 1)
	for _, id in ipairs(ids.err and {} or ids) do
		local h = redis.pcall('HMGET', 'rq:job:' .. id, 'prosaas_reason', 'prosaas_tenant',
			'description', 'created_at', 'ended_at', 'prosaas_attempt')
		if not h.err and h[4] then
			out[#out + 1] = { id, ARGV[i], h[1] or '', h[2] or '', h[3] or '', h[4], h[5] or '', h[6] or '0' }
		end
	end
end
return out
