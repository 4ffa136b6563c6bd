// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeStage, until } from './stage.js';

const DANA = '972501111111@s.whatsapp.net', AVI = '972502222222@s.whatsapp.net';
const KEY = '3EB00123456789ABCDEF01';
const order = (text, more) => ({ tenantId: 'business_1', type: 'text', to: DANA, text, ...more });
const keyed = (text, key = KEY) => order(text, { idempotencyKey: key, messageId: key });

test('a send reaches WhatsApp once, with the id that its sender chose', async t => {
	const { whatsapp, connect, ask } = await makeStage(t);

	await connect();
	const { status, body } = await ask('POST', '/send', keyed('hi'));
	assert.equal(status, 200);
	assert.equal(body.messageId, KEY);
	assert.deepEqual(whatsapp.wire, [{ tenant: '1', id: KEY, to: DANA, text: 'hi', kind: 'text' }]);
});

test('a repeat is answered with the first result and sends nothing', async t => {
	const { whatsapp, connect, ask } = await makeStage(t);

	await connect();
	await ask('POST', '/send', keyed('hi'));
	const { status, body } = await ask('POST', '/send', keyed('hi'));
	assert.equal(status, 200);
	assert.equal(body.messageId, KEY);
	assert.equal(body.repeated, true);
	assert.equal(whatsapp.wire.length, 1);
});

test('a repeat while the first is on its way waits for the same end', async t => {
	const { whatsapp, connect, ask } = await makeStage(t);

	await connect();
	const answers = await Promise.all([1, 2, 3].map(() => ask('POST', '/send', keyed('hi'))));
	assert.deepEqual(answers.map(({ status, body }) => [status, body.messageId]), Array(3).fill([200, KEY]));
	assert.equal(whatsapp.wire.length, 1);
});

test('a send that WhatsApp does not confirm is send_failed, and its repeat goes out with the same id', async t => {
	const { whatsapp, connect, ask } = await makeStage(t);

	await connect();
	whatsapp.fault('mute');
	const first = await ask('POST', '/send', keyed('hi'));
	assert.deepEqual([first.status, first.body.error], [500, 'send_failed']);
	assert.equal((await ask('POST', '/send', keyed('hi'))).status, 200);
	assert.deepEqual(whatsapp.wire.map(({ id }) => id), [KEY, KEY]);
});

test('a send that a crash left behind is repeated with the id it had', async t => {
	const stage = await makeStage(t);

	stage.gateway.store.sendAdd('1', 'my key', '3EB0FFFFFFFFFFFFFFFFFF', 'old', 1);
	await stage.connect();
	assert.equal((await stage.ask('POST', '/send', order('hi', { idempotencyKey: 'my key' }))).status, 409, 'another text');
	stage.gateway.store.sendDrop('1', 'my key');
	stage.whatsapp.fault('mute');
	await stage.ask('POST', '/send', order('hi', { idempotencyKey: 'my key' }));
	await stage.halt();
	await stage.boot();
	await until(() => stage.gateway.session('1').sock, 'restored');
	const { status, body } = await stage.ask('POST', '/send', order('hi', { idempotencyKey: 'my key' }));
	assert.equal(status, 200);
	assert.match(body.messageId, /^3EB0[0-9A-F]{18}$/);
	assert.deepEqual(stage.whatsapp.wire.map(({ id }) => id), [body.messageId, body.messageId]);
});

test('a receipt ends the doubt about a send', async t => {
	const stage = await makeStage(t);

	await stage.connect();
	stage.whatsapp.fault('mute');
	await stage.ask('POST', '/send', keyed('hi'));
	stage.whatsapp.say('1', { emit: ['messages.update', [{ key: { remoteJid: DANA, id: KEY, fromMe: true }, update: { status: 3 } }]] });
	await until(() => stage.gateway.store.sendById('1', KEY).state === 'sent');
	assert.equal((await stage.ask('POST', '/send', keyed('hi'))).body.repeated, true);
	assert.equal(stage.whatsapp.wire.length, 1);
});

test('the echo of a send is not taken for the owner', async t => {
	const { whatsapp, backend, connect, ask } = await makeStage(t);
	const echo = { key: { remoteJid: DANA, id: KEY, fromMe: true }, message: { conversation: 'hi' } };

	await connect();
	await ask('POST', '/send', keyed('hi'));
	whatsapp.say('1', { emit: ['messages.upsert', { messages: [echo], type: 'append' }] });
	whatsapp.deliver('1', { id: 'A1', from: DANA, text: 'after' });
	await until(() => backend.texts().length === 1);
	assert.deepEqual(backend.texts(), ['after']);
});

