-- sessions.lua: the sessions of all tenants; see queue/sessions.h.  Reads only.
-- ARGV: most to name.
-- Returns now (Unix s), tenant -> "state since" as a flat list, then per session that
-- is not connected, those longest first: tenant, state, since, reason, said.
local most, all, down = tonumber(ARGV[1]), redis.call('HGETALL', 'prosaas:sessions'), {}

for i = 1, #all, 2 do
	local state, since = string.match(all[i + 1], '^(%S+) (%d+)$')
	if state and state ~= 'connected' then
		down[#down + 1] = { all[i], state, since }
	end
end
table.sort(down, function(a, b)
	return tonumber(a[3]) < tonumber(b[3])
end)
for i = #down, most + 1, -1 do
	down[i] = nil
end
for _, row in ipairs(down) do
	local h = redis.pcall('HMGET', 'prosaas:session:' .. row[1], 'reason', 'said')
	row[4], row[5] = h[1] or '', h[2] or ''
end
return { redis.call('TIME')[1], all, down }
