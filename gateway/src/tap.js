// SPDX-License-Identifier: MIT
// tap.js: hears what Baileys has to say early enough to keep it.
//
//   WhatsApp ---> CB:message ---> decrypt ---> addRecentMessage ---> receipt ---> upsert ---> buffer ---> listeners
//                     | the node                    | 1                             | 2
//                     '---- its key, time, name ----'---------> take() <------------'
//
// Baileys confirms a message to WhatsApp before it emits it, and keeps what it emits in
// memory for up to 30 s while it catches up; what is in there when the connection closes
// is thrown away.  Who listens in the usual way loses both on a crash.  So we take (1) a
// message when Baileys puts it into its cache for retries, after decrypting and before
// the receipt, and (2) every event when it is emitted, before the buffer.  (1) and (2)
// see the same messages: the outbox knows them.
//
// Both are seams of the pinned version and not promised: test/tap.test.js fails when an
// upgrade moves them, and without (1) there is a warning at the start and (2) still works.
import { cleanMessage, decodeMessageNode, proto } from '@whiskeysockets/baileys';

const NODES_MAX = 20000; // a long absence is delivered in batches of 100

// The message as Baileys is going to emit it.
function messageOf(node, me, content) {
	const { fullMessage } = decodeMessageNode(node, me.id, me.lid ?? '');
	const copy = proto.Message.decode(proto.Message.encode(content).finish());
	const message = { ...fullMessage, message: copy };

	cleanMessage(message, me.id, me.lid ?? '');
	return message;
}

// tap calls take(event, data) for each.  What take() throws reaches Baileys, which then
// does not confirm the message.
export function tap(sock, log, take) {
	const nodes = new Map(); // id -> node, from its arrival to its end

	sock.ws.prependListener('CB:message', node => {
		nodes.set(node.attrs.id, node);
		if (nodes.size > NODES_MAX)
			nodes.delete(nodes.keys().next().value);
	});

	const emit = sock.ev.emit;
	sock.ev.emit = (event, data) => {
		take(event, data);
		if (event === 'messages.upsert')
			data.messages.forEach(({ key }) => nodes.delete(key?.id));
		return emit(event, data);
	};

	const cache = sock.messageRetryManager;
	if (typeof cache?.addRecentMessage !== 'function') {
		log.warn('this Baileys has no retry cache to listen at: a message is confirmed before it is stored');
		return;
	}
	const add = cache.addRecentMessage;
	cache.addRecentMessage = (jid, id, content) => {
		const node = nodes.get(id);

		if (node) // else it is one of ours, on its way out
			take('messages.upsert', { messages: [messageOf(node, sock.authState.creds.me, content)], type: node.attrs.offline ? 'append' : 'notify' });
		return add.call(cache, jid, id, content);
	};
}
