-- uses: lanes out
-- forget.lua: jobs are deleted wherever they are; see queue/forget.h.  ARGV: ids.
-- Returns per id: "ok", "busy" (it runs) or "gone".
local out, released = {}, false

local function forget(id)
	local job = 'rq:job:' .. id
	local h = redis.pcall('HMGET', job, 'status', 'origin', 'prosaas_tenant', 'prosaas_lane')
	if h.err or not h[1] then
		return 'gone'
	end
	if h[1] == 'started' then
		return 'busy'
	end
	local name = h[2] or ''
	redis.call('HSET', job, 'status', 'canceled') -- first: a lane passes to the living
	released = take_out(id, name, h[3] or '', h[4] or '') or released
	delete_job(id, name)
	return 'ok'
end

for _, id in ipairs(ARGV) do
	out[#out + 1] = forget(id)
end
if released then
	redis.call('PUBLISH', 'prosaas:wake', 'erase')
end
return out
