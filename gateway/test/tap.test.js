// SPDX-License-Identifier: MIT
// The seams of the real Baileys that tap.js depends on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { initAuthCreds, proto } from '@whiskeysockets/baileys';
import { WebSocketServer } from 'ws';
import makeSocket from '../src/socket.js';
import { logForBaileys, makeLog } from '../src/log.js';
import { tap } from '../src/tap.js';

const NEWS = '120363000000000000@newsletter'; // comes without encryption, on the same way

async function realSocket(t) {
	const server = new WebSocketServer({ port: 0 }); // says nothing
	await once(server, 'listening');
	const creds = { ...initAuthCreds(), me: { id: '972500000000:1@s.whatsapp.net' } };
	const log = makeLog('silent');
	const sock = makeSocket({ auth: { creds, keys: { get: async () => ({}), set: async () => {} } }, logger: logForBaileys(log, '1'), getMessage: async () => undefined });

	t.after(async () => {
		await sock.end(new Error('over'));
		server.close();
	});
	return { sock, log };
}

const node = id => ({ tag: 'message', attrs: { id, from: NEWS, t: '1700000000', server_id: '1' }, content: [{ tag: 'plaintext', attrs: {}, content: proto.Message.encode({ conversation: id }).finish() }] });

test('the real Baileys hands a message over before it confirms it', async t => {
	const { sock, log } = await realSocket(t);
	const taken = Promise.withResolvers();

	tap(sock, log, (event, data) => event === 'messages.upsert' && taken.resolve(data));
	sock.ws.emit('CB:message', node('N1')); // there is no connection: a confirmation can't be sent
	const { messages: [{ key, message, messageTimestamp }], type } = await taken.promise;
	assert.equal(sock.ws.isOpen, false);
	assert.equal(type, 'notify');
	assert.deepEqual([key.id, key.remoteJid, key.fromMe, messageTimestamp], ['N1', NEWS, false, 1700000000]);
	assert.equal(message.conversation, 'N1');
});

test('the real Baileys\' events are heard before its buffer', async t => {
	const { sock, log } = await realSocket(t);
	const heard = [];

	tap(sock, log, event => heard.push(event));
	sock.ev.buffer();
	sock.ev.emit('messages.update', []);
	assert.deepEqual(heard, ['messages.update']);
});
