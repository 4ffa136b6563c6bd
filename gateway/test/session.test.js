// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { proto } from '@whiskeysockets/baileys';
import { openAuth } from '../src/auth.js';
import { openStore } from '../src/store.js';
import { makeStage, until } from './stage.js';

const DANA = '972501111111@s.whatsapp.net';

// Of what JSON keeps.
const defined = object => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

function scratchStore(t) {
	const dir = mkdtempSync(join(tmpdir(), 'gateway-'));
	const store = openStore(dir, assert.fail);

	t.after(() => {
		store.close();
		rmSync(dir, { recursive: true });
	});
	return store;
}

async function waitingStage(t, settings) {
	process.env.FAKE_PAIR = 'ask';
	t.after(() => delete process.env.FAKE_PAIR);
	const stage = await makeStage(t, settings);
	await stage.ask('POST', '/whatsapp/1/start');
	await until(() => stage.gateway.session('1').state === 'waiting_qr');
	return stage;
}

test('a session waits for its QR, is scanned, restarts at once and is connected', async t => {
	const stage = await waitingStage(t, { RECONNECT_MIN_MS: '600000' });
	const { body } = await stage.ask('GET', '/whatsapp/business_1/qr');

	assert.match(body.dataUrl, /^data:image\/png;base64,/);
	assert.match((await stage.ask('GET', '/whatsapp/1/qr?format=text')).body, /█/);
	stage.whatsapp.say('1', { scan: true });
	await until(() => stage.gateway.session('1').sock);
	const status = (await stage.ask('GET', '/whatsapp/1/status')).body;
	assert.deepEqual([status.connected, status.canSend, status.hasQR, status.authPaired, status.pushName, status.sessionState], [true, true, false, true, 'Shop', 'connected']);
	assert.equal((await stage.ask('GET', '/whatsapp/1/qr')).status, 404);
	await until(() => stage.backend.states().at(-1) === 'connected');
	assert.deepEqual(stage.backend.states(), ['connecting', 'waiting_qr', 'connecting restart_required', 'connected']);
});

test('a phone is paired by code, too', async t => {
	const stage = await waitingStage(t);

	assert.deepEqual((await stage.ask('POST', '/whatsapp/1/pair', { phone: '+972501234567' })).body, { ok: true, code: 'CODE4567' });
	assert.match((await stage.ask('POST', '/whatsapp/1/pair', { phone: 'mine' })).body.message, /phone must be/);
});

for (const [code, reason, paired] of [[401, 'logged_out', false], [403, 'forbidden', true], [411, 'multidevice_mismatch', true], [440, 'session_replaced', true]])
	test(`closed with ${code}: ${reason}, stopped, the pairing is ${paired ? 'kept' : 'gone'}`, async t => {
		const stage = await makeStage(t);

		await stage.connect();
		stage.whatsapp.close('1', code);
		await until(() => stage.backend.states().at(-1) === `disconnected ${reason}`);
		assert.equal(stage.gateway.session('1').state, 'not_started');
		assert.equal(Boolean(stage.gateway.store.authGet('1', 'creds')), paired);
		assert.deepEqual(stage.gateway.store.tenants(), [], 'not started at the next boot');
	});

for (const code of [408, 428, 500, 503, 515])
	test(`closed with ${code}: connected again`, async t => {
		const stage = await makeStage(t);

		await stage.connect();
		const { sock } = stage;
		stage.whatsapp.close('1', code);
		await until(() => stage.sock !== sock && stage.gateway.session('1').sock);
	});

test('WhatsApp away for long: tried again until it is there', async t => {
	const stage = await makeStage(t, { RECONNECT_MAX_MS: '10' });
	let refused = 0;

	await stage.connect();
	const { default: fake } = await import('./fake/socket.js');
	stage.makeSocket = options => {
		const sock = fake(options);
		if (++refused < 20)
			setImmediate(() => sock.end(Object.assign(new Error('away'), { output: { statusCode: 428 } })));
		return sock;
	};
	stage.whatsapp.close('1', 428);
	await until(() => refused >= 20 && stage.gateway.session('1').sock);
});

test('sessions are restored at boot, without a new pairing', async t => {
	const stage = await makeStage(t);

	await stage.connect('1');
	await stage.connect('shop');
	await stage.halt();
	process.env.FAKE_PAIR = 'ask';
	t.after(() => delete process.env.FAKE_PAIR);
	await stage.boot();
	await until(() => ['1', 'shop'].every(tenant => stage.gateway.session(tenant).sock));
});

test('reset forgets the pairing and waits for a new one; disconnect logs out', async t => {
	const stage = await makeStage(t);

	await stage.connect();
	process.env.FAKE_PAIR = 'ask';
	t.after(() => delete process.env.FAKE_PAIR);
	assert.deepEqual((await stage.ask('POST', '/whatsapp/1/reset')).body, { ok: true });
	await until(() => stage.gateway.session('1').state === 'waiting_qr');
	assert.equal((await stage.ask('POST', '/whatsapp/1/disconnect')).body.ok, true);
	assert.equal(stage.gateway.session('1').state, 'not_started');
	assert.equal(stage.gateway.store.authGet('1', 'creds'), undefined);
});

test('what arrived is kept when the connection closes at once', async t => {
	const stage = await makeStage(t);

	await stage.connect();
	stage.sock.ev.buffer(); // as Baileys while it catches up
	stage.whatsapp.deliver('1', { id: 'A1', from: DANA, text: 'A1' });
	stage.whatsapp.say('1', { emit: ['messages.update', [{ key: { remoteJid: DANA, id: 'X', fromMe: true }, update: { status: 4 } }]] });
	stage.whatsapp.close('1', 428);
	await until(() => stage.backend.texts().length === 1 && stage.backend.updates().length === 1);
});

test('credentials and keys come back as they were', async t => {
	const store = scratchStore(t);
	const auth = openAuth(store, '1');
	const key = proto.Message.AppStateSyncKeyData.fromObject({ keyData: Buffer.from('k'), timestamp: 5 });

	Object.assign(auth.creds, { me: { id: 'x@s.whatsapp.net' }, account: { details: Buffer.from('d') } });
	auth.save();
	await auth.keys.set({ 'pre-key': { 1: { public: Buffer.from('p'), private: Buffer.from('q') } }, 'app-state-sync-key': { a: key } });
	await auth.keys.set({ 'pre-key': { 2: { public: Buffer.from('r') } }, session: { s: null } });
	const again = openAuth(store, '1');
	assert.deepEqual(again.creds, defined(auth.creds));
	const keys = await again.keys.get('pre-key', ['1', '2', '3']);
	assert.deepEqual(keys['1'].private, Buffer.from('q'));
	assert.equal(keys['3'], null);
	assert.equal((await again.keys.get('app-state-sync-key', ['a'])).a.constructor, key.constructor);
});

test('half a pairing is begun anew', async t => {
	const store = scratchStore(t);
	const auth = openAuth(store, '1');

	auth.creds.me = { id: 'x@s.whatsapp.net' };
	auth.save();
	assert.equal(openAuth(store, '1').creds.me, undefined);
});
