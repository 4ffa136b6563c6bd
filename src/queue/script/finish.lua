-- uses: lanes dependents ends
-- finish.lua: jobs end; see queue/finish.h.
--
-- ARGV: worker name, now (ISO), 1 when this worker looks for jobs itself, seconds
--       worked (for total_working_time), then eight per job:
--   id, queue, attempt, outcome, delay (s; ms with due), reason, exc (base64 of zlib text),
--   value (base64; empty: none)
--   outcome  ok        finished
--            fail      failed with reason
--            retry     later, while retries_left; then as fail
--            wait      later, whatever is left
--            due       queued again in so many ms, as queued: it waits for more
--            back      handed back to the head of its queue: not the job's fault
--            stopped   by a person: as fail, with status stopped
--
-- Fence: only the worker and attempt that hold the job may end it.  Ending is one
-- step, and an end whose answer was lost may be sent again: it is then fenced.
-- ok, fail and stopped release the job's lane; the others keep it.
-- Returns how many waiting jobs were released, then one word a job: ok, fail,
-- stopped, retry, wait, due, back, or fenced.
local me, now, looks = ARGV[1], ARGV[2], ARGV[3] == '1'
local call = redis.pcall -- an error touches its own job only
local time = redis.call('TIME')
local unix, micros = tonumber(time[1]), tonumber(time[2])
local out, done, failed, released = { 0 }, 0, 0, 0
local worker = 'rq:worker:' .. me
local current = call('HGET', worker, 'current_job')
local CALL_S = 40 -- a send takes 35 s at most (client/gateway)
local DUE_MOST = 5 -- times the debounce: who types on and on gets an answer meanwhile

local function ttl_of(v, default)
	return v and tonumber(v) or default
end

local function leave_counted(id, ok, lane, ttl, has_result)
	if leave(id, ok, lane, now, ttl, has_result) then
		released = released + 1
	end
end

-- A webhook's job that returns nothing leaves no result: its status says it all, and
-- a stream would be the dearest part of the job.
local function finished(id, name, ttl, value, lane, tenant)
	local has_result = ttl ~= 0 and (value ~= '' or (tenant or '') == '')
	done = done + 1
	end_finished(id, name, now, unix, ttl, value, has_result)
	leave_counted(id, true, lane, ttl, has_result)
end

local function fail(id, name, ttl, status, reason, exc, lane)
	failed = failed + 1
	end_failed(id, name, now, unix, ttl, status, reason, exc)
	leave_counted(id, false, lane, ttl, true)
end

local function later(id, name, job, delay)
	call('HSET', job, 'status', 'scheduled')
	call('ZADD', 'rq:scheduled:' .. name, unix + math.max(delay, 1), id)
end

-- Its session came back while the job still ran into its absence.
local function just_back(tenant)
	local said = call('HGET', 'prosaas:sessions', tenant)
	local since = type(said) == 'string' and string.match(said, '^connected (%d+)$')
	return since and unix - tonumber(since) <= CALL_S
end

-- Who waits for its tenant's session to come back is found by its tenant (session.lua).
-- claim.lua takes it out when its own time comes first, cancel.lua with the job; what RQ's
-- tools cancel meanwhile is forgotten after a day without another.
local function wait(id, name, job, delay, tenant)
	if not tenant or tenant == '' then
		return later(id, name, job, delay)
	end
	later(id, name, job, just_back(tenant) and 1 or delay)
	call('SADD', 'prosaas:paused:' .. tenant, id)
	call('EXPIRE', 'prosaas:paused:' .. tenant, 86400)
end

-- RQ's retry_intervals, a JSON list: the first value repeats until as many retries
-- are left as there are values.  nil: the job has none, the worker's delay counts.
local function interval_of(json, left)
	local fine, list = pcall(cjson.decode, json or '')
	if not fine or type(list) ~= 'table' or #list == 0 then
		return nil
	end
	return tonumber(list[math.max(#list - left, 0) + 1])
end

local function retry(id, name, job, left, intervals, delay)
	local interval = interval_of(intervals, left)
	call('HSET', job, 'retries_left', left - 1)
	if interval == 0 then
		call('HSET', job, 'status', 'queued', 'enqueued_at', now)
		if type(call('RPUSH', 'rq:queue:' .. name, id)) == 'number' then
			return
		end
	end
	later(id, name, job, interval or delay)
end

-- Who parks behind it moves the time on (lanes.lua), to DUE_MOST times at most.
local function defer(id, job, delay_ms)
	local now_ms = math.floor(unix * 1000 + micros / 1000)
	call('HSET', job, 'status', 'queued', 'prosaas_debounce', delay_ms,
		'prosaas_due_max', string.format('%.0f', now_ms + DUE_MOST * delay_ms))
	call('ZADD', 'prosaas:due', string.format('%.0f', now_ms + delay_ms), id)
end

local function hand_back(id, name, job)
	call('HSET', job, 'status', 'queued')
	if type(call('LPUSH', 'rq:queue:' .. name, id)) ~= 'number' then -- not a list
		later(id, name, job, 60)
	end
end

local function finish(i, id, name, job, h)
	local word, left = ARGV[i + 3], tonumber(h[4] or '0') or 0
	local lane, delay = h[8], tonumber(ARGV[i + 4])

	call('ZREM', 'rq:wip:' .. name, id)
	if word == 'retry' and left <= 0 then
		word = 'fail'
	end
	if word == 'ok' then
		finished(id, name, ttl_of(h[5], 500), ARGV[i + 7], lane, h[9])
	elseif word == 'fail' or word == 'stopped' then
		fail(id, name, ttl_of(h[6], FAILURE_TTL), word == 'fail' and 'failed' or word, ARGV[i + 5], ARGV[i + 6], lane)
	elseif word == 'retry' then
		retry(id, name, job, left, h[7], delay)
	elseif word == 'wait' then
		call('HSETNX', job, 'prosaas_waiting_since', unix)
		wait(id, name, job, delay, h[9])
	elseif word == 'due' then
		defer(id, job, delay)
	else
		hand_back(id, name, job)
	end
	return word
end

for i = 5, #ARGV, 8 do
	local id, name, attempt = ARGV[i], ARGV[i + 1], ARGV[i + 2]
	local job = 'rq:job:' .. id
	local h = call('HMGET', job, 'worker_name', 'prosaas_attempt', 'status', 'retries_left',
		'result_ttl', 'failure_ttl', 'retry_intervals', 'prosaas_lane', 'prosaas_tenant')

	if id == current then -- no worker may name a job that is gone
		call('HDEL', worker, 'current_job')
	end
	if h.err or h[1] ~= me or h[2] ~= attempt or h[3] ~= 'started' then
		out[#out + 1] = 'fenced'
	else
		out[#out + 1] = finish(i, id, name, job, h)
	end
end

if call('EXISTS', worker) == 1 then
	call('HINCRBY', worker, 'successful_job_count', done)
	call('HINCRBY', worker, 'failed_job_count', failed)
	call('HINCRBYFLOAT', worker, 'total_working_time', ARGV[4])
end
out[1] = released
if released > 0 and not looks then
	call('PUBLISH', 'prosaas:wake', me) -- who ends jobs and takes none leaves the next to others
end
return out
