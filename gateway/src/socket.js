// SPDX-License-Identifier: MIT
// socket.js: a connection to WhatsApp: Baileys', set up for a bot that answers.
import makeWASocket, { Browsers } from '@whiskeysockets/baileys';

export default function makeSocket({ auth, logger, getMessage }) {
	return makeWASocket({
		auth: { creds: auth.creds, keys: auth.keys },
		logger,
		getMessage,
		browser: Browsers.macOS('Safari'),
		emitOwnEvents: false, // what we send comes from the backend, which knows it
		markOnlineOnConnect: false, // else the owner's phone rings no more
		syncFullHistory: false,
		shouldSyncHistoryMessage: () => false,
		connectTimeoutMs: 30000,
		defaultQueryTimeoutMs: 20000,
	});
}
