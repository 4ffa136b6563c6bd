-- uses: counts
-- tenants.lua: what waits, counted by tenant; see queue/registry.h.  Reads only.
--
-- ARGV: most tenants to answer, '' or the only tenant, queue names.
--
-- Jobs are looked for where they wait: ready lists and lanes are a tenant's own, ids
-- that nobody has dealt out yet (no worker runs, or it is far behind) and debounced
-- ones are looked at one by one.  LISTS and IDS bound that, since Redis does nothing else
-- meanwhile: what they leave out is told.
--
-- Who waits in a lane came after its holder, so a tenant's oldest is one that is ready,
-- debounced or not dealt out, or the first behind a job that runs.
-- Returns how many jobs were not looked at, how many tenants have some, then per tenant,
-- the deepest first: tenant, queued, started, enqueued_at of its oldest.
local LISTS, IDS = 4000, 2000
local most, only = tonumber(ARGV[1]), ARGV[2]
local rows, found, missed = {}, {}, 0

local function row_of(tenant)
	local row = rows[tenant]
	if not row then
		row = { tenant, 0, 0, '' }
		rows[tenant] = row
		found[#found + 1] = row
	end
	return row
end

local function older(row, id)
	local at = id and redis.pcall('HGET', 'rq:job:' .. id, 'enqueued_at')
	if type(at) == 'string' and at ~= '' and (row[4] == '' or at < row[4]) then
		row[4] = at
	end
end

local function add(tenant, n, id)
	if n == 0 or (only ~= '' and tenant ~= only) then
		return
	end
	local row = row_of(tenant)
	row[2] = row[2] + n
	older(row, id)
end

local function ready(name)
	local ring = only ~= '' and { only } or list('LRANGE', 'prosaas:tenants:' .. name, 0, LISTS - 1)
	for _, tenant in ipairs(ring) do
		local key = 'prosaas:ready:' .. name .. ':' .. tenant
		local n = count('LLEN', key)
		add(tenant, n, n > 0 and redis.call('LINDEX', key, 0))
	end
	if only == '' then
		missed = missed + math.max(0, count('LLEN', 'prosaas:tenants:' .. name) - LISTS)
	end
end

-- A lane is "<tenant>:<chat>".
local function parked()
	for _, lane in ipairs(list('ZRANGE', 'prosaas:lanes', 0, LISTS - 1)) do
		local tenant = string.match(lane, '^([^:]*):') or ''
		if only == '' or tenant == only then
			add(tenant, count('LLEN', 'prosaas:lane:' .. lane .. ':wait'))
		end
	end
	missed = missed + math.max(0, count('ZCARD', 'prosaas:lanes') - LISTS)
end

local function one_by_one(ids, all)
	for _, id in ipairs(ids) do
		local tenant = redis.pcall('HGET', 'rq:job:' .. id, 'prosaas_tenant')
		add(type(tenant) == 'string' and tenant or '', 1, id)
	end
	missed = missed + math.max(0, all - #ids)
end

local function running(name)
	for _, id in ipairs(list('ZRANGE', 'rq:wip:' .. name, 0, IDS - 1)) do
		local h = redis.pcall('HMGET', 'rq:job:' .. id, 'prosaas_tenant', 'prosaas_lane')
		local tenant, lane = not h.err and h[1] or '', not h.err and h[2] or ''
		if only == '' or tenant == only then
			local row = row_of(tenant)
			local first = lane ~= '' and list('LRANGE', 'prosaas:lane:' .. lane .. ':wait', 0, 0)[1]
			row[3] = row[3] + 1
			older(row, first)
		end
	end
end

for i = 3, #ARGV do
	local name = ARGV[i]
	ready(name)
	for _, key in ipairs({ 'rq:queue:' .. name, 'prosaas:holding:' .. name }) do
		one_by_one(list('LRANGE', key, 0, IDS - 1), count('LLEN', key))
	end
	running(name)
end
parked()
one_by_one(list('ZRANGE', 'prosaas:due', 0, IDS - 1), count('ZCARD', 'prosaas:due'))

table.sort(found, function(a, b)
	if a[2] ~= b[2] then
		return a[2] > b[2]
	end
	return a[1] < b[1]
end)
local out = { missed, #found }
for i = 1, math.min(most, #found) do
	out[i + 2] = found[i]
end
return out
