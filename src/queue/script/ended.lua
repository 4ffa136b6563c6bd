-- ended.lua: how many jobs ended in a stretch of time; see queue/checkup.h.  Reads only.
-- ARGV: from (Unix s, not itself), queue names.
-- Returns {until (Unix s, itself: the last whole second), finished, failed}: what the
-- api kept as unprocessable did not fail, since it never was a job.
--
-- By the scores of RQ's registries, which are the end and the default life of a result;
-- a job with a result_ttl or failure_ttl of its own is not counted.
local RESULT_TTL, FAILURE_TTL = 500, 31536000
local from, to = tonumber(ARGV[1]), tonumber(redis.call('TIME')[1]) - 1
local finished, failed = 0, 0

for i = 2, #ARGV do
	local n = redis.pcall('ZCOUNT', 'rq:finished:' .. ARGV[i], '(' .. from + RESULT_TTL, to + RESULT_TTL)
	finished = finished + (type(n) == 'number' and n or 0)
	local ids = redis.pcall('ZRANGEBYSCORE', 'rq:failed:' .. ARGV[i], '(' .. from + FAILURE_TTL, to + FAILURE_TTL)
	for _, id in ipairs(ids.err and {} or ids) do
		local reason = redis.pcall('HGET', 'rq:job:' .. id, 'prosaas_reason')
		if type(reason) ~= 'string' or not string.find(reason, '^unprocessable') then
			failed = failed + 1
		end
	end
end
return { to, finished, failed }
