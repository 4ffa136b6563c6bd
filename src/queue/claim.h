/* SPDX-License-Identifier: MIT */
/* claim.h: jobs, from the queue to a worker and back.
 *
 *   queue ---> (holding) ---> wip ---> finished | failed | scheduled | queue
 *     |  BLMOVE, idle  | script/claim.lua  | script/finish.lua
 *     `----------------+--- claim, busy ---'
 *
 * While there is work, jobs are claimed in batches by one script.  When the queues
 * are empty, one blocked BLMOVE per queue moves the next id to the queue's shared
 * holding list, and that wakes the claim script, which empties holding lists first.
 * So an id is always in a list or under a lease: kill -9 at any point loses nothing.
 *
 * A lease is the job's score in rq:wip:<queue>, CLAIM_LEASE_S ahead by Redis's
 * clock, renewed for all running jobs together.  Claiming raises prosaas_attempt;
 * only that attempt may renew or end the job.  Ends travel in batches, one in
 * flight; while Redis is away they wait and are sent again. */
#ifndef QUEUE_CLAIM_H
#define QUEUE_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct claim;
struct loop;
struct settings;

enum {
	CLAIM_LEASE_S = 15,
	CLAIM_RENEW_MS = 5000,
	CLAIM_IDLE_S = 5, /* a blocked wait; after it holding lists are looked at */
};

struct claim_job { /* borrowed until on_job returns */
	struct str id, queue, data, tenant;
	int64_t attempt;
	struct str timeout;     /* as in the hash: digits, or anything */
	struct str enqueued_at; /* RQ's date */
};

/* WAIT is a retry that costs none of the job's retries; a job that has waited for a
 * day fails after all. */
enum claim_end { CLAIM_OK, CLAIM_FAIL, CLAIM_RETRY, CLAIM_BACK, CLAIM_WAIT };

struct claim_events {
	/* How many more jobs may run now; asked at the end of each turn. */
	int (*room)(void *arg);
	/* A job is ours. */
	void (*job)(void *arg, const struct claim_job *j);
	/* A running job is no longer ours: its outcome will be refused. */
	void (*lost)(void *arg, struct str id);
	/* An end was recorded as `word` ("ok", "fail", "retry", "back", "wait",
	 * "fenced"). */
	void (*ended)(void *arg, struct str id, struct str word);
	/* The running jobs, for renewal: calls claim_renewing() for each. */
	void (*each)(void *arg, struct claim *c);
};

/* claim_new opens its own connections to settings.redis_url and begins at once.
 * name is the RQ worker name, borrowed. */
struct claim *claim_new(struct loop *l, const struct settings *s, const char *name,
	const struct claim_events *events, void *arg);

/* claim_end ends a job; everything is copied.  delay_s: for CLAIM_RETRY
 * and CLAIM_WAIT. */
void claim_end(struct claim *c, struct str id, struct str queue, int64_t attempt,
	enum claim_end how, int64_t delay_s, struct str reason);

void claim_renewing(struct claim *c, struct str id, struct str queue, int64_t attempt);

bool claim_ready(const struct claim *c);
const char *claim_trouble(const struct claim *c);

/* claim_stop takes no more jobs.  claim_quit then, with no job running, waits for
 * the last ends to be recorded, deregisters the worker, and calls done. */
void claim_stop(struct claim *c);
void claim_quit(struct claim *c, void (*done)(void *), void *arg);

#endif
