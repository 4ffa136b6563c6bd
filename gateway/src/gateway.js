// SPDX-License-Identifier: MIT
// gateway.js: all parts of one gateway put together: store, outbox, sender, and a session
// for each tenant that wants one.
import { makeMetrics } from './metrics.js';
import { makeOutbox } from './outbox.js';
import { makeSender } from './send.js';
import { makeSession } from './session.js';
import { openStore } from './store.js';

const PRUNE_MS = 60000, HOUR = 3600000, DAY = 24 * HOUR;

function fatal(log) {
	return error => {
		log.fatal({ why: error.message }, 'can\'t store; ending, to be started again');
		process.exit(1);
	};
}

export function makeGateway({ config, log, makeSocket }) {
	const store = openStore(config.DATA_DIR, fatal(log));
	const metrics = makeMetrics();
	const outbox = makeOutbox({ store, config, log, metrics });
	const sessions = new Map();
	const sender = makeSender({ store, config, log, metrics, socketOf: tenant => sessions.get(tenant)?.sock });

	function session(tenant) {
		if (!sessions.has(tenant))
			sessions.set(tenant, makeSession({ tenant, store, outbox, config, log, metrics, makeSocket, proven: sender.proven }));
		return sessions.get(tenant);
	}

	function prune() {
		store.eventPrune(Date.now() - config.KEEP_EVENTS_H * HOUR);
		store.sendPrune(Date.now() - config.KEEP_SENDS_DAYS * DAY);
	}

	function gauges() {
		const states = Map.groupBy(sessions.values(), ({ state }) => state);
		const waiting = Object.fromEntries(store.eventCounts().map(row => [row.state, row]));
		const oldest = waiting.new ? (Date.now() - waiting.new.oldest) / 1000 : 0;

		return {
			sessions: [...states].map(([state, { length }]) => [{ state }, length]),
			events_waiting: [[{}, waiting.new?.n ?? 0]],
			events_parked: [[{}, waiting.parked?.n ?? 0]],
			events_oldest_age_seconds: [[{}, oldest]],
		};
	}

	const pruning = setInterval(prune, PRUNE_MS);
	return {
		store, outbox, sender, session,
		metricsText: () => metrics.text(gauges()),
		// start goes on where the last process ended.
		start() {
			prune();
			outbox.start();
			for (const { id } of store.tenants())
				session(id).start();
		},
		async stop() {
			const ms = config.DRAIN_TIMEOUT * 1000;
			const late = new Promise(resolve => setTimeout(resolve, ms).unref());

			clearInterval(pruning);
			await Promise.race([sender.settled(), late]);
			await Promise.race([Promise.allSettled([...sessions.values()].map(one => one.leave())), late]);
			await outbox.stop(ms);
			store.close();
		},
	};
}
