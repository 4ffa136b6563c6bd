// SPDX-License-Identifier: MIT
// http.js: the HTTP API: one table of routes; the secret; bodies; errors in JSON.
//
// Without the secret only /, /health and /healthz answer.  It may come as Bearer token,
// too, for who can't set X-Internal-Secret (Prometheus).
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { phoneOf } from './events.js';
import { badRequest, Refusal } from './errors.js';
import { shardOf, tenantId, tenantName } from './tenant.js';

const digest = text => createHash('sha256').update(text ?? '').digest();

async function read(request, max) {
	const parts = [];
	let size = 0;

	for await (const part of request) {
		size += part.length;
		if (size > max)
			throw new Refusal(413, 'too_large', `a body has at most ${max} bytes`, { headers: { Connection: 'close' } });
		parts.push(part);
	}
	return Buffer.concat(parts).toString();
}

async function bodyOf(request, max) {
	const text = await read(request, max);

	if (text === '')
		return {};
	try {
		const value = JSON.parse(text);
		if (value !== null && typeof value === 'object' && !Array.isArray(value))
			return value;
	} catch {
		throw badRequest('the body is not JSON');
	}
	throw badRequest('the body is not a JSON object');
}

export function makeServer({ gateway, config, log }) {
	const secrets = [config.INTERNAL_SECRET, config.INTERNAL_SECRET_PREVIOUS].filter(Boolean).map(digest);
	const starting = new Set();

	function authorised({ headers }) {
		const given = digest(headers['x-internal-secret'] ?? headers.authorization?.replace(/^Bearer /, ''));

		return secrets.map(secret => timingSafeEqual(secret, given)).includes(true);
	}

	// The tenant of a request, when it is ours.
	function tenantOf(value) {
		const tenant = tenantId(value);
		const shard = tenant && shardOf(tenant, config.NUM_SHARDS);

		if (!tenant)
			throw badRequest('tenantId must be a number or 1 to 64 of A-Z a-z 0-9 _ -');
		if (shard !== config.SHARD)
			throw new Refusal(421, 'wrong_shard', `tenant ${tenant} belongs to shard ${shard}, this is ${config.SHARD}`, { more: { shard } });
		return tenant;
	}

	function connectedSession(tenant) {
		const session = gateway.session(tenant);

		if (!session.sock)
			throw new Refusal(503, 'WhatsApp not connected');
		return session;
	}

	async function start({ tenant, body, query }) {
		const session = gateway.session(tenant);
		const forceRelink = body.forceRelink === true || query.get('forceRelink') === 'true';

		if (starting.has(tenant))
			throw new Refusal(409, 'start_in_progress');
		starting.add(tenant);
		try {
			if (forceRelink)
				await session.forget('relink', false);
			session.start();
		} finally {
			starting.delete(tenant);
		}
		return { ok: true, forceRelink, state: 'started' };
	}

	async function qr({ tenant, query }) {
		const format = query.get('format');
		const image = await gateway.session(tenant).qr(format === 'text');

		if (!image)
			throw new Refusal(404, 'no_qr', `the session is ${gateway.session(tenant).state}`);
		return format === 'text' ? image : { dataUrl: image };
	}

	async function pair({ tenant, body }) {
		const phone = String(body.phone ?? '').replace(/^\+/, '');

		if (!/^\d{8,15}$/.test(phone))
			throw badRequest('phone must be 8 to 15 digits with the country first');
		const code = await gateway.session(tenant).pair(phone);
		if (!code)
			throw new Refusal(409, 'not_waiting', `start the session first and wait for its QR; it is ${gateway.session(tenant).state}`);
		return { ok: true, code };
	}

	async function reset({ tenant }) {
		const session = gateway.session(tenant);

		await session.forget('reset', false);
		session.start();
		return { ok: true };
	}

	async function disconnect({ tenant }) {
		await gateway.session(tenant).forget('disconnected', true);
		return { ok: true, message: 'logged out; the pairing is gone' };
	}

	function diagnostics({ tenant }) {
		return { session: gateway.session(tenant).status(), sending: gateway.sender.statusOf(tenant), outbox: gateway.store.eventCounts(), clock: clock(), config: { shard: config.SHARD, shards: config.NUM_SHARDS, backend: config.BACKEND_URL }, server: { uptimeSec: Math.round(process.uptime()), rss: process.memoryUsage.rss(), node: process.version } };
	}

	// The original repaired its files here; ours can't break, so there is only to tell.
	function validate({ tenant }) {
		const valid = gateway.session(tenant).status().authPaired;

		return { tenant_id: tenantName(tenant), timestamp: new Date().toISOString(), auth_valid: valid, action_taken: 'none', message: valid ? 'paired' : 'not paired' };
	}

	function typing({ tenant, body }) {
		if (typeof body.jid !== 'string' || !body.jid.includes('@'))
			throw badRequest('jid is missing');
		const { sock } = connectedSession(tenant);

		sock.sendPresenceUpdate(body.typing === false ? 'paused' : 'composing', body.jid)
			.catch(error => log.debug({ tenant, why: error.message }, 'typing was not shown'));
		return { ok: true };
	}

	async function resolveJid({ tenant, body }) {
		const { jid, participant, pushName = null } = body;
		if (typeof jid !== 'string' || !jid.includes('@'))
			throw badRequest('jid is missing');
		const answer = (phone, source) => ({ phone_e164: phone, source, push_name: pushName });

		if (phoneOf(participant))
			return answer(phoneOf(participant), 'participant');
		if (phoneOf(jid))
			return answer(phoneOf(jid), 'direct');
		const phone = phoneOf(await gateway.session(tenant).resolve(participant ?? jid));
		return phone ? answer(phone, 'whatsapp_query') : answer(null, 'unresolvable');
	}

	const clock = () => ({ now: new Date().toISOString(), unix_ms: Date.now(), tz: Intl.DateTimeFormat().resolvedOptions().timeZone });
	const health = () => ({ ok: true, idempotency: 'durable' });
	const OPEN = new Set(['/', '/health', '/healthz']);
	const ofTenant = work => call => work({ ...call, tenant: tenantOf(call.body.tenantId) });
	const routes = {
		'GET /': health,
		'GET /health': health,
		'GET /healthz': health,
		'GET /clock': clock,
		'GET /metrics': () => gateway.metricsText(),
		'POST /replay': () => ({ ok: true, replayed: gateway.outbox.replay() }),
		'POST /send': ofTenant(({ tenant, body }) => gateway.sender.send(tenant, body)),
		'POST /sendTyping': ofTenant(typing),
		'POST /internal/resolve-jid': ofTenant(resolveJid),
		'POST /whatsapp/:tenant/start': start,
		'GET /whatsapp/:tenant/status': ({ tenant }) => gateway.session(tenant).status(),
		'GET /whatsapp/:tenant/sending-status': ({ tenant }) => gateway.sender.statusOf(tenant),
		'GET /whatsapp/:tenant/qr': qr,
		'POST /whatsapp/:tenant/pair': pair,
		'POST /whatsapp/:tenant/reset': reset,
		'POST /whatsapp/:tenant/disconnect': disconnect,
		'GET /whatsapp/:tenant/diagnostics': diagnostics,
		'POST /whatsapp/:tenant/validate-auth': validate,
	};

	async function handle(request) {
		const url = new URL(request.url, 'http://gateway');
		const [, tenant] = /^\/whatsapp\/([^/]+)\/[^/]+$/.exec(url.pathname) ?? [];
		const path = tenant ? url.pathname.replace(`/${tenant}/`, '/:tenant/') : url.pathname;

		if (!OPEN.has(path) && !authorised(request))
			throw new Refusal(401, 'unauthorized', undefined, { headers: { Connection: 'close' } });
		const route = routes[`${request.method} ${path}`];
		if (!route) {
			const methods = ['GET', 'POST'].filter(method => routes[`${method} ${path}`]);
			throw methods.length ? new Refusal(405, 'method_not_allowed', undefined, { headers: { Allow: methods.join(', ') } }) : new Refusal(404, 'not_found', `there is no ${path}`);
		}
		const body = request.method === 'POST' ? await bodyOf(request, config.MAX_BODY_BYTES) : {};
		return route({ body, query: url.searchParams, tenant: tenant && tenantOf(tenant) });
	}

	function reply(response, status, body, headers = {}) {
		const isText = typeof body === 'string';

		response.writeHead(status, { 'Content-Type': isText ? 'text/plain; charset=utf-8' : 'application/json', ...headers });
		response.end(isText ? body : JSON.stringify(body));
	}

	return createServer(async (request, response) => {
		try {
			reply(response, 200, await handle(request));
		} catch (error) {
			if (!(error instanceof Refusal))
				log.error({ path: request.url.split('?')[0], why: error.message }, 'request failed');
			const { status = 500, body = { error: 'internal', message: error.message }, headers } = error;
			reply(response, status, body, headers);
		}
	});
}
