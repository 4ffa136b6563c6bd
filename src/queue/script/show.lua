-- show.lua: one job, all of it; see queue/manage.h.  Reads only.  ARGV: id.
-- Returns nil without such a job, else: its hash (field, value, ...), where it is
-- ("rq:queue:default 3 of 10", ...), seconds until it is deleted (-1: never), its
-- last result (field, value, ...), that one's time (ms).
local id = ARGV[1]
local job = 'rq:job:' .. id
local hash = redis.pcall('HGETALL', job)
if hash.err or #hash == 0 then
	return nil
end
local h = {}
for i = 1, #hash, 2 do
	h[hash[i]] = hash[i + 1]
end
local name, lane, where = h.origin or '', h.prosaas_lane or '', {}

local function list(key)
	local at = redis.pcall('LPOS', key, id)
	if type(at) == 'number' then
		where[#where + 1] = key .. ' ' .. at + 1 .. ' of ' .. redis.call('LLEN', key)
	end
end

list('rq:queue:' .. name)
list('prosaas:holding:' .. name)
list('prosaas:ready:' .. name .. ':' .. (h.prosaas_tenant or ''))
if lane ~= '' then
	list('prosaas:lane:' .. lane .. ':wait')
	local holder = redis.pcall('GET', 'prosaas:lane:' .. lane)
	if holder == id then
		where[#where + 1] = 'prosaas:lane:' .. lane .. ' held by it'
	elseif type(holder) == 'string' then
		where[#where + 1] = 'prosaas:lane:' .. lane .. ' held by ' .. holder
	end
end
local function registry(key)
	local score = redis.pcall('ZSCORE', key, id)
	if type(score) == 'string' then
		where[#where + 1] = key .. ' score ' .. score
	end
end

registry('prosaas:due')
for _, kind in ipairs({ 'wip', 'scheduled', 'deferred', 'finished', 'failed', 'canceled' }) do
	registry('rq:' .. kind .. ':' .. name)
end

local last = redis.pcall('XREVRANGE', 'rq:results:' .. id, '+', '-', 'COUNT', 1)
local result = not last.err and last[1] or { '0-0', {} }
return { hash, where, redis.call('TTL', job), result[2], tonumber(string.match(result[1], '^%d+')) }
