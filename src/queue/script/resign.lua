-- resign.lua: give the leadership up; see queue/lead.h.
-- KEYS: leader key.  ARGV: token, our number in RQ's scheduler locks, queue names.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
	return 0
end
for i = 3, #ARGV do
	local lock = 'rq:scheduler-lock:' .. ARGV[i]
	if redis.pcall('GET', lock) == ARGV[2] then
		redis.call('DEL', lock)
	end
end
return redis.call('DEL', KEYS[1])
