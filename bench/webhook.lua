-- webhook.lua: one webhook of about 300 bytes with an id of its own per request.
-- wrk ... -- RUN KIND      KIND: webhook, or webdis (an LPUSH of the body)
local run, kind, thread = "r", "webhook", 0
local made = 0
function setup(t)
	t:set("id", thread)
	thread = thread + 1
end
function init(args)
	run, kind = args[1] or run, args[2] or kind
	wrk.method = "POST"
	wrk.headers["Content-Type"] = "application/json"
	wrk.headers["X-Internal-Secret"] = "bench-secret"
	math.randomseed(os.time() + (tonumber(id) or 0) * 7919)
end
function request()
	made = made + 1
	local msg = string.format("%s%d%010d%04d", run, id, made, math.random(9999))
	local body = '{"tenantId":"1","payload":{"messages":[{"key":{"id":"' .. msg ..
		'","remoteJid":"9725012' .. string.format("%05d", made % 50000) .. '@s.whatsapp.net","fromMe":false},' ..
		'"messageTimestamp":1795500312,"pushName":"Customer","message":{"conversation":"Good morning, are you open on Sunday?"}}],' ..
		'"type":"notify"}}'
	if kind == "webdis" then
		return wrk.format("POST", "/", nil, "LPUSH/q:default/" .. msg .. string.rep("x", 280))
	end
	return wrk.format("POST", "/webhook/whatsapp/incoming", nil, body)
end
function done(summary, latency)
	io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
		latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
	io.write(string.format("ERRORS %d %d\n", summary.errors.status,
		summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
