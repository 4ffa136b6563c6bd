// SPDX-License-Identifier: MIT
// outbox.js: brings stored events to the backend: each lane in order, lanes in parallel.
//
//   a lane:  idle ---> ready ---> running ---> idle        nothing left
//                        ^           | '-----> ready       more, after the others
//                        '-- waiting <---------'           refused: tried again later
//
// Nothing is given up but what the backend says it can't ever take: 400, 413 and 422 are
// parked, for replay().  401, 403 and 404 are somebody's mistake and alarmed, and tried
// again like everything else.  While the backend refuses, only one event at a time is
// tried (`limit`), and none before `closedUntil`: a backend that gets up again is not
// knocked over, and one bad event does not keep the others.
//
// A lane's run reads its next row and leaves `busy` in one go, without an await between:
// an event that is stored before is seen, and one after finds the lane idle and wakes it.
const PARK = new Set([400, 413, 422]);
const ALARM = new Set([401, 403, 404]);
const FIRST_WAIT_MS = 500;

// jittered: half of it for sure, the rest at random.
export const jittered = ms => ms / 2 + Math.random() * (ms / 2);

// retryAfterMs reads seconds or a date; 0 when there is none.
export function retryAfterMs(value) {
	const ms = /^\d+$/.test(value ?? '') ? value * 1000 : Date.parse(value ?? '') - Date.now();

	return ms > 0 ? ms : 0;
}

export function makeOutbox({ store, config, log, metrics }) {
	const ready = new Set(); // lanes, first is next
	const busy = new Set(); // running or waiting
	const timers = new Set();
	let running = 0, failures = 0, closedUntil = 0, gate = null, stopped = false;

	const backoff = tries => jittered(Math.min(FIRST_WAIT_MS * 2 ** Math.min(tries, 20), config.DELIVER_WAIT_MAX_MS));

	function later(ms, work) {
		const timer = setTimeout(() => {
			timers.delete(timer);
			work();
		}, ms);

		timers.add(timer);
		return timer;
	}

	async function post(row) {
		try {
			const answer = await fetch(config.BACKEND_URL + row.path, {
				method: 'POST',
				body: row.body,
				headers: { 'Content-Type': 'application/json', 'X-Internal-Secret': config.INTERNAL_SECRET },
				signal: AbortSignal.timeout(config.DELIVER_TIMEOUT_MS),
				redirect: 'manual',
			});
			const words = await answer.text();

			return { status: answer.status, words: words.slice(0, 200), after: retryAfterMs(answer.headers.get('retry-after')) };
		} catch (error) {
			return { status: 0, words: error.cause?.code ?? error.name, after: 0 };
		}
	}

	function count(status) {
		metrics.count('deliveries_total', { status: status || 'none' });
	}

	function done(row) {
		store.eventDone(Date.now(), row.seq);
		if (failures > 0)
			log.info({ failures }, 'the backend takes events again');
		failures = 0;
		closedUntil = 0;
	}

	function park(row, { status, words }) {
		store.eventPark(`${status} ${words}`, Date.now(), row.seq);
		failures = 0; // it lives
		log.error({ seq: row.seq, status, words }, 'event parked: the backend refuses it for good; POST /replay when it is mended');
	}

	// Returns how long the lane has to wait.
	function refused(row, { status, words, after }) {
		const why = `${status || 'no answer'} ${words}`;
		const wait = Math.max(after, backoff(row.tries));

		store.eventTried(why, row.seq);
		failures++;
		closedUntil = Date.now() + Math.max(after, backoff(failures - 1));
		if (ALARM.has(status))
			log.error({ status, failures }, `the backend answers ${status}: INTERNAL_SECRET or BACKEND_URL is wrong; nothing is lost, tried again`);
		else if (failures === 1)
			log.warn({ why }, 'the backend takes no events; tried again until it does');
		return wait;
	}

	async function deliver(lane, row) {
		const answer = await post(row);

		if (stopped)
			return;
		count(answer.status);
		if (answer.status >= 200 && answer.status < 300)
			done(row);
		else if (PARK.has(answer.status))
			park(row, answer);
		else {
			later(refused(row, answer), () => release(lane));
			return;
		}
		release(lane);
	}

	function release(lane) {
		busy.delete(lane);
		ready.add(lane);
		pump();
	}

	function run(lane) {
		const row = store.eventNext(lane);

		if (!row)
			return;
		busy.add(lane);
		running++;
		deliver(lane, row).finally(() => {
			running--;
			pump();
		});
	}

	function isOpen() {
		const wait = closedUntil - Date.now();

		if (wait <= 0)
			return true;
		gate ??= later(wait, () => {
			gate = null;
			pump();
		});
		return false;
	}

	function pump() {
		const limit = () => (failures > 0 ? 1 : config.DELIVER_PARALLEL);

		while (!stopped && ready.size > 0 && running < limit() && isOpen()) {
			const [lane] = ready;

			ready.delete(lane);
			run(lane);
		}
	}

	function wake(lane) {
		if (!busy.has(lane))
			ready.add(lane);
	}

	function wakeAll() {
		store.eventLanes().forEach(({ lane }) => wake(lane));
		pump();
	}

	return {
		// add commits rows, all or none, before it returns; known ones are left out.
		add(rows) {
			const now = Date.now();
			const put = ({ lane, path, known, body }) => store.eventAdd(lane, path, known, body, now);
			const added = store.together(() => rows.filter(put));

			metrics.count('events_total', { result: 'stored' }, added.length);
			metrics.count('events_total', { result: 'known' }, rows.length - added.length);
			added.forEach(({ lane }) => wake(lane));
			setImmediate(pump); // whoever added goes on first: it may have WhatsApp to answer
		},
		start: wakeAll,
		// replay sends what was parked, each lane in its order; returns how many.
		replay() {
			const n = store.eventReplay();

			wakeAll();
			return n;
		},
		async stop(deadline) {
			const end = Date.now() + deadline;

			config = { ...config, DELIVER_PARALLEL: 0 };
			while (running > 0 && Date.now() < end)
				await new Promise(resolve => setTimeout(resolve, 10));
			stopped = true;
			timers.forEach(clearTimeout);
		},
	};
}
