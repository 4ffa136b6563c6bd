-- bury.lua: a worker ends; see queue/claim.h.  ARGV: worker name, now (ISO), queues.
local key = 'rq:worker:' .. ARGV[1]
redis.call('SREM', 'rq:workers', key)
for name in string.gmatch(ARGV[3], '[^,]+') do
	redis.call('SREM', 'rq:workers:' .. name, key)
end
if redis.call('EXISTS', key) == 1 then
	redis.call('HSET', key, 'death', ARGV[2])
	redis.call('EXPIRE', key, 60)
end
return 1
