-- vitals.lua: a process tells how it fares; see queue/vitals.h.
-- ARGV: "<role>:<id>", seconds for which that is true, then fields and values.
local key = 'prosaas:vitals:' .. ARGV[1]
redis.call('HSET', key, unpack(ARGV, 3))
redis.call('EXPIRE', key, ARGV[2])
redis.call('ZADD', 'prosaas:vitals', redis.call('TIME')[1], ARGV[1])
return 1
