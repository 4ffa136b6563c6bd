-- incidents.lua: what fires and what did lately; see queue/incident.h.  Reads only.
-- Returns {JSON of each that fires}, {JSON of what changed, the newest first}.
local firing, log = redis.pcall('HVALS', 'prosaas:alerts'), redis.pcall('LRANGE', 'prosaas:alerts:log', 0, -1)
return { firing.err and {} or firing, log.err and {} or log }
