// SPDX-License-Identifier: MIT
// config.js: every setting, one row each: name in the environment, kind, default, help,
// bounds.  A bad value ends the start with one line that names it.  A secret is also read
// from the file NAME_FILE.  To add a setting: one row here.
import { readFileSync } from 'node:fs';

const TABLE = [
	['BACKEND_URL', 'url', 'http://127.0.0.1:5000', 'where events go: /webhook/whatsapp/incoming and /status of it'],
	['HOST', 'text', '127.0.0.1', 'address to listen on'],
	['PORT', 'number', 3300, 'port to listen on; 0: any, printed', [0, 65535]],
	['INTERNAL_SECRET', 'secret', undefined, 'in X-Internal-Secret of every call, in and out'],
	['INTERNAL_SECRET_PREVIOUS', 'secret', '', 'accepted as well while the secret is being rotated'],
	['DATA_DIR', 'text', './data', 'directory of gateway.db: sessions, events, sends'],
	['NUM_SHARDS', 'number', 1, 'gateways that share the tenants', [1, 1000]],
	['SHARD', 'number', 1, 'which of them this one is, from 1', [1, 1000]],
	['MAX_BODY_BYTES', 'number', 52428800, 'largest request body; 413 above', [1024, 1 << 30]],
	['DELIVER_PARALLEL', 'number', 16, 'chats whose events are delivered at the same time', [1, 256]],
	['DELIVER_TIMEOUT_MS', 'number', 15000, 'no answer of the backend by then: tried again', [100, 300000]],
	['DELIVER_WAIT_MAX_MS', 'number', 60000, 'longest wait between two tries of an event', [10, 3600000]],
	['KEEP_EVENTS_H', 'number', 24, 'hours a delivered event is known as delivered', [0, 8760]],
	['KEEP_SENDS_DAYS', 'number', 30, 'days a send and its key are remembered', [1, 3650]],
	['SEND_GAP_MS', 'number', 300, 'least time between two sends of a tenant; up to twice that, at random', [0, 60000]],
	['SEND_ACK_MS', 'number', 20000, 'WhatsApp has not confirmed a send by then: send_failed', [100, 120000]],
	['DAILY_CAP', 'number', 0, 'sends of a tenant in 24 hours, 429 above; 0: no cap', [0, 1000000]],
	['WARMUP_DAYS', 'number', 0, 'days after pairing over which the cap grows from WARMUP_FIRST to DAILY_CAP; 0: none', [0, 365]],
	['WARMUP_FIRST', 'number', 20, 'the cap on the day of pairing', [1, 1000000]],
	['RECONNECT_MIN_MS', 'number', 2000, 'first wait before a lost session is tried again', [1, 600000]],
	['RECONNECT_MAX_MS', 'number', 120000, 'longest such wait', [1, 3600000]],
	['DRAIN_TIMEOUT', 'number', 10, 'seconds to finish after SIGTERM', [0, 600]],
	['LOG_LEVEL', 'word', 'info', 'what is logged', ['error', 'warn', 'info', 'debug']],
	['GATEWAY_SOCKET', 'text', '', 'for tests only: a module that stands for Baileys\' socket'],
];

const KINDS = {
	text: value => value,
	secret: value => value,
	url(value, _, name) {
		if (!/^https?:\/\/[^/?#]+(\/[^?#]*)?$/.test(value))
			throw new Error(`${name}=${value}: not a URL like http://host:port`);
		return value.replace(/\/+$/, '');
	},
	number(value, [lo, hi], name) {
		if (!/^\d+$/.test(value) || +value < lo || +value > hi)
			throw new Error(`${name}=${value}: not a number from ${lo} to ${hi}`);
		return +value;
	},
	word(value, words, name) {
		if (!words.includes(value))
			throw new Error(`${name}=${value}: not one of ${words.join(', ')}`);
		return value;
	},
};

function textOf(env, name, kind) {
	if (env[name])
		return env[name];
	const file = kind === 'secret' && env[`${name}_FILE`];
	if (!file)
		return undefined;
	try {
		return readFileSync(file, 'utf8').trim();
	} catch (error) {
		throw new Error(`${name}_FILE=${file}: ${error.code}`);
	}
}

// configOf reads the environment; throws an Error whose message names what is wrong.
export function configOf(env) {
	const config = {};

	for (const [name, kind, fallback, , bounds] of TABLE) {
		const text = textOf(env, name, kind);
		config[name] = text === undefined ? fallback : KINDS[kind](text, bounds, name);
	}
	if (!config.INTERNAL_SECRET)
		throw new Error('INTERNAL_SECRET is not set: without it anybody could send in your name');
	if (config.SHARD > config.NUM_SHARDS)
		throw new Error(`SHARD=${config.SHARD}: NUM_SHARDS is ${config.NUM_SHARDS}`);
	return config;
}

// describe lists the settings for `main.js --settings`.
export const describe = () => TABLE.map(([name, , fallback, help]) => `${name.padEnd(26)} ${help} (${fallback ?? 'must be set'})`).join('\n');
