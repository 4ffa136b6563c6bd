-- renew.lua: a worker lives, and so do its jobs; see queue/claim.h.
--
-- ARGV: worker name, now (ISO), lease (s), worker key's life (s), state, queues
--       (comma joined), birth (ISO), pid, hostname, version,
--       then per running job: id, queue, attempt.
--
-- Writes the whole worker hash and both sets each time, so that a worker whose
-- key expired during a stall is visible again.  Returns the ids of jobs that are
-- no longer this worker's: their outcome would be refused anyway.
local me, now, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local until_s = tonumber(redis.call('TIME')[1]) + lease
local key, lost = 'rq:worker:' .. me, {}

redis.call('HSET', key, 'state', ARGV[5], 'queues', ARGV[6], 'birth', ARGV[7], 'pid', ARGV[8],
	'hostname', ARGV[9], 'version', ARGV[10], 'python_version', 'none (prosaas)',
	'ip_address', 'unknown', 'last_heartbeat', now)
redis.call('EXPIRE', key, ARGV[4])
redis.call('SADD', 'rq:workers', key)
for name in string.gmatch(ARGV[6], '[^,]+') do
	redis.call('SADD', 'rq:workers:' .. name, key)
	redis.call('SADD', 'rq:queues', 'rq:queue:' .. name)
end

for i = 11, #ARGV, 3 do
	local id = ARGV[i]
	local job = 'rq:job:' .. id
	local h = redis.pcall('HMGET', job, 'worker_name', 'prosaas_attempt', 'status')
	if not h.err and h[1] == me and h[2] == ARGV[i + 2] and h[3] == 'started' then
		redis.call('ZADD', 'rq:wip:' .. ARGV[i + 1], until_s, id)
		redis.call('HSET', job, 'last_heartbeat', now)
	else
		lost[#lost + 1] = id
	end
end
return lost
