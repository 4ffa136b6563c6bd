-- unlock.lua: fields of dedupe locks are deleted; see queue/forget.h.  ARGV: pairs key,
-- field.  Returns how many were there.
local n = 0

for i = 1, #ARGV, 2 do
	local r = redis.pcall('HDEL', ARGV[i], ARGV[i + 1])
	n = n + (type(r) == 'number' and r or 0)
end
return n
