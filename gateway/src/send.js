// SPDX-License-Identifier: MIT
// send.js: POST /send: once for each key, a chat in order, at a human's pace.
//
//   (new) --- committed ---> sending ---> WhatsApp confirms ---> sent
//                               '--- no word: send_failed; the caller asks again with the
//                                    same key, and it goes out again under the same id
//
// The id of the WhatsApp message comes from the key, so a second copy is the same message
// to the recipient's phone, which shows it once.  A repeat of a sent one is answered from
// the store; a repeat of one that is on its way waits for the same end.
import { createHash, randomBytes } from 'node:crypto';
import { proto } from '@whiskeysockets/baileys';
import { badRequest, Refusal } from './errors.js';

const HOUR = 3600000, DAY = 24 * HOUR;
const ID = /^[0-9A-Za-z]{8,64}$/;
const JID = /^[0-9A-Za-z._:-]{1,64}@(s\.whatsapp\.net|c\.us|lid|g\.us|newsletter)$/;
const MEDIA = new Set(['image', 'video', 'audio', 'document', 'sticker']);
const KEY_MAX = 256;

const hash = (...parts) => createHash('sha256').update(parts.join('\0')).digest('hex');

const idFor = seed => `3EB0${seed.slice(0, 18).toUpperCase()}`;

function mediaOf({ type, media, caption, text }) {
	const data = Buffer.from(media.data, 'base64');
	const mimetype = typeof media.mimetype === 'string' ? media.mimetype : undefined;
	const guess = mimetype?.split('/')[0];
	const kind = MEDIA.has(type) ? type : MEDIA.has(guess) ? guess : 'document';

	if (data.length === 0)
		throw badRequest('media.data is not base64 of anything');
	if (kind === 'document' && !mimetype)
		throw badRequest('media.mimetype is missing');
	return { [kind]: data, mimetype, fileName: media.filename, caption: caption ?? text };
}

function contentOf(body) {
	if (typeof body.media?.data === 'string')
		return mediaOf(body);
	if (typeof body.text !== 'string' || body.text === '')
		throw badRequest('text (or media.data) is missing');
	return { text: body.text };
}

function field(body, name, test, what) {
	const value = body[name];

	if (value === undefined || value === null)
		return null;
	if (typeof value !== 'string' || !test(value))
		throw badRequest(`${name} ${what}`);
	return value;
}

function orderOf(tenant, body) {
	const to = field(body, 'to', jid => JID.test(jid) || /^\+?\d{6,15}$/.test(jid), 'is neither a JID nor a phone number');
	if (!to)
		throw badRequest('to is missing');
	const messageId = field(body, 'messageId', id => ID.test(id), 'is not 8 to 64 letters and digits');
	const given = field(body, 'idempotencyKey', key => key.length > 0 && key.length <= KEY_MAX, `is longer than ${KEY_MAX} characters, or empty`);
	const key = given ?? messageId ?? randomBytes(12).toString('hex');
	const id = messageId ?? (/^3EB0[0-9A-F]{18}$/.test(key) ? key : idFor(hash(tenant, key)));
	const jid = to.includes('@') ? to.replace(/@c\.us$/, '@s.whatsapp.net') : `${to.replace('+', '')}@s.whatsapp.net`;

	const digest = hash(jid, body.type ?? '', body.text ?? '', body.caption ?? '', body.media?.data ?? '');
	return { tenant, jid, key, id, digest, content: contentOf(body) };
}

