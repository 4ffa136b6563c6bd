/* SPDX-License-Identifier: MIT */
/* testing.h: jobs for tests and benchmarks, which run only with TEST_JOBS=on.
 *
 *   prosaas.test.echo(...)        returns its arguments: the list of them, or with
 *                                 keywords {"args": [...], "kwargs": {...}}
 *   prosaas.test.add(a, b)        returns a + b, integers
 *   prosaas.test.noop(...)        does nothing
 *   prosaas.test.sleep(seconds)   waits that long; a timeout or a stop ends it early
 *   prosaas.test.fail(text)       fails for good, with that text
 *   prosaas.test.flaky(times)     fails so many attempts, then returns their number
 *   prosaas.test.crash()          takes the whole worker down
 *   prosaas.test.follow(id, ...)  queues the job id: prosaas.test.echo(n=1), with
 *                                 tenant, lane and due (Unix s) where they are given
 *
 * With them RQ's own workers and ours can be held against each other: values,
 * retries, stops and crashes, without a store, an AI or a gateway. */
#ifndef JOB_TESTING_H
#define JOB_TESTING_H

struct job;
struct rqjob_call;

/* Each starts a job; see job.h. */
typedef void testing_start(struct job *job, const struct rqjob_call *call);

testing_start testing_echo, testing_add, testing_noop, testing_sleep, testing_fail,
	testing_flaky, testing_crash, testing_follow;

#endif
