/* SPDX-License-Identifier: MIT */
/* claim.h: jobs, from the queue to a worker, fairly and in order.
 *
 *   queue ---> (holding) ---> ready, per tenant ---> wip ---> finish.h
 *         BLMOVE,        script/claim.lua:    |  ^
 *         when idle      deal, then serve     v  | finish.lua: the chat is free
 *                        tenants in turns     lane's wait list
 *
 * While there is work, jobs are claimed in batches by one script.  When the queues
 * are empty, one blocked BLMOVE per queue moves the next id to the queue's shared
 * holding list, and that wakes the claim script, which empties holding lists first.
 * So an id is always in a list or under a lease: kill -9 at any point loses nothing.
 *
 * Fair: ids are dealt out to ready lists per tenant, and tenants are served in turns,
 * at most `cap` jobs of one tenant in a worker.  (Deficit round robin with every
 * job of the same cost: what tenants share is slots, and a job takes one.)
 * In order: one job per lane (a tenant's chat) runs; who finds its chat busy is
 * parked behind it, and the end of the run hands the chat on.
 * Queues are served in the order of RQ_QUEUES; one that went unserved for
 * CLAIM_AGED_MS goes first for a few jobs, so that none starves.
 *
 * Claiming raises prosaas_attempt: only that attempt may renew or end the job. */
#ifndef QUEUE_CLAIM_H
#define QUEUE_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct claim;
struct loop;
struct redis;
struct settings;

enum {
	CLAIM_IDLE_S = 5, /* an idle worker's look at lists that wake nobody */
	CLAIM_AGED_MS = 2000,
};

struct claim_job { /* borrowed until on_job returns */
	struct str id, queue, data, tenant, lane;
	int64_t attempt, crashes, retries_left;
	int64_t waited_s;       /* since an end was FINISH_WAIT first; 0: none was */
	struct str timeout;     /* as in the hash: digits, or anything */
	struct str enqueued_at; /* RQ's date */
	struct str trace;       /* empty: others made the job */
};

struct claim_events {
	/* How many more jobs may run now; asked at the end of each turn. */
	int (*room)(void *arg);
	/* Which tenants may run fewer than `asked` more: calls claim_cap() for each. */
	void (*caps)(void *arg, struct claim *c, int asked);
	/* A job is ours. */
	void (*job)(void *arg, const struct claim_job *j);
};

/* claim_new: r and name (of the worker) are borrowed for its life; the connections
 * that block are its own.  cap: most jobs of one tenant. */
struct claim *claim_new(struct loop *l, const struct settings *s, struct redis *r,
	const char *name, int cap, const struct claim_events *events, void *arg);

void claim_cap(struct claim *c, struct str tenant, int more);

/* claim_look: there may be jobs that no list announces (a lane was released). */
void claim_look(struct claim *c);

/* claim_look_in: the same, in so many ms (a debounce will be over). */
void claim_look_in(struct claim *c, int64_t ms);

/* claim_freed: a job ended, so that a tenant at its cap may run another. */
void claim_freed(struct claim *c);

/* claim_suspended: `rq suspend` is in force. */
bool claim_suspended(const struct claim *c);

/* claim_stop takes no more jobs, but for what a claim in flight brings. */
void claim_stop(struct claim *c);

/* claim_idle says that no claim is in flight. */
bool claim_idle(const struct claim *c);

#endif