export function makeSender({ store, config, log, metrics, socketOf }) {
	const flying = new Map(); // tenant key -> promise of the answer
	const chats = new Map(); // tenant jid -> promise that its last send is over
	const confirmed = new Map(); // tenant id -> how to say so
	const gaps = new Map(); // tenant -> when the next send may go out
	const activity = new Map(); // tenant -> {activeSends, last}

	function capOf(tenant) {
		const { DAILY_CAP: cap, WARMUP_DAYS: days, WARMUP_FIRST: first } = config;
		const paired = store.tenant(tenant)?.paired_at ?? Date.now();
		const age = (Date.now() - paired) / DAY;

		if (cap === 0 || age >= days || first >= cap)
			return cap;
		return Math.floor(first * (cap / first) ** (age / days)); // by the same factor each day
	}

	function checkCap(tenant) {
		const cap = capOf(tenant);
		const { n, oldest } = store.sendsSince(tenant, Date.now() - DAY);

		if (cap === 0 || n < cap)
			return;
		const after = Math.max(1, Math.ceil((oldest + DAY - Date.now()) / 1000));
		throw new Refusal(429, 'daily_cap', `${cap} messages in 24 hours are sent`, { headers: { 'Retry-After': String(after) } });
	}

	function connected(tenant) {
		const sock = socketOf(tenant);

		if (!sock)
			throw new Refusal(503, 'WhatsApp not connected');
		return sock;
	}

	async function pace(tenant) {
		const now = Date.now();
		const at = Math.max(now, gaps.get(tenant) ?? 0);

		gaps.set(tenant, at + config.SEND_GAP_MS * (1 + Math.random()));
		if (at > now)
			await new Promise(resolve => setTimeout(resolve, at - now));
	}

	// Baileys calls it sent when the socket took it; we wait for WhatsApp's word.
	function confirmation({ tenant, id }) {
		const key = `${tenant} ${id}`;
		const { promise, resolve, reject } = Promise.withResolvers();
		const timer = setTimeout(reject, config.SEND_ACK_MS, new Error('no confirmation by WhatsApp'));

		confirmed.set(key, error => {
			if (error)
				reject(new Refusal(422, 'refused_by_whatsapp', `error ${error}`, { more: { code: error } }));
			else
				resolve();
		});
		return {
			promise,
			end() {
				clearTimeout(timer);
				confirmed.delete(key);
			},
		};
	}

	async function relay(order) {
		const sock = connected(order.tenant);
		const word = confirmation(order);

		try {
			const [sent] = await Promise.all([sock.sendMessage(order.jid, order.content, { messageId: order.id }), word.promise]);
			const message = sent?.message ? proto.Message.encode(sent.message).finish() : null;

			store.sendSent(message, order.tenant, order.id);
		} finally {
			word.end();
		}
	}

	async function attempt(order) {
		const known = store.sendGet(order.tenant, order.key);

		if (!known) {
			checkCap(order.tenant);
			connected(order.tenant);
			store.sendAdd(order.tenant, order.key, order.id, order.digest, Date.now());
		}
		await pace(order.tenant);
		try {
			await relay(order);
		} catch (error) {
			if (error instanceof Refusal && error.status === 422)
				store.sendDrop(order.tenant, order.key);
			throw error;
		}
	}

	function ended(order, began, error) {
		const ms = Date.now() - began;
		const result = error ? error.body?.error ?? 'send_failed' : 'sent';

		metrics.count('sends_total', { result: result.replace(/\W+/g, '_') });
		log.info({ tenant: order.tenant, id: order.id, result, ms }, 'send');
		if (!error)
			return { ok: true, messageId: order.id, status: 'sent', duration_ms: ms };
		if (error instanceof Refusal)
			throw error;
		throw new Refusal(500, 'send_failed', error.message, { more: { duration_ms: ms } });
	}

	async function perform(order, before) {
		const act = activity.get(order.tenant) ?? { activeSends: 0, last: 0 };
		const began = Date.now();

		activity.set(order.tenant, act);
		act.activeSends++;
		try {
			await before;
			await attempt(order);
			return ended(order, began, null);
		} catch (error) {
			return ended(order, began, error);
		} finally {
			act.activeSends--;
			act.last = Date.now();
		}
	}

	// In the chat's queue: starts when the one before is over, however that ended.
	function enqueue(order) {
		const chat = `${order.tenant} ${order.jid}`, flight = `${order.tenant} ${order.key}`;
		const promise = perform(order, chats.get(chat));
		const over = promise.catch(() => {}).then(() => {
			flying.delete(flight);
			if (chats.get(chat) === over)
				chats.delete(chat);
		});

		chats.set(chat, over);
		flying.set(flight, { digest: order.digest, id: order.id, promise });
		return promise;
	}

	return {
		async send(tenant, body) {
			const order = orderOf(tenant, body);
			const known = store.sendGet(tenant, order.key), flight = flying.get(`${tenant} ${order.key}`);
			const first = known ?? flight;

			if (first && first.digest !== order.digest)
				throw new Refusal(409, 'key_reused', 'idempotencyKey (or messageId) was another message\'s');
			if (first)
				order.id = first.id;
			if (known?.state === 'sent') {
				metrics.count('sends_total', { result: 'known' });
				return { ok: true, messageId: known.id, status: 'sent', duration_ms: 0, repeated: true };
			}
			return flight ? flight.promise : enqueue(order);
		},
		// proven: WhatsApp has said something about this message of ours; error: it refuses it.
		proven(tenant, id, error) {
			if (!error && store.sendById(tenant, id)?.state === 'sending')
				store.sendSent(null, tenant, id);
			confirmed.get(`${tenant} ${id}`)?.(error);
		},
		statusOf(tenant) {
			const { activeSends = 0, last = 0 } = activity.get(tenant) ?? {};

			return { isSending: activeSends > 0, activeSends, lastSendTime: last || null, idleTimeSec: last ? Math.floor((Date.now() - last) / 1000) : null };
		},
		// settled waits until nothing is on its way.
		settled: () => Promise.allSettled([...flying.values()].map(({ promise }) => promise)),
	};
}
