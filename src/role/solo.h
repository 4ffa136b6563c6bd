/* SPDX-License-Identifier: MIT */
/* solo.h: a job that crashed workers runs alone, in a process of its own.
 *
 *   worker: solo_start ---> `prosaas solo`: reads the job, runs it, writes its end
 *              |                                      |
 *              | its own end: job->err, words, value  | killed by a signal
 *              v                                      v
 *           job->ended                             job->ended, ERR_POISON
 *
 * The worker keeps the job's lease and records its end, as for any other; only the
 * flow runs elsewhere, so that a crash costs nothing but this process.  The child
 * ends when its worker does (its standard input closes). */
#ifndef ROLE_SOLO_H
#define ROLE_SOLO_H

#include "base/str.h"

struct job;
struct loop;
struct settings;
struct solo;

/* solo_start runs the job; job->ended is called once, from the loop.  The solo is
 * freed then. */
struct solo *solo_start(struct loop *l, struct job *job, struct str data);

/* solo_hurry kills the process; the job ends soon with why as its words. */
void solo_hurry(struct solo *s, const char *why);

/* solo_run is the process: `prosaas solo`, for workers only. */
int solo_run(const struct settings *s);

#endif
