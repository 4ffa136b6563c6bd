/* SPDX-License-Identifier: MIT */
/* follow.h: a job queues another, on the queue of our own.
 *
 *   follow_start ---> manage_submit ---> flow_wake: fo->err
 *
 * The id is the caller's, derived from what the job is for (a row, a slot), so that
 * an attempt that comes again names the same job: one that exists is no error, and
 * is left as it is, whether it waits, runs or is over.  Redis forgets a finished job
 * after some minutes; a job has to find its work done then.
 *
 * Without an answer of Redis the job is there or not: ERR_UNAVAILABLE, try again. */
#ifndef JOB_FOLLOW_H
#define JOB_FOLLOW_H

#include <stdint.h>
#include <uv.h>

#include "base/str.h"
#include "queue/redis.h"

struct flow;
struct job;

enum { FOLLOW_ARGS_MAX = 4 };

struct follow_arg { /* by name; a text, or where that is absent a number */
	const char *name;
	struct str text;
	int64_t number;
};

struct follow {
	struct str id;                           /* A-Z a-z 0-9 _ -, at most 200 */
	const char *function;                    /* a row of jobs.c */
	struct follow_arg args[FOLLOW_ARGS_MAX]; /* up to the first without a name */
	struct str tenant;                       /* whose turn it takes; absent: none */
	struct str lane; /* "<tenant>:<chat>"; absent: it waits for nobody */
	int64_t due_s;   /* Unix seconds; 0: at once */

	int err; /* 0, ERR_UNAVAILABLE (a solo has no Redis: always), ERR_REMOTE */
	char words[128];
	/* private */
	struct redis_cmd cmd;
	uv_timer_t soon;
	struct flow *then;
};

/* follow_start wakes then once, never inside this call.  All is borrowed until it
 * returns, but for *fo, which is until then is woken. */
void follow_start(struct follow *fo, struct job *job, struct flow *then);

#endif
