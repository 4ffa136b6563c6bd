/* SPDX-License-Identifier: MIT */
/* live.h: the worker as others see it, and the leases of what it runs.
 *
 *   born ---> renewed, every LIVE_BUSY_MS with jobs, LIVE_IDLE_MS without ---> buried
 *               ^ a change of state: within LIVE_SOON_MS
 *
 * script/renew.lua keeps RQ's worker hash and sets and renews the lease of every
 * running job in one step: its score in rq:wip:<queue>, LIVE_LEASE_S ahead by
 * Redis's clock.  It tells which jobs are no longer ours.
 *
 * A second connection is subscribed to rq:pubsub:<worker> for RQ's commands
 * (shutdown, stop-job, kill-horse; others and what is no JSON are ignored) and to
 * prosaas:wake, where workers tell each other of jobs that need a hand, and to
 * SESSIONS_RESUME. */
#ifndef QUEUE_LIVE_H
#define QUEUE_LIVE_H

#include <stdint.h>

#include "base/str.h"

struct live;
struct loop;
struct redis;
struct settings;

#define LIVE_WAKE "prosaas:wake"

enum {
	LIVE_LEASE_S = 15, /* of a job; a dead worker's jobs run again soon after */
	LIVE_BUSY_MS = 5000,
	LIVE_IDLE_MS = 10000,
	LIVE_SOON_MS = 1000,
	LIVE_OLD_S = 30, /* a worker whose heartbeat is older is taken for dead; RQ's
			    renew theirs every 30 s while busy */
};

enum live_state { LIVE_IDLE, LIVE_BUSY, LIVE_SUSPENDED };

struct live_events {
	/* The running jobs, oldest first: calls live_renewing() for each. */
	void (*each)(void *arg, struct live *l);
	/* A running job is no longer ours: its outcome will be refused. */
	void (*lost)(void *arg, struct str id);
	/* RQ's commands.  stop: id is absent for kill-horse, which means all. */
	void (*shutdown)(void *arg);
	void (*stop)(void *arg, struct str id);
	/* Another job of the chat of running job `id` has come (ours: lanes.lua). */
	void (*newcomer)(void *arg, struct str id);
	/* There may be jobs for who has room. */
	void (*wake)(void *arg);
	/* The WhatsApp session of the tenant is back (sessions.h). */
	void (*resume)(void *arg, struct str tenant);
};

/* live_new: r and name (of the worker) are borrowed for its life. */
struct live *live_new(struct loop *l, const struct settings *s, struct redis *r,
	const char *name, const struct live_events *events, void *arg);

void live_renewing(struct live *l, struct str id, struct str queue, int64_t attempt);

/* live_is notes the state; a new one is shown soon. */
void live_is(struct live *l, enum live_state state);

/* live_bury ends the worker's registration, then calls done: as soon as Redis answers,
 * or never.  The caller has a limit of its own. */
void live_bury(struct live *l, void (*done)(void *), void *arg);

#endif
