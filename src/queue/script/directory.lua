-- directory.lua: the directory of phones is these, all of them; see queue/directory.h.
-- ARGV: phone, entry, phone, entry ...
redis.call('DEL', 'prosaas:meta')
for i = 1, #ARGV, 2 do
	redis.call('HSET', 'prosaas:meta', ARGV[i], ARGV[i + 1])
end
return #ARGV / 2