test('sends of one chat go out in the order they came', async t => {
	const { whatsapp, connect, ask } = await makeStage(t, { SEND_GAP_MS: '2' });
	const texts = Array.from({ length: 30 }, (_, i) => `${i}`);

	await connect();
	const sends = [];
	for (const text of texts) {
		sends.push(ask('POST', '/send', order(text)));
		await until(() => true); // they come one after another
	}
	await Promise.all(sends);
	assert.deepEqual(whatsapp.wire.map(({ text }) => text), texts);
});

test('a chat waits for the confirmation of its last send, and keeps no other chat', async t => {
	const { whatsapp, gateway, connect, ask } = await makeStage(t, { SEND_ACK_MS: '2000' });
	const texts = () => whatsapp.wire.map(({ text }) => text);

	await connect();
	whatsapp.fault('mute');
	const stuck = ask('POST', '/send', order('stuck'));
	await until(() => whatsapp.wire.length === 1);
	const next = ask('POST', '/send', order('next'));
	await until(() => gateway.sender.statusOf('1').activeSends === 2);
	assert.equal((await ask('POST', '/send', order('free', { to: AVI }))).status, 200);
	assert.deepEqual(texts(), ['stuck', 'free']);
	assert.equal((await stuck).status, 500);
	assert.equal((await next).status, 200);
	assert.deepEqual(texts(), ['stuck', 'free', 'next']);
});

test('above the daily cap a send is 429 with Retry-After, and a repeat is still answered', async t => {
	const { connect, ask } = await makeStage(t, { DAILY_CAP: '2' });

	await connect();
	await ask('POST', '/send', keyed('1'));
	await ask('POST', '/send', order('2'));
	const third = await ask('POST', '/send', order('3'));
	assert.deepEqual([third.status, third.body.error], [429, 'daily_cap']);
	assert.ok(Number(third.headers.get('retry-after')) > 80000);
	assert.equal((await ask('POST', '/send', keyed('1'))).status, 200);
});

test('a number that was just paired starts with the first day\'s cap', async t => {
	const { connect, ask } = await makeStage(t, { DAILY_CAP: '100', WARMUP_DAYS: '10', WARMUP_FIRST: '1' });

	await connect();
	assert.equal((await ask('POST', '/send', order('1'))).status, 200);
	assert.equal((await ask('POST', '/send', order('2'))).status, 429);
});

test('what WhatsApp refuses is 422 with its code, and counts as not sent', async t => {
	const { whatsapp, connect, ask } = await makeStage(t);

	await connect();
	whatsapp.fault('463');
	const { status, body } = await ask('POST', '/send', keyed('hi'));
	assert.deepEqual([status, body.error, body.code], [422, 'refused_by_whatsapp', '463']);
	assert.equal((await ask('POST', '/send', keyed('hi'))).status, 200);
});

test('without a session a send is 503 in the original\'s words', async t => {
	const { ask } = await makeStage(t);
	const { status, body } = await ask('POST', '/send', order('hi'));

	assert.deepEqual([status, body], [503, { error: 'WhatsApp not connected' }]);
});

test('media is sent as what it is', async t => {
	const { whatsapp, connect, ask } = await makeStage(t);
	const media = { data: Buffer.from('bytes').toString('base64'), mimetype: 'image/png', filename: 'a.png' };

	await connect();
	assert.equal((await ask('POST', '/send', { tenantId: 1, to: DANA, type: 'image', media, caption: 'see' })).status, 200);
	assert.equal(whatsapp.wire[0].kind, 'image');
});

test('what is wrong with a send is named', async t => {
	const { connect, ask } = await makeStage(t);

	await connect();
	for (const [body, words] of [
		[{ to: DANA, text: 'x' }, /tenantId/],
		[{ tenantId: '1', text: 'x' }, /to is missing/],
		[{ tenantId: '1', to: 'Dana', text: 'x' }, /to is neither/],
		[{ tenantId: '1', to: DANA }, /text/],
		[order('x', { messageId: '' }), /messageId/],
		[{ tenantId: '1', to: DANA, media: { data: '' } }, /base64/],
		['{', /not JSON/],
		['[]', /not a JSON object/],
	]) {
		const answer = await ask('POST', '/send', body);
		assert.equal(answer.status, 400);
		assert.match(answer.body.message, words);
	}
});

test('a recipient who could not read a message is given it again from the store', async t => {
	const stage = await makeStage(t);
	let getMessage;

	const { default: makeSocket } = await import('./fake/socket.js');
	stage.makeSocket = options => {
		({ getMessage } = options);
		return makeSocket(options);
	};
	await stage.connect();
	await stage.ask('POST', '/send', keyed('hi'));
	assert.equal((await getMessage({ id: KEY })).conversation, 'hi');
	assert.equal(await getMessage({ id: 'unknown' }), undefined);
});
