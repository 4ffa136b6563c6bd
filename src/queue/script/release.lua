-- uses: lanes
-- release.lua: held chats go to who waits for them; see queue/forget.h.  ARGV: our id,
-- lanes.
local released = false

redis.call('DEL', 'rq:job:' .. ARGV[1])
for i = 2, #ARGV do
	released = lane_release(ARGV[i], ARGV[1]) or released
end
if released then
	redis.call('PUBLISH', 'prosaas:wake', 'erase')
end
return 'ok'
