// SPDX-License-Identifier: MIT
// session.js: one tenant's connection to WhatsApp.
//
//   not_started ---start---> connecting ---> connected
//        ^                     | ^ '---> waiting_qr ---'    a phone scans it
//        |                     | |
//        |   close by cause <--' '--- (waits, for ever longer, up to RECONNECT_MAX_MS)
//        '------ stop              again
//
// Everything that WhatsApp says is committed to the outbox by heard(), which tap.js calls
// before Baileys confirms it.
import { proto } from '@whiskeysockets/baileys';
import QRCode from 'qrcode';
import { isPaired, openAuth } from './auth.js';
import { rowsOf, statusRow } from './events.js';
import { logForBaileys } from './log.js';
import { jittered } from './outbox.js';
import { tap } from './tap.js';

// What the end of a connection means.  Not listed: wait and try again, for ever.
const CAUSES = {
	401: { reason: 'logged_out', stop: true, wipe: true },
	403: { reason: 'forbidden', stop: true },
	411: { reason: 'multidevice_mismatch', stop: true },
	440: { reason: 'session_replaced', stop: true },
	515: { reason: 'restart_required', at_once: true }, // after each pairing
};
const QR_UNSEEN = { reason: 'qr_expired', stop: true };

// What a recipient who could not read it is sent again.
const sentMessage = row => (row?.message ? proto.Message.decode(row.message) : undefined);

const isReceipt = ({ update, receipt }) => receipt || update?.status >= 2;

export function makeSession({ tenant, store, outbox, config, log, metrics, makeSocket, proven }) {
	let sock = null, auth = null, timer = null, tries = 0, pushName = null, qr = null;
	let state = 'not_started', since = Date.now();

	function tell(to, reason) {
		if (to === state)
			return;
		state = to;
		since = Date.now();
		log.info({ tenant, state, reason }, 'session');
		outbox.add([statusRow(tenant, to === 'not_started' ? 'disconnected' : to, reason, pushName ?? undefined)]);
	}

	const known = {
		pnOfLid: lid => store.lidGet(tenant, lid)?.pn ?? null,
		isOurs: id => Boolean(store.sendById(tenant, id)),
	};

	// A receipt for a message of ours proves that it left, whoever lost which answer.
	function learn(event, data) {
		if (event === 'lid-mapping.update')
			store.lidPut(tenant, data.lid, data.pn);
		if (event === 'messages.update' || event === 'message-receipt.update')
			data.filter(update => update.key?.fromMe && isReceipt(update)).forEach(({ key }) => proven(tenant, key.id));
		if (event === 'messages.upsert')
			data.messages.filter(({ key }) => key?.fromMe).forEach(({ key }) => proven(tenant, key.id));
	}

	function heard(event, data) {
		const rows = rowsOf(tenant, event, data, known);

		learn(event, data);
		if (rows.length > 0)
			outbox.add(rows);
	}

	function close(error) {
		const code = error?.output?.statusCode ?? 0;
		const lost = { reason: `closed_${code || 'unknown'}` };
		const cause = CAUSES[code] ?? (code === 408 && !isPaired(auth.creds) ? QR_UNSEEN : lost);

		sock = null;
		qr = null;
		metrics.count('closes_total', { cause: cause.reason });
		if (code === 405)
			log.error({ tenant }, 'WhatsApp refuses this version of Baileys: it has to be upgraded');
		if (cause.wipe)
			store.authWipe(tenant);
		if (cause.stop) {
			store.want(tenant, 0);
			tell('not_started', cause.reason);
			return;
		}
		tell('connecting', cause.reason);
		const wait = cause.at_once ? 0 : jittered(Math.min(config.RECONNECT_MIN_MS * 2 ** Math.min(tries++, 20), config.RECONNECT_MAX_MS));
		timer = setTimeout(open, wait);
	}

	function opened() {
		qr = null;
		tries = 0;
		pushName = sock.user?.name ?? null;
		if (!store.tenant(tenant)?.paired_at)
			store.paired(Date.now(), tenant);
		tell('connected');
	}

	function open() {
		const mine = makeSocket({
			tenant,
			auth: (auth = openAuth(store, tenant)),
			logger: logForBaileys(log, tenant),
			getMessage: async ({ id }) => sentMessage(store.sendById(tenant, id)),
		});

		sock = mine;
		tap(mine, log, heard);
		mine.ev.on('creds.update', () => mine === sock && auth.save());
		mine.ws.on('CB:ack,class:message', ({ attrs }) => proven(tenant, attrs.id, attrs.error));
		mine.ev.on('connection.update', update => {
			if (mine !== sock)
				return;
			if (update.qr) {
				qr = update.qr;
				tell('waiting_qr');
			}
			if (update.connection === 'open')
				opened();
			if (update.connection === 'close')
				close(update.lastDisconnect?.error);
		});
		tell('connecting');
	}

	async function end() {
		const mine = sock;

		clearTimeout(timer);
		sock = null; // from here on its events are still kept, and its end is nobody's
		qr = null;
		await mine?.end(undefined);
	}

	return {
		get sock() { return state === 'connected' ? sock : null; },
		get state() { return state; },
		start() {
			store.want(tenant, 1);
			if (state === 'not_started')
				open();
		},
		// stop ends it; the pairing stays.
		async stop(reason) {
			await end();
			tell('not_started', reason);
		},
		// forget ends the pairing, too; logout tells the phone so.
		async forget(reason, logout) {
			const mine = sock;

			if (logout && state === 'connected') {
				sock = null;
				await mine.logout().catch(error => log.warn({ tenant, why: error.message }, 'WhatsApp was not told of the logout'));
			}
			await end();
			store.want(tenant, 0);
			store.authWipe(tenant);
			tell('not_started', reason);
		},
		leave: end, // at the end of the process: nobody is told
		async pair(phone) {
			if (!sock || state === 'connected')
				return null;
			return sock.requestPairingCode(phone);
		},
		qr: async text => qr && (text ? QRCode.toString(qr, { type: 'terminal', small: true }) : QRCode.toDataURL(qr)),
		resolve: async lid => known.pnOfLid(lid) ?? (await sock?.signalRepository?.lidMapping?.getPNForLID(lid)) ?? null,
		status() {
			const paired = auth ? isPaired(auth.creds) : Boolean(store.authGet(tenant, 'creds'));
			const connected = state === 'connected' && paired;

			return { connected, canSend: connected, pushName, hasQR: Boolean(qr), hasSession: Boolean(auth), hasSocket: Boolean(sock), authPaired: paired, reconnectAttempts: tries, sessionState: state, sinceSec: Math.round((Date.now() - since) / 1000), timestamp: new Date().toISOString() };
		},
	};
}
