// SPDX-License-Identifier: MIT
// socket.js: stands for Baileys' socket: its own event buffer and decoder, its order of
// steps (messages-recv.js: cache, receipt, upsert), and the lines of whatsapp.js for a wire.
// FAKE_WHATSAPP is the port; with FAKE_PAIR=ask it waits to be scanned.
import { EventEmitter } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { decodeMessageNode, makeEventBuffer, proto } from '@whiskeysockets/baileys';

const ME = { id: '972500000000:1@s.whatsapp.net', name: 'Shop' };

export default function makeSocket({ auth, logger, tenant }) {
	const ev = makeEventBuffer(logger), ws = new EventEmitter();
	const wire = connect(Number(process.env.FAKE_WHATSAPP), '127.0.0.1');
	const creds = auth.creds;
	const say = value => wire.write(`${JSON.stringify(value)}\n`);
	let closed = false;

	ev.on('creds.update', update => Object.assign(creds, update));

	function end(error) {
		if (closed)
			return;
		closed = true;
		wire.destroy();
		ev.emit('connection.update', { connection: 'close', lastDisconnect: { error } });
		ev.destroy();
	}

	const endBy = code => end(Object.assign(new Error(`closed with ${code}`), { output: { statusCode: code } }));

	function paired() {
		ev.emit('creds.update', { me: ME, account: {} });
	}

	const hear = {
		node({ node, message }) {
			ws.emit('CB:message', node, message);
		},
		ack({ ack, error }) {
			ws.emit('CB:ack,class:message', { attrs: { id: ack, error, class: 'message' } });
		},
		close: ({ close }) => endBy(close),
		scan() {
			paired();
			endBy(515);
		},
		emit: ({ emit: [event, data] }) => ev.emit(event, data),
	};

	const sock = {
		ev, ws, authState: { creds, keys: auth.keys },
		messageRetryManager: { addRecentMessage() {} },
		get user() { return creds.me; },
		async sendMessage(to, content, { messageId }) {
			sock.messageRetryManager.addRecentMessage(to, messageId, content);
			say({ send: { id: messageId, to, text: content.text, kind: Object.keys(content)[0] } });
			return { key: { id: messageId, remoteJid: to, fromMe: true }, message: { conversation: content.text ?? '' } };
		},
		async sendPresenceUpdate(type, jid) {
			say({ send: { presence: type, to: jid } });
		},
		requestPairingCode: async phone => `CODE${phone.slice(-4)}`,
		async logout() {
			endBy(401);
		},
		async end(error) {
			end(error);
		},
	};

	// As Baileys: what is thrown before the receipt leaves the message with WhatsApp.
	ws.on('CB:message', (node, message) => {
		const { fullMessage } = decodeMessageNode(node, creds.me.id, '');
		const content = proto.Message.fromObject(message);

		sock.messageRetryManager.addRecentMessage(fullMessage.key.remoteJid, node.attrs.id, content);
		say({ receipt: node.attrs.id });
		ev.emit('messages.upsert', { messages: [{ ...fullMessage, message: content }], type: node.attrs.offline ? 'append' : 'notify' });
	});

	wire.on('error', () => endBy(428));
	wire.on('close', () => endBy(428));
	createInterface({ input: wire, crlfDelay: Infinity }).on('line', text => {
		const said = JSON.parse(text);
		const what = Object.keys(hear).find(name => name in said);

		if (!closed)
			hear[what](said);
	}).on('error', () => {});
	wire.on('connect', () => {
		if (!creds.account && process.env.FAKE_PAIR === 'ask') {
			say({ hello: tenant });
			ev.emit('connection.update', { qr: 'qr-of-the-fake' });
			return;
		}
		if (!creds.account)
			paired();
		ev.emit('connection.update', { connection: 'open' });
		say({ hello: tenant });
	});
	return sock;
}
