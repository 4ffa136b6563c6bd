// SPDX-License-Identifier: MIT
// store.js: all that must survive, in one SQLite file.
//
// Whoever calls in here waits until it is on disk (WAL, synchronous=FULL); that is what
// "stored" means elsewhere.  A store that can't write ends the process, before anything
// is acknowledged to WhatsApp.
//
//   events   new ---> done        what goes to the backend, in the order of seq
//             ^ '---> parked      the backend will never take it as it is
//             '---------'  replay
//   sends    sending ---> sent    what went to WhatsApp, by the sender's key
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS tenants (
	id TEXT PRIMARY KEY,
	wanted INTEGER NOT NULL,        -- 1: a session is to be kept up
	paired_at INTEGER               -- ms; the start of the warm-up
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS auth (
	tenant TEXT NOT NULL,
	name TEXT NOT NULL,             -- creds, or <type of key>/<id>
	value TEXT NOT NULL,
	PRIMARY KEY (tenant, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lids (
	tenant TEXT NOT NULL,
	lid TEXT NOT NULL,
	pn TEXT NOT NULL,
	PRIMARY KEY (tenant, lid)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
	seq INTEGER PRIMARY KEY AUTOINCREMENT,
	lane TEXT NOT NULL,             -- tenant and chat: what stays in order
	path TEXT NOT NULL,             -- of the backend's URL
	known TEXT UNIQUE,              -- the message's identity: a second one is dropped
	body TEXT NOT NULL,             -- '' once it is done
	state TEXT NOT NULL DEFAULT 'new',
	tries INTEGER NOT NULL DEFAULT 0,
	why TEXT,                       -- the last refusal
	at INTEGER NOT NULL,            -- ms
	done_at INTEGER
);
CREATE INDEX IF NOT EXISTS events_lane ON events (lane, seq) WHERE state = 'new';
CREATE INDEX IF NOT EXISTS events_state ON events (state, done_at);
CREATE TABLE IF NOT EXISTS sends (
	tenant TEXT NOT NULL,
	key TEXT NOT NULL,              -- the sender's
	id TEXT NOT NULL,               -- WhatsApp's
	digest TEXT NOT NULL,           -- of what was to be sent
	state TEXT NOT NULL,
	message BLOB,                   -- as sent, for a recipient who asks again
	at INTEGER NOT NULL,            -- ms
	PRIMARY KEY (tenant, key)
);
CREATE INDEX IF NOT EXISTS sends_id ON sends (tenant, id);
CREATE INDEX IF NOT EXISTS sends_at ON sends (tenant, at);
`;

const STATEMENTS = {
	tenants: 'SELECT id FROM tenants WHERE wanted = 1',
	tenant: 'SELECT * FROM tenants WHERE id = ?',
	want: 'INSERT INTO tenants (id, wanted) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET wanted = excluded.wanted',
	paired: 'UPDATE tenants SET paired_at = ? WHERE id = ?',
	authGet: 'SELECT value FROM auth WHERE tenant = ? AND name = ?',
	authPut: 'INSERT INTO auth VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
	authDelete: 'DELETE FROM auth WHERE tenant = ? AND name = ?',
	authWipe: 'DELETE FROM auth WHERE tenant = ?',
	lidGet: 'SELECT pn FROM lids WHERE tenant = ? AND lid = ?',
	lidPut: 'INSERT INTO lids VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET pn = excluded.pn WHERE pn <> excluded.pn',
	eventAdd: 'INSERT INTO events (lane, path, known, body, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (known) DO NOTHING',
	eventNext: "SELECT * FROM events WHERE lane = ? AND state = 'new' ORDER BY seq LIMIT 1",
	eventLanes: "SELECT lane FROM events WHERE state = 'new' GROUP BY lane ORDER BY min(seq)",
	eventDone: "UPDATE events SET state = 'done', body = '', why = NULL, done_at = ? WHERE seq = ?",
	eventTried: 'UPDATE events SET tries = tries + 1, why = ? WHERE seq = ?',
	eventPark: "UPDATE events SET state = 'parked', tries = tries + 1, why = ?, done_at = ? WHERE seq = ?",
	eventReplay: "UPDATE events SET state = 'new', tries = 0, done_at = NULL WHERE state = 'parked'",
	eventCounts: "SELECT state, count(*) AS n, min(at) AS oldest FROM events WHERE state <> 'done' GROUP BY state",
	eventPrune: "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE state = 'done' AND done_at < ? LIMIT 10000)",
	sendGet: 'SELECT * FROM sends WHERE tenant = ? AND key = ?',
	sendById: 'SELECT * FROM sends WHERE tenant = ? AND id = ?',
	sendAdd: "INSERT INTO sends VALUES (?, ?, ?, ?, 'sending', NULL, ?) ON CONFLICT DO NOTHING",
	sendSent: "UPDATE sends SET state = 'sent', message = coalesce(?, message) WHERE tenant = ? AND id = ?",
	sendDrop: 'DELETE FROM sends WHERE tenant = ? AND key = ?',
	sendsSince: 'SELECT count(*) AS n, min(at) AS oldest FROM sends WHERE tenant = ? AND at > ?',
	sendPrune: 'DELETE FROM sends WHERE rowid IN (SELECT rowid FROM sends WHERE at < ? LIMIT 10000)',
};

// openStore returns an object with a method for each row above, which answers a row, a
// list of rows or the number of changed rows, and `together`, a transaction.  What can't
// be written is told to fatal(), which does not return.
export function openStore(dir, fatal) {
	mkdirSync(dir, { recursive: true, mode: 0o700 });
	const db = new DatabaseSync(join(dir, 'gateway.db'));
	const lists = new Set(['tenants', 'eventLanes', 'eventCounts']);
	const store = {};

	function guarded(work) {
		try {
			return work();
		} catch (error) {
			return fatal(error);
		}
	}

	db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000');
	db.exec('PRAGMA locking_mode = EXCLUSIVE'); // two gateways on one file would be two devices in one skin
	db.exec(SCHEMA);
	for (const [name, sql] of Object.entries(STATEMENTS)) {
		const statement = db.prepare(sql);

		if (!sql.startsWith('SELECT'))
			store[name] = (...args) => guarded(() => Number(statement.run(...args).changes));
		else if (lists.has(name))
			store[name] = (...args) => statement.all(...args);
		else
			store[name] = (...args) => statement.get(...args);
	}
	store.together = work => guarded(() => {
		db.exec('BEGIN IMMEDIATE');
		const result = work();

		db.exec('COMMIT');
		return result;
	});
	store.close = () => db.close();
	return store;
}
