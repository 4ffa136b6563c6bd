-- session.lua: how a tenant's WhatsApp session stands; see queue/sessions.h.
--
-- ARGV: tenant, state (codec/session.h), what the gateway said, its reason, the name
--       it goes by, now (ISO)
--
-- prosaas:session:<tenant> has it all, prosaas:sessions only what is counted:
-- tenant -> "state since", since: Unix s, when the state last changed.
--
-- One that is connected again resumes: its jobs that wait (prosaas:paused:<tenant>,
-- finish.lua) are due now, and workers hear of it (gateway_resume()).
-- Returns how many jobs it resumed, -1 when the state is as it was.
local RESUME_MOST = 1000 -- in this step; the rest come at their own time
local tenant, state = ARGV[1], ARGV[2]
local key, unix = 'prosaas:session:' .. tenant, redis.call('TIME')[1]
local was = redis.call('HMGET', key, 'state', 'since')
local since = was[1] == state and was[2] or unix

redis.call('HSET', key, 'state', state, 'said', ARGV[3], 'reason', ARGV[4], 'name', ARGV[5],
	'at', ARGV[6], 'since', since)
redis.call('HSET', 'prosaas:sessions', tenant, state .. ' ' .. since)
if was[1] == state then
	return -1
end
if state ~= 'connected' then
	return 0
end

local resumed = 0
for _, id in ipairs(redis.call('SPOP', 'prosaas:paused:' .. tenant, RESUME_MOST)) do
	local name = redis.pcall('HGET', 'rq:job:' .. id, 'origin')
	if type(name) == 'string' and redis.call('ZADD', 'rq:scheduled:' .. name, 'XX', 'CH', unix, id) == 1 then
		resumed = resumed + 1
	end
end
redis.call('PUBLISH', 'prosaas:resume', tenant)
return resumed
