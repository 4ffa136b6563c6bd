/* SPDX-License-Identifier: MIT */
/* absorb.h: what waits behind a running job in its lane can be done along with it.
 *
 *   absorb_peek ---> the caller takes what they carry to the database ---> absorb_done
 *   (script/peek.lua) (script/absorb.lua)
 *
 * Peeking takes nothing: until absorb_done() the jobs stay where they wait, so a crash
 * in between costs nothing but to do it again.  Both are fenced: only the worker and
 * attempt that run the job, and hold its lane, may. */
#ifndef QUEUE_ABSORB_H
#define QUEUE_ABSORB_H

#include <stdint.h>

#include "base/defs.h"
#include "base/str.h"
#include "queue/redis.h"

struct arena;
struct flow;

enum { ABSORB_MAX = 50 }; /* a call */

struct absorb_job {
	struct str id, data, trace, enqueued_at;
	struct str attempt; /* the last; empty: it has not run yet */
};

struct absorb {
	struct arena *arena; /* results go here */
	struct redis *redis;
	const char *worker;  /* its RQ name */
	struct str id, lane; /* the running job */
	int64_t attempt;

	/* set when it is over; ERR_FENCED, or as redis.h says: */
	int err;
	struct absorb_job *jobs; /* of absorb_peek(), in order; in the arena */
	size_t count;

	/* private */
	struct redis_cmd cmd;
	struct flow *flow;
};

void absorb_peek(struct absorb *a, struct flow *f);

/* absorb_done ends the jobs that a->jobs still names. */
void absorb_done(struct absorb *a, struct flow *f);

#endif
