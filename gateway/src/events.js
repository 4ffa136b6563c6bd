// SPDX-License-Identifier: MIT
// events.js: what Baileys says -> the webhooks that the backend takes.
//
//   messages.upsert          payload.messages, one each, as the original's service did:
//                            the event with _lid_metadata added to the message
//   messages.update,
//   message-receipt.update   payload.updates, one each
//   connection               see session.js
//
// Each becomes a row of the outbox: lane (its chat), path, body, and for messages what
// they are known by, so that one that comes twice is delivered once.
import { tenantName } from './tenant.js';

export const INCOMING = '/webhook/whatsapp/incoming';
export const STATUS = '/webhook/whatsapp/status';

const PHONE = /^(\d{10,15})(?:[:_]\d+)*@(?:s\.whatsapp\.net|c\.us)$/;

// phoneOf reads +E.164 from a JID that is a phone number; null for a LID.
export function phoneOf(jid) {
	const digits = PHONE.exec(jid ?? '')?.[1];

	return digits ? `+${digits}` : null;
}

// What WhatsApp once told about a LID is added where this message does not tell it.
function keyOf(key, pnOfLid) {
	if (!key.remoteJid.endsWith('@lid') || key.remoteJidAlt)
		return key;
	const pn = pnOfLid(key.remoteJid);

	return pn ? { ...key, addressingMode: 'lid', remoteJidAlt: pn } : key;
}

function messageOf(message, pnOfLid) {
	const key = keyOf(message.key, pnOfLid);
	const participant = key.participant || null;
	const phones = [participant, key.participantAlt, key.remoteJidAlt, key.remoteJid];
	const meta = {
		remote_jid: key.remoteJid,
		participant_jid: participant,
		resolved_phone: phones.map(phoneOf).find(Boolean) ?? null,
		push_name: message.pushName || null,
		resolved_jid: participant,
	};

	return { ...(message.toJSON?.() ?? message), key, _lid_metadata: meta };
}

// Of ourselves to ourselves, keys among it: nobody else's business.
function isPeer({ category, message }) {
	return category === 'peer' || Boolean(message?.protocolMessage?.appStateSyncKeyShare)
		|| Boolean(message?.protocolMessage?.historySyncNotification);
}

export const laneOf = (tenant, jid) => `${tenant} ${jid}`;

function row(tenant, jid, known, payload) {
	const body = JSON.stringify({ tenantId: tenantName(tenant), payload });

	return { lane: laneOf(tenant, jid), path: INCOMING, known, body };
}

// An undecryptable message is told, and told again when it could be read after all.
function upsertRows(tenant, event, { pnOfLid, isOurs }) {
	return event.messages
		.filter(({ key }) => key?.remoteJid && key.id)
		.filter(message => !isPeer(message) && !(message.key.fromMe && isOurs(message.key.id)))
		.map(message => {
			const { remoteJid, id, fromMe, participant } = message.key;
			const known = [tenant, remoteJid, participant ?? '', fromMe ? 'out' : 'in', id, message.message ? 'whole' : 'stub'];

			return row(tenant, remoteJid, known.join(' '), { ...event, messages: [messageOf(message, pnOfLid)] });
		});
}

function updateRows(tenant, updates) {
	return updates
		.filter(({ key, update, receipt }) => key?.remoteJid && key.id && (update ?? receipt))
		.map(update => row(tenant, update.key.remoteJid, null, { updates: [update] }));
}

const READERS = {
	'messages.upsert': upsertRows,
	'messages.update': updateRows,
	'message-receipt.update': updateRows,
};

// rowsOf returns what the outbox is to keep of an event, in order; often nothing.
export function rowsOf(tenant, event, data, known) {
	return READERS[event]?.(tenant, data, known) ?? [];
}

// statusRow: the state of a session; what became of it is in order, too.
export function statusRow(tenant, status, reason, pushName) {
	const body = JSON.stringify({ tenant_id: tenantName(tenant), status, reason, pushName });

	return { lane: laneOf(tenant, 'status'), path: STATUS, known: null, body };
}
