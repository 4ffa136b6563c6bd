-- lead.lua: take or keep the leadership, and note that a scheduler runs; see queue/lead.h.
-- KEYS: leader key, running key.  ARGV: token, life (ms), gap (ms).
-- Returns {1 when this token leads else 0, ms since when there was always a scheduler}.
local function lead()
	local owner = redis.call('GET', KEYS[1])
	if not owner then
		redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
		return 1
	end
	if owner == ARGV[1] then
		redis.call('PEXPIRE', KEYS[1], ARGV[2])
		return 1
	end
	return 0
end

-- seen is the last look of any scheduler; after a gap the time begins anew.
local function running()
	local time = redis.call('TIME')
	local now = time[1] * 1000 + math.floor(time[2] / 1000)
	local was = redis.pcall('HMGET', KEYS[2], 'since', 'seen')
	if was.err then -- not a hash: it must not cost the leadership
		redis.call('DEL', KEYS[2])
	end
	local since, seen = tonumber(was[1] or ''), tonumber(was[2] or '')

	if not since or not seen or now - seen > tonumber(ARGV[3]) or now < since then
		since = now
	end
	redis.call('HSET', KEYS[2], 'since', string.format('%.0f', since), 'seen', string.format('%.0f', now))
	return now - since
end

return { lead(), running() }
