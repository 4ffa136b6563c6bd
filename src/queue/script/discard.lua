-- uses: lanes out
-- discard.lua: jobs that are over are deleted for good; see queue/manage.h.  ARGV: ids.
-- Returns per id: "ok queue tenant", "is status" or "gone".
local out = {}

local function discard(id)
	local h = redis.pcall('HMGET', 'rq:job:' .. id, 'status', 'origin', 'prosaas_tenant')
	if h.err or not h[1] then
		return 'gone'
	end
	if h[1] ~= 'failed' and h[1] ~= 'stopped' and h[1] ~= 'canceled' and h[1] ~= 'finished' then
		return 'is ' .. h[1]
	end
	delete_job(id, h[2] or '')
	return 'ok ' .. (h[2] or '') .. ' ' .. (h[3] or '')
end

for _, id in ipairs(ARGV) do
	out[#out + 1] = discard(id)
end
return out
