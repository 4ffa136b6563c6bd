// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeStage, SECRET, until } from './stage.js';

const DANA = '972501111111@s.whatsapp.net', AVI = '972502222222@s.whatsapp.net';
const message = (id, text = id, from = DANA) => ({ id, from, text });
const many = (n, from, prefix) => Array.from({ length: n }, (_, i) => message(`${prefix}${i}`, `${prefix}${i}`, from));

test('an event arrives as the original sent it, with the secret', async t => {
	const { whatsapp, backend, connect } = await makeStage(t);

	await connect();
	whatsapp.deliver('1', message('A1', 'hello'));
	await until(() => backend.texts().length === 1);
	const { path, headers, body } = backend.got.find(({ body: { payload } }) => payload);
	const [{ key, _lid_metadata: meta, ...got }] = body.payload.messages;
	assert.equal(path, '/webhook/whatsapp/incoming');
	assert.equal(headers['x-internal-secret'], SECRET);
	assert.equal(body.tenantId, 'business_1');
	assert.equal(body.payload.type, 'notify');
	assert.equal(key.remoteJid, DANA);
	assert.equal(key.id, 'A1');
	assert.equal(key.fromMe, false);
	assert.equal(got.pushName, 'Dana');
	assert.equal(got.messageTimestamp, 1700000000);
	assert.deepEqual(got.message, { conversation: 'hello' });
	assert.deepEqual(meta, { remote_jid: DANA, participant_jid: null, resolved_phone: '+972501111111', push_name: 'Dana', resolved_jid: null });
});

test('an event is stored before WhatsApp hears that we have it', async t => {
	const stage = await makeStage(t);

	await stage.connect();
	const order = [];
	const add = stage.gateway.store.eventAdd, cache = stage.sock.messageRetryManager, hook = cache.addRecentMessage;
	stage.gateway.store.eventAdd = (...args) => order.push('stored') && add(...args);
	cache.addRecentMessage = (...args) => {
		hook(...args);
		order.push(`receipt of a message with ${stage.whatsapp.pending()} pending`);
	};
	stage.whatsapp.deliver('1', message('A1'));
	await until(() => stage.backend.texts().length === 1);
	assert.deepEqual(order.slice(0, 2), ['stored', 'receipt of a message with 1 pending']);
});

test('503, 401, 404 and a dead backend lose nothing and change no order', async t => {
	const { whatsapp, backend, connect } = await makeStage(t);
	const bad = [503, 401, 403, 404, 408, 429, 500, 502];

	backend.answer = () => bad.shift() ?? 200;
	await connect();
	whatsapp.deliver('1', ...many(5, DANA, 'D'), ...many(5, AVI, 'A'));
	await until(() => backend.texts().length === 10);
	for (const prefix of ['D', 'A'])
		assert.deepEqual(backend.texts().filter(text => text.startsWith(prefix)), [0, 1, 2, 3, 4].map(i => prefix + i));
});

test('Retry-After is honoured', async t => {
	const { whatsapp, backend, connect } = await makeStage(t);
	const at = [];

	await connect();
	await until(() => backend.states().includes('connected'));
	backend.answer = () => {
		at.push(Date.now());
		return at.length === 1 ? [429, { 'Retry-After': '1' }] : 200;
	};
	whatsapp.deliver('1', message('A1'));
	await until(() => backend.texts().length === 1);
	assert.ok(at[1] - at[0] >= 1000, `${at[1] - at[0]} ms`);
});

test('a bad event is parked, the chat goes on, and a replay sends what was parked in order', async t => {
	const { whatsapp, backend, connect, ask } = await makeStage(t);
	let mended = false;

	backend.answer = ({ body }) => {
		const text = body.payload?.messages?.[0].message.conversation;
		return !mended && ['D1', 'D3'].includes(text) ? 422 : 200;
	};
	await connect();
	whatsapp.deliver('1', ...many(5, DANA, 'D'));
	await until(() => backend.texts().length === 3);
	assert.deepEqual(backend.texts(), ['D0', 'D2', 'D4']);
	assert.match((await ask('GET', '/metrics')).body, /^prosaas_gateway_events_parked 2$/m);
	mended = true;
	assert.equal((await ask('POST', '/replay')).body.replayed, 2);
	await until(() => backend.texts().length === 5);
	assert.deepEqual(backend.texts().slice(3), ['D1', 'D3']);
});

test('one event that the backend can not take does not keep other chats', async t => {
	const { whatsapp, backend, connect } = await makeStage(t);

	backend.answer = ({ body }) => (body.payload?.messages?.[0].key.remoteJid === AVI ? 500 : 200);
	await connect();
	whatsapp.deliver('1', ...many(3, AVI, 'A'), ...many(20, DANA, 'D'));
	await until(() => backend.texts().length === 20);
	assert.deepEqual(backend.texts(), Array.from({ length: 20 }, (_, i) => `D${i}`));
});

