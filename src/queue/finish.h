/* SPDX-License-Identifier: MIT */
/* finish.h: jobs end.
 *
 *   finish_end ---> collecting ---> in flight ---> ended, one word a job
 *                                      | no answer: sent again
 *                                      v
 *                                  what was recorded already is fenced
 *
 * script/finish.lua ends jobs in batches, one in flight.  Only the worker and the
 * attempt that hold a job may end it (the fence: worker_name, prosaas_attempt,
 * status started).  While Redis is away ends wait; none is given up.
 *
 *   FINISH_OK       finished, with its value
 *   FINISH_FAIL     failed: a dead letter with its reason
 *   FINISH_RETRY    scheduled, one retry less; without any left as FINISH_FAIL.
 *                   RQ's retry_intervals, where the job has them, count more than
 *                   delay_s; 0 there is the tail of its queue at once
 *   FINISH_WAIT     scheduled; no retry is spent: it was not the job's fault
 *   FINISH_DUE      queued again in delay_ms: it waits for more of its chat, without a
 *                   slot, in prosaas:due; it keeps its lane
 *   FINISH_BACK     handed back to the head of its queue (drain)
 *   FINISH_STOPPED  as FINISH_FAIL with status stopped: a person's command
 *
 * OK, FAIL and STOPPED give the job's lane to the next that waits for it and queue
 * its dependents; the others keep the lane. */
#ifndef QUEUE_FINISH_H
#define QUEUE_FINISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct finish;
struct loop;
struct redis;

enum finish_how {
	FINISH_OK,
	FINISH_FAIL,
	FINISH_RETRY,
	FINISH_WAIT,
	FINISH_DUE,
	FINISH_BACK,
	FINISH_STOPPED
};

struct finish_job { /* borrowed */
	struct str id, queue;
	int64_t attempt;
	enum finish_how how;
	int64_t delay_s;   /* RETRY, WAIT */
	int64_t delay_ms;  /* DUE */
	int64_t worked_us; /* for RQ's total_working_time */
	struct str reason; /* for people; the exception text as RQ shows it */
	struct str value;  /* OK: serialized as the job was; empty: None */
};

struct finish_events {
	/* An end was recorded as `word`: "ok", "fail", "retry", "wait", "due",
	 * "back", "stopped", or "fenced": it was refused. */
	void (*ended)(void *arg, struct str id, struct str word);
	/* Jobs that waited for the ended ones are ready now. */
	void (*released)(void *arg);
};

/* finish_new: r and name (of the worker) are borrowed for its life. */
struct finish *finish_new(struct loop *l, struct redis *r, const char *name,
	const struct finish_events *events, void *arg);

void finish_end(struct finish *f, const struct finish_job *j);

/* finish_idle says that every end was recorded. */
bool finish_idle(const struct finish *f);

/* finish_last says that this worker takes no more jobs: others are told of what the
 * ends release. */
void finish_last(struct finish *f);

#endif
