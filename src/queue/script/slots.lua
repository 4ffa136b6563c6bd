-- slots.lua: where each cron entry stands; see queue/cron.h.
--
-- KEYS: leader key.  ARGV: token, now (Unix s), entry names.
--
-- prosaas:cron holds, per entry, the last slot that was run or skipped.  An entry
-- seen for the first time begins now: it never runs for the past.  Entries that
-- are no longer in the table are forgotten.
-- Returns the last slot of each, or 0 when the token does not lead.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
	return 0
end
local key, now = 'prosaas:cron', tonumber(ARGV[2])
local last, listed = {}, {}

for i = 3, #ARGV do
	listed[ARGV[i]] = true
end
for _, name in ipairs(redis.call('HKEYS', key)) do
	if not listed[name] then
		redis.call('HDEL', key, name)
	end
end
for i = 3, #ARGV do
	local slot = tonumber(redis.call('HGET', key, ARGV[i]) or '')
	if not slot then
		slot = now
		redis.call('HSET', key, ARGV[i], ARGV[2])
	end
	last[#last + 1] = slot
end
return last
