-- incident.lua: an alert begins to fire, or no longer does; see queue/incident.h.
--
-- KEYS: leader key.  ARGV: who acts: the token of the leader, 'nobody' while there must be
--       no leader, 'anyone'; name, 'firing' or 'resolved', what is known (JSON), notice (JSON)
--       or ''.
-- Returns 1 when this call made the change, 0 when it was so already, -1 when it may not.
local owner = redis.call('GET', KEYS[1])
local who, name, state, entry, notice = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local LOG_MAX, OUTBOX_MAX = 100, 1000

if who == 'nobody' and owner or who ~= 'nobody' and who ~= 'anyone' and owner ~= who then
	return -1
end
local changed
if state == 'firing' then
	changed = redis.call('HSETNX', 'prosaas:alerts', name, entry)
else
	changed = redis.call('HDEL', 'prosaas:alerts', name)
end
if changed == 0 then
	return 0
end
redis.call('LPUSH', 'prosaas:alerts:log', entry)
redis.call('LTRIM', 'prosaas:alerts:log', 0, LOG_MAX - 1)
if notice ~= '' then
	redis.call('RPUSH', 'prosaas:alerts:outbox', notice)
	redis.call('LTRIM', 'prosaas:alerts:outbox', -OUTBOX_MAX, -1)
end
return 1
