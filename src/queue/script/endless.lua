-- endless.lua: dedupe locks without an end; see queue/checkup.h.
-- ARGV: cursor, keys to look at, seconds to give to those without an end (0: none).
-- Returns {cursor of the next call, locks looked at, locks without an end, one of them}.
local page = redis.call('SCAN', ARGV[1], 'MATCH', 'job_lock:webhook:*', 'COUNT', ARGV[2])
local n, one = 0, ''

for _, key in ipairs(page[2]) do
	if redis.call('TTL', key) == -1 then
		n, one = n + 1, key
		if ARGV[3] ~= '0' then
			redis.call('EXPIRE', key, ARGV[3])
		end
	end
end
return { page[1], #page[2], n, one }
