-- discard.lua: jobs that are over are deleted for good; see queue/manage.h.  ARGV: ids.
-- Returns per id: "ok queue", "is status" or "gone".
local out = {}

local function discard(id)
	local job = 'rq:job:' .. id
	local h = redis.pcall('HMGET', job, 'status', 'origin')
	if h.err or not h[1] then
		return 'gone'
	end
	local name, parents = h[2] or '', 'rq:job::' .. id .. ':dependencies'
	if h[1] ~= 'failed' and h[1] ~= 'stopped' and h[1] ~= 'canceled' and h[1] ~= 'finished' then
		return 'is ' .. h[1]
	end
	local ids = redis.pcall('SMEMBERS', parents)
	for _, parent in ipairs(ids.err and {} or ids) do
		redis.pcall('SREM', 'rq:job:' .. parent .. ':dependents', id)
	end
	for _, kind in ipairs({ 'failed', 'canceled', 'finished' }) do
		redis.pcall('ZREM', 'rq:' .. kind .. ':' .. name, id)
	end
	redis.call('DEL', job, job .. ':dependents', parents, 'rq:results:' .. id)
	return 'ok ' .. name
end

for _, id in ipairs(ARGV) do
	out[#out + 1] = discard(id)
end
return out
