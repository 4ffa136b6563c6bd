-- locks.lua: what do these dedupe locks know?  See queue/forget.h.  ARGV: keys.
-- Returns per hash: key, its fields.
local out = {}

for _, key in ipairs(ARGV) do
	local fields = redis.pcall('HKEYS', key)
	if not fields.err then
		out[#out + 1] = { key, fields }
	end
end
return out