test('different chats are delivered in parallel, one chat is not, and there is a cap', async t => {
	const { whatsapp, backend, connect } = await makeStage(t, { DELIVER_PARALLEL: '3' });
	const open = new Map();
	let most = 0;

	await connect();
	await until(() => backend.states().includes('connected'));
	backend.answer = async ({ body }) => {
		const { remoteJid } = body.payload.messages[0].key;

		assert.ok(!open.has(remoteJid), 'two of one chat');
		open.set(remoteJid, true);
		most = Math.max(most, open.size);
		await new Promise(resolve => setTimeout(resolve, 5));
		open.delete(remoteJid);
		return 200;
	};
	for (let chat = 0; chat < 6; chat++)
		whatsapp.deliver('1', ...many(4, `97250333333${chat}@s.whatsapp.net`, `C${chat}-`));
	await until(() => backend.texts().length === 24);
	assert.equal(most, 3);
});

test('an event that comes while the run of its chat ends is delivered', async t => {
	const { whatsapp, backend, connect } = await makeStage(t);

	await connect();
	for (let i = 0; i < 200; i++) {
		whatsapp.deliver('1', message(`A${i}`));
		if (i % 3 === 0)
			await until(() => backend.texts().length === i + 1); // just then the run ends
	}
	await until(() => backend.texts().length === 200);
});

test('what was stored and not delivered is delivered after a restart, once', async t => {
	const stage = await makeStage(t);

	stage.backend.answer = () => 503;
	await stage.connect();
	stage.whatsapp.deliver('1', ...many(20, DANA, 'D'));
	await until(() => stage.whatsapp.pending() === 0);
	await stage.halt();
	stage.backend.answer = () => 200;
	await stage.boot();
	await until(() => stage.backend.texts().length === 20);
	assert.deepEqual(stage.backend.texts(), Array.from({ length: 20 }, (_, i) => `D${i}`));
});

test('a message that WhatsApp delivers again is delivered once', async t => {
	const { whatsapp, backend, connect } = await makeStage(t);

	await connect();
	whatsapp.deliver('1', message('A1'));
	await until(() => backend.texts().length === 1);
	whatsapp.deliver('1', message('A1'), message('A2'));
	await until(() => backend.texts().length === 2);
	assert.deepEqual(backend.texts(), ['A1', 'A2']);
});

test('receipts and updates arrive as payload.updates, in the order of their chat', async t => {
	const { whatsapp, backend, connect } = await makeStage(t);
	const key = { remoteJid: DANA, id: '3EB0AA', fromMe: true };

	await connect();
	whatsapp.say('1', { emit: ['messages.update', [{ key, update: { status: 3 } }]] });
	whatsapp.say('1', { emit: ['message-receipt.update', [{ key, receipt: { userJid: DANA, readTimestamp: 5 } }]] });
	await until(() => backend.updates().length === 2);
	assert.deepEqual(backend.updates(), [{ key, update: { status: 3 } }, { key, receipt: { userJid: DANA, readTimestamp: 5 } }]);
});

test('a stub is delivered, and the message that follows it too', async t => {
	const { whatsapp, backend, connect } = await makeStage(t);
	const stub = { key: { remoteJid: DANA, id: 'S1', fromMe: false }, messageStubType: 2, messageStubParameters: ['Bad MAC'] };

	await connect();
	whatsapp.say('1', { emit: ['messages.upsert', { messages: [stub], type: 'notify' }] });
	await until(() => backend.texts().length === 1);
	whatsapp.deliver('1', message('S1', 'readable'));
	await until(() => backend.texts().length === 2);
	assert.deepEqual(backend.texts(), [undefined, 'readable']);
});

test('a LID that WhatsApp has told the phone of carries it', async t => {
	const { whatsapp, backend, connect } = await makeStage(t);
	const lid = '111222333444555@lid';

	await connect();
	whatsapp.say('1', { emit: ['lid-mapping.update', { lid, pn: DANA }] });
	whatsapp.deliver('1', message('L1', 'hi', lid));
	await until(() => backend.texts().length === 1);
	const [{ key, _lid_metadata: meta }] = backend.got.find(({ body: { payload } }) => payload).body.payload.messages;
	assert.equal(key.remoteJid, lid);
	assert.equal(key.remoteJidAlt, DANA);
	assert.equal(meta.resolved_phone, '+972501111111');
});

test('what the owner writes on the phone arrives; keys of WhatsApp itself do not', async t => {
	const { whatsapp, backend, connect } = await makeStage(t);
	const ME = '972500000000@s.whatsapp.net';

	await connect();
	whatsapp.deliver('1', { id: 'P1', from: ME, recipient: DANA, text: 'the owner' });
	whatsapp.deliver('1', { id: 'K1', from: ME, category: 'peer', message: { protocolMessage: { appStateSyncKeyShare: {} } } });
	whatsapp.deliver('1', message('A1'));
	await until(() => backend.texts().length === 2);
	const owner = backend.got.flatMap(({ body }) => body.payload?.messages ?? []).find(({ key }) => key.id === 'P1');
	assert.equal(owner.key.fromMe, true);
	assert.equal(owner.key.remoteJid, DANA);
	assert.deepEqual(backend.texts().toSorted(), ['A1', 'the owner']);
});
