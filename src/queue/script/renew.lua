-- renew.lua: a worker lives, and so do its jobs; see queue/live.h.
--
-- ARGV: worker name, now (ISO), lease (s), worker key's life (s), 1 to register
--       again, state, current job or '', queues (comma joined), birth (ISO), pid,
--       hostname, version, then per running job: id, queue, attempt.
--
-- Writes the whole worker hash and both sets now and then, and whenever the key is
-- gone, so that a worker whose key expired during a stall is visible again.
-- Returns the ids of jobs that are no longer this worker's: their outcome would be
-- refused anyway.
local me, now, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local until_s = #ARGV > 12 and tonumber(redis.call('TIME')[1]) + lease
local key, current, lost = 'rq:worker:' .. me, ARGV[7], {}

if ARGV[5] == '1' or redis.call('EXISTS', key) == 0 then
	local queues = {}
	redis.call('HSET', key, 'queues', ARGV[8], 'birth', ARGV[9], 'pid', ARGV[10], 'hostname', ARGV[11],
		'version', ARGV[12], 'python_version', 'none (prosaas)', 'ip_address', 'unknown')
	redis.call('SADD', 'rq:workers', key)
	for name in string.gmatch(ARGV[8], '[^,]+') do
		redis.call('SADD', 'rq:workers:' .. name, key)
		queues[#queues + 1] = 'rq:queue:' .. name
	end
	redis.call('SADD', 'rq:queues', unpack(queues))
end
redis.call('HSET', key, 'state', ARGV[6], 'last_heartbeat', now)
redis.call('EXPIRE', key, ARGV[4])

for i = 13, #ARGV, 3 do
	local id = ARGV[i]
	local job = 'rq:job:' .. id
	local h = redis.pcall('HMGET', job, 'worker_name', 'prosaas_attempt', 'status')
	if not h.err and h[1] == me and h[2] == ARGV[i + 2] and h[3] == 'started' then
		redis.call('ZADD', 'rq:wip:' .. ARGV[i + 1], until_s, id)
		redis.call('HSET', job, 'last_heartbeat', now)
	else
		lost[#lost + 1] = id
		if id == current then
			current = ''
		end
	end
end
if current ~= '' then
	redis.call('HSET', key, 'current_job', current)
else
	redis.call('HDEL', key, 'current_job')
end
return lost
