-- cron.lua: run or skip slots of cron entries; see queue/cron.h.
--
-- KEYS: leader key.  ARGV: token, now (ISO), timeout (s), retries, most seconds that a
--       slot may lie ahead of Redis's clock, then seven per slot:
--   entry name, slot (Unix s), queue ("": skip it), job id, data, tenant, description
--
-- The token is checked and the work is done in one step: two may think they lead,
-- only one can act.  A slot that is not newer than the entry's last is done already;
-- a job that exists is a duplicate, whatever became of it: nothing is overwritten.
-- Order as in enqueue.lua: job, push, then the slot; an error undoes its own slot only.
-- Returns one word a slot: q queued, d duplicate, s skipped, o done already, or
-- "e<what went wrong>"; 0 when the token does not lead.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
	return 0
end
local now, timeout, retries = ARGV[2], ARGV[3], ARGV[4]
local latest = redis.call('TIME')[1] + ARGV[5]
local key, call = 'prosaas:cron', redis.pcall
local out = {}

local function wrong(r)
	return type(r) == 'table' and r.err
end

local function enqueue(name, id, data, tenant, description)
	local job = 'rq:job:' .. id
	local err = wrong(call('LLEN', 'rq:queue:' .. name))
		or wrong(call('HSET', job, 'status', 'queued', 'created_at', now, 'enqueued_at', now,
			'origin', name, 'timeout', timeout, 'retries_left', retries, 'data', data,
			'description', description, 'prosaas_tenant', tenant))
	if err then
		return err
	end
	err = wrong(call('SADD', 'rq:queues', 'rq:queue:' .. name))
		or wrong(call('RPUSH', 'rq:queue:' .. name, id))
	if err then
		call('DEL', job)
	end
	return err
end

local function act(i)
	local entry, slot, queue, id = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], ARGV[i + 3]
	local last = call('HGET', key, entry)
	local word, err = 's', wrong(last)

	if err then
		return 'e' .. err
	end
	if slot <= (tonumber(last or '') or 0) then
		return 'o'
	end
	if slot > latest then
		return "eits time is ahead of Redis's clock"
	end
	if queue ~= '' then
		word = 'q'
		if redis.call('EXISTS', 'rq:job:' .. id) == 1 then
			word = 'd'
		else
			err = enqueue(queue, id, ARGV[i + 4], ARGV[i + 5], ARGV[i + 6])
		end
	end
	err = err or wrong(call('HSET', key, entry, ARGV[i + 1]))
	return err and 'e' .. err or word
end

for i = 6, #ARGV, 7 do
	out[#out + 1] = act(i)
end
return out
