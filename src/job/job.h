/* SPDX-License-Identifier: MIT */
/* job.h: one attempt at one job.
 *
 * The worker makes it when it claims a job and frees it, with its arena, when it
 * ends.  What runs it is found by name in the table of jobs.c:
 *
 *   job_run ---> a flow of its own ---> job_end(job, err) ---> job->ended
 *
 * To add a job: a file job/<name>.c with its flow, one row in jobs.c. */
#ifndef JOB_JOB_H
#define JOB_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/defs.h"
#include "base/str.h"

struct ai_client;
struct enqueue;
struct gateway;
struct http_client;
struct loop;
struct otlp;
struct redis;
struct settings;
struct store;
struct typing;

struct job_env { /* what jobs work with; one per worker */
	const struct settings *s;
	struct loop *loop;
	struct store *store;
	struct ai_client *ai;
	struct gateway *gateway;
	struct typing *typing;    /* NULL: no chat shows it */
	struct http_client *http; /* for tools; NULL: there are none */
	struct enqueue *enqueue;  /* NULL in a solo, which has no Redis */
	struct redis *redis;      /* likewise */
	const char *worker;       /* its RQ name */
	struct otlp *otlp;        /* NULL: nobody collects spans */
};

struct job {
	const struct job_env *env;
	struct arena arena;
	struct str id, queue, tenant;
	struct str lane;               /* it holds; empty: none */
	struct str trace;              /* codec/trace.h */
	int64_t queued_us, claimed_us; /* wall; 0: unknown */
	int64_t attempt;
	int64_t calls;                  /* to others so far; numbers their spans */
	int64_t retries_left, waited_s; /* see job_gives_up() */
	int64_t started_us;             /* monotonic */
	int64_t ai_us;                  /* that the AI took of it */
	int64_t timeout_ms;
	void (*ended)(struct job *job);

	/* set by the job when it ends: */
	int err;
	int64_t defer_ms;       /* above 0: not over, it waits for more of its chat */
	struct str value;       /* its result, serialized as the job was; empty: None */
	char words[192];        /* what went wrong, for the operator */
	int64_t retry_after_ms; /* a peer asked for it; -1: none */

	/* How to hurry what it waits for, NULL while that is bounded anyway: see
	 * job_waits().  hurried: it was; no new call to others is to begin. */
	void (*hurry)(struct job *job);
	void *waits_for;
	bool hurried;
	/* Called when another job of its chat has come; NULL: not told. */
	void (*on_notice)(struct job *job);
	const char *step; /* where it failed; a sub-flow that fails sets it first */
};

/* job_run decodes data and starts what it names.  job->ended is called once, from
 * the loop or (for what can't even start, or waits for nothing) from this call. */
void job_run(struct job *job, struct str data);

/* job_end is called by a job's flow when it is over. */
void job_end(struct job *job, int err);

/* job_fail notes words for an error and returns it. */
int job_fail(struct job *job, int err, const char *fmt, ...) PRINTF(3, 4);

/* job_gives_up says whether a job that ends with err now is not tried again: a matter
 * of its class (err.h), of the retries it has left and of how long it has waited for
 * others' repair. */
bool job_gives_up(const struct job *job, int err);

/* job_waits notes what a job waits for, so that a timeout, a lost lease or a person
 * can end the wait early; NULL, NULL when the wait is over.  For a call to others
 * hurry is job_hurry_http. */
void job_waits(struct job *job, void (*hurry)(struct job *job), void *what);
void job_hurry_http(struct job *job);

/* job_notice tells a running job that another of its chat has come. */
void job_notice(struct job *job);

/* job_hurry makes a running job end soon; why becomes its words, whatever else then
 * goes wrong. */
void job_hurry(struct job *job, const char *why);

#endif
