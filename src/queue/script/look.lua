-- look.lua: whose jobs are these?  See queue/forget.h.  ARGV: our id, seconds to go on
-- holding, the tenant, keys as SCAN found them.
--
-- Returns per job that may be of the tenant: id, status, tenant, lane, data, raw.  The
-- last two are empty where the lane names a person: that says whose it is.
local PERSON = { ['s.whatsapp.net'] = true, ['c.us'] = true, lid = true, hosted = true, ['hosted.lid'] = true }
local out = {}

redis.call('EXPIRE', 'rq:job:' .. ARGV[1], ARGV[2])
for i = 4, #ARGV do
	local h = redis.pcall('HMGET', ARGV[i], 'status', 'prosaas_tenant', 'prosaas_lane')
	if not h.err and h[1] and (not h[2] or h[2] == '' or h[2] == ARGV[3]) then
		local lane, more = h[3] or '', {}
		if not PERSON[string.match(lane, '@([^@]*)$')] then
			more = redis.pcall('HMGET', ARGV[i], 'data', 'prosaas_raw')
		end
		out[#out + 1] = { string.sub(ARGV[i], 8), h[1], h[2] or '', lane, more[1] or '', more[2] or '' }
	end
end
return out
