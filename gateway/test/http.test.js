// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOf } from '../src/config.js';
import { shardOf } from '../src/tenant.js';
import { makeStage, SECRET } from './stage.js';

const ROUTES = ['GET /clock', 'GET /metrics', 'POST /replay', 'POST /send', 'POST /sendTyping', 'POST /internal/resolve-jid', 'POST /whatsapp/1/start',
	'GET /whatsapp/1/status', 'GET /whatsapp/1/sending-status', 'GET /whatsapp/1/qr', 'POST /whatsapp/1/pair', 'POST /whatsapp/1/reset',
	'POST /whatsapp/1/disconnect', 'GET /whatsapp/1/diagnostics', 'POST /whatsapp/1/validate-auth', 'GET /nowhere'];

test('every route but the health checks wants the secret', async t => {
	const { ask } = await makeStage(t);

	for (const route of ROUTES)
		for (const headers of [{}, { 'X-Internal-Secret': `${SECRET}x` }, { Authorization: 'Bearer' }]) {
			const [method, path] = route.split(' ');
			const { status, body } = await ask(method, path, undefined, headers);

			assert.deepEqual([status, body], [401, { error: 'unauthorized' }], route);
		}
	for (const path of ['/', '/health', '/healthz'])
		assert.deepEqual((await ask('GET', path, undefined, {})).body, { ok: true, idempotency: 'durable' });
});

test('while the secret is rotated both are good, and it may be a Bearer token', async t => {
	const { ask } = await makeStage(t, { INTERNAL_SECRET_PREVIOUS: 'old' });

	for (const headers of [{ 'X-Internal-Secret': SECRET }, { 'X-Internal-Secret': 'old' }, { Authorization: `Bearer ${SECRET}` }])
		assert.equal((await ask('GET', '/clock', undefined, headers)).status, 200);
});

test('a tenant of another shard is 421, naming it', async t => {
	const { ask } = await makeStage(t, { NUM_SHARDS: '3', SHARD: '1' });

	for (const tenant of ['1', '2', '3', '4', 'shop']) {
		const shard = shardOf(tenant, 3);
		const { status, body } = await ask('GET', `/whatsapp/${tenant}/status`);

		assert.equal(status, shard === 1 ? 200 : 421);
		if (shard !== 1)
			assert.equal(body.shard, shard);
	}
	assert.equal((await ask('POST', '/send', { tenantId: 'business_1', to: 'x@lid', text: 'x' })).status, shardOf('1', 3) === 1 ? 503 : 421);
});

test('shards are the original\'s: md5 of the number, modulo', () => {
	// md5 ends in 9b, 2c, f3, 2c and d5
	assert.deepEqual(['1', '2', '3', '4', '5'].map(id => shardOf(id, 4)), [4, 1, 4, 1, 2]);
});

test('what is wrong is named', async t => {
	const { ask } = await makeStage(t, { MAX_BODY_BYTES: '1024' });

	assert.equal((await ask('GET', '/nowhere')).body.message, 'there is no /nowhere');
	const method = await ask('GET', '/send');
	assert.deepEqual([method.status, method.headers.get('allow')], [405, 'POST']);
	assert.equal((await ask('POST', '/send', { tenantId: '1', text: 'x'.repeat(2000) })).status, 413);
	assert.equal((await ask('GET', '/whatsapp/a%20b/status')).status, 400);
	assert.match((await ask('POST', '/sendTyping', { tenantId: '1' })).body.message, /jid/);
	assert.equal((await ask('POST', '/sendTyping', { tenantId: '1', jid: 'x@lid' })).status, 503);
});

test('typing is shown', async t => {
	const { ask, connect, whatsapp } = await makeStage(t);
	const jid = '972501111111@s.whatsapp.net';

	await connect();
	assert.deepEqual((await ask('POST', '/sendTyping', { tenantId: 'business_1', jid, typing: true })).body, { ok: true });
	await ask('POST', '/sendTyping', { tenantId: 'business_1', jid, typing: false });
	await ask('POST', '/send', { tenantId: 1, to: jid, text: 'x' });
	assert.deepEqual(whatsapp.wire.map(({ presence }) => presence), ['composing', 'paused', undefined]);
});

test('a JID is resolved to a phone where one is known', async t => {
	const { ask, gateway } = await makeStage(t);
	const resolve = async body => (await ask('POST', '/internal/resolve-jid', { tenantId: 1, ...body })).body;

	gateway.store.lidPut('1', '55@lid', '972503333333@s.whatsapp.net');
	assert.deepEqual(await resolve({ jid: '972501111111:3@s.whatsapp.net', pushName: 'D' }), { phone_e164: '+972501111111', source: 'direct', push_name: 'D' });
	assert.deepEqual(await resolve({ jid: '1@g.us', participant: '972501111111@s.whatsapp.net' }), { phone_e164: '+972501111111', source: 'participant', push_name: null });
	assert.equal((await resolve({ jid: '55@lid' })).phone_e164, '+972503333333');
	assert.equal((await resolve({ jid: '972501111111999@lid' })).source, 'unresolvable');
});

test('status, sending-status, diagnostics and metrics tell of a session', async t => {
	const { ask, connect } = await makeStage(t);

	assert.equal((await ask('GET', '/whatsapp/1/status')).body.sessionState, 'not_started');
	await connect();
	assert.equal((await ask('GET', '/whatsapp/1/sending-status')).body.isSending, false);
	assert.equal((await ask('GET', '/whatsapp/1/diagnostics')).body.session.connected, true);
	assert.equal((await ask('POST', '/whatsapp/1/validate-auth')).body.auth_valid, true);
	assert.match((await ask('GET', '/metrics')).body, /^prosaas_gateway_sessions\{state="connected"\} 1$/m);
});

test('a bad setting is named with its value and what is allowed', () => {
	const good = { INTERNAL_SECRET: 'x' };

	assert.equal(configOf(good).PORT, 3300);
	for (const [name, value, words] of [['PORT', 'x', /PORT=x: not a number from 0 to 65535/], ['BACKEND_URL', 'there', /BACKEND_URL=there: not a URL/],
		['LOG_LEVEL', 'loud', /LOG_LEVEL=loud: not one of error, warn/], ['SHARD', '2', /SHARD=2: NUM_SHARDS is 1/],
		['INTERNAL_SECRET', '', /INTERNAL_SECRET is not set/]])
		assert.throws(() => configOf({ ...good, [name]: value }), words);
	assert.throws(() => configOf({ INTERNAL_SECRET_FILE: '/nowhere' }), /INTERNAL_SECRET_FILE=\/nowhere: ENOENT/);
});
