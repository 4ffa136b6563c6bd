-- prune.lua: registrations of workers whose hash is gone are dropped; see
-- queue/checkup.h.  ARGV: queue names.  Returns how many.  One that lives registers
-- again with its next heartbeat.
local n = 0

for _, key in ipairs(redis.call('SMEMBERS', 'rq:workers')) do
	if redis.call('EXISTS', key) == 0 then
		redis.call('SREM', 'rq:workers', key)
		for _, name in ipairs(ARGV) do
			redis.call('SREM', 'rq:workers:' .. name, key)
		end
		n = n + 1
	end
end
return n
