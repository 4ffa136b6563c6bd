-- uses: types
-- submit.lua: one job by hand, as RQ's own clients write it; see queue/manage.h.
--
-- ARGV: id, queue, now (ISO), due (Unix s; '' at once), id it waits for or '', then
--       field, value, ... of its hash.
--
-- The hash comes first, so that no id is pushed without its job.
-- Returns "queued", "scheduled", "deferred", "exists", "no parent" or "error what".
local id, name, now, due, parent = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local job, queue = 'rq:job:' .. id, 'rq:queue:' .. name
local unix = redis.call('TIME')[1]

if redis.call('EXISTS', job) == 1 then
	return 'exists'
end
if not is_a(queue, 'list') or not is_a('rq:scheduled:' .. name, 'zset') or not is_a('rq:deferred:' .. name, 'zset') then
	return 'error ' .. queue .. ' or its registries are of the wrong type'
end
local waits = false
if parent ~= '' then
	local status = redis.pcall('HGET', 'rq:job:' .. parent, 'status')
	if type(status) ~= 'string' then
		return 'no parent'
	end
	waits = status ~= 'finished'
end
local status = waits and 'deferred' or due ~= '' and 'scheduled' or 'queued'

redis.call('SADD', 'rq:queues', queue)
redis.call('HSET', job, 'status', status, 'created_at', now, 'origin', name, unpack(ARGV, 6))
if parent ~= '' then
	redis.call('HSET', job, 'dependency_id', parent, 'dependency_ids', cjson.encode({ parent }))
	redis.call('SADD', 'rq:job::' .. id .. ':dependencies', parent)
end
if waits then
	redis.call('SADD', 'rq:job:' .. parent .. ':dependents', id)
	redis.call('ZADD', 'rq:deferred:' .. name, unix, id)
elseif due ~= '' then
	redis.call('ZADD', 'rq:scheduled:' .. name, due, id)
else
	redis.call('HSET', job, 'enqueued_at', now)
	redis.call('RPUSH', queue, id)
end
return status
