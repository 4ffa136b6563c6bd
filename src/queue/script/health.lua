-- health.lua: who works and who leads; see queue/registry.h.  Reads only.
-- KEYS: leader key.  ARGV: the leader key's full life (ms).
-- Returns age of the leader's last renewal in ms or -1, then per live worker:
-- name, state, last_heartbeat, queues.
local left = redis.call('PTTL', KEYS[1])
local out = { left < 0 and -1 or tonumber(ARGV[1]) - left }

for _, key in ipairs(redis.call('SMEMBERS', 'rq:workers')) do
	local h = redis.pcall('HMGET', key, 'state', 'last_heartbeat', 'queues', 'death')
	if not h.err and h[2] and not h[4] then
		out[#out + 1] = { string.sub(key, 11), h[1] or '', h[2], h[3] or '' }
	end
end
return out
