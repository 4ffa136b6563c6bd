-- types.lua: is this key of that kind, or free?
local function is_a(key, kind)
	local is = redis.call('TYPE', key).ok
	return is == kind or is == 'none'
end
