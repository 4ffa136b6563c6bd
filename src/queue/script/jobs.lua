-- uses: counts
-- jobs.lua: a page of one queue's jobs of one status; see queue/manage.h.  Reads only.
--
-- ARGV: queue, status, offset, most, 1 for newest first, tenant or '', reason or ''.
--
-- The pages go through every place that jobs of that status may be in, one after
-- another; a queued job is in the queue, held, dealt out, debounced or parked in
-- a lane.
-- Returns the next page's offset, -1 at the end, then per job that fits: id, queue,
-- status, tenant, reason, attempts, created_at, ended_at, description.
local name, status, newest = ARGV[1], ARGV[2], ARGV[5] == '1'
local offset, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local tenant, reason = ARGV[6], ARGV[7]
local registries = { started = 'wip', stopped = 'failed' }
local out = { -1 }

-- In the order in which an id moves through them, the oldest first.
local function places()
	if status ~= 'queued' then
		return { 'rq:' .. (registries[status] or status) .. ':' .. name }
	end
	local keys = { 'prosaas:waiting:' .. name }
	if debounced(name) > 0 then
		keys[2] = 'prosaas:due'
	end
	local ring = redis.pcall('LRANGE', 'prosaas:tenants:' .. name, 0, -1)
	for _, t in ipairs(ring.err and {} or ring) do
		keys[#keys + 1] = 'prosaas:ready:' .. name .. ':' .. t
	end
	keys[#keys + 1] = 'prosaas:holding:' .. name
	keys[#keys + 1] = 'rq:queue:' .. name
	return keys
end

local function slice(key, from, to)
	if redis.call('TYPE', key).ok == 'zset' then
		return redis.call(newest and 'ZREVRANGE' or 'ZRANGE', key, from, to)
	end
	if not newest then
		return redis.call('LRANGE', key, from, to)
	end
	local ids, back = redis.call('LRANGE', key, -1 - to, -1 - from), {}
	for i = #ids, 1, -1 do
		back[#back + 1] = ids[i]
	end
	return back
end

local function fits(h)
	return h[1] == status and (tenant == '' or h[2] == tenant)
		and (reason == '' or string.sub(h[3] or '', 1, #reason) == reason)
end

local function add(member)
	local id = string.match(member, '^[^:]+') or member -- RQ 2 says <id>:<execution> in wip
	local h = redis.pcall('HMGET', 'rq:job:' .. id, 'status', 'prosaas_tenant', 'prosaas_reason',
		'prosaas_attempt', 'created_at', 'ended_at', 'description')
	if not h.err and fits(h) then
		out[#out + 1] = { id, name, h[1], h[2] or '', h[3] or '', h[4] or '0', h[5] or '', h[6] or '', h[7] or '' }
	end
end

local keys = places()
local at, left = offset, most
for k = 1, #keys do
	local key = keys[newest and #keys + 1 - k or k]
	local size = count(redis.call('TYPE', key).ok == 'zset' and 'ZCARD' or 'LLEN', key)
	if at < size and left == 0 then
		out[1] = offset + most
		break
	elseif at < size then
		local to = math.min(at + left, size)
		for _, member in ipairs(slice(key, at, to - 1)) do
			add(member)
		end
		left = left - (to - at)
		if to < size then
			out[1] = offset + most
			break
		end
		at = 0
	else
		at = at - size
	end
end
return out
