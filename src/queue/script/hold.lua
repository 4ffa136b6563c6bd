-- hold.lua: the chats of a person who is erased are held, so that no job of theirs
-- begins; see queue/forget.h.  ARGV: our id, seconds to hold, lanes.
--
-- We hold them as a job does, and are alive while rq:job:<our id> is there: should we
-- die, the lanes pass on like any dead holder's.  Who held one without running is about
-- to be forgotten.
-- Returns "ok" or "busy id": a job that runs.
local me, ttl = ARGV[1], ARGV[2]

for i = 3, #ARGV do
	local holder = redis.pcall('GET', 'prosaas:lane:' .. ARGV[i])
	if type(holder) == 'string' and holder ~= me
		and redis.pcall('HGET', 'rq:job:' .. holder, 'status') == 'started' then
		return 'busy ' .. holder
	end
end
redis.call('HSET', 'rq:job:' .. me, 'status', 'started')
redis.call('EXPIRE', 'rq:job:' .. me, ttl)
for i = 3, #ARGV do
	redis.call('SET', 'prosaas:lane:' .. ARGV[i], me)
end
return 'ok'
