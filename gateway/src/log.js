// SPDX-License-Identifier: MIT
// log.js: the log, and what of Baileys' own log may get into it: its words, without the
// objects beside them, which hold messages, keys and phone numbers.
import pino from 'pino';

const SECRETIVE = /\d{5,}(?=\d{3})/g;

// masked leaves the last three digits of whatever could be a phone number.
export const masked = text => String(text).replace(SECRETIVE, '…');

export function makeLog(level) {
	return pino({ level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime });
}

// logForBaileys is a pino as far as Baileys looks.
export function logForBaileys(log, tenant) {
	const silent = () => {};
	const say = level => (what, words) => {
		const text = typeof what === 'string' ? what : words ?? what?.err?.message ?? '';

		log[level]({ tenant, baileys: masked(text) }, 'baileys says');
	};
	const logger = { level: 'warn', trace: silent, debug: silent, info: silent, warn: say('debug'), error: say('warn') };

	logger.child = () => logger;
	return logger;
}

// muteConsole: libsignal prints whole sessions, with their keys, to the console.
export function muteConsole(log) {
	for (const name of ['log', 'info', 'warn', 'error', 'debug'])
		console[name] = (what = '') => log.debug({ console: masked(typeof what === 'string' ? what : '') }, 'a library says');
}
