/* SPDX-License-Identifier: MIT */
/* outbox.h: the job prosaas.outbox(): what is due soon gets its job.
 *
 * The scheduler queues it every minute, and a command that has written something due
 * does so at once: nothing depends on the command having lived on.  Several may run at
 * once; the id of a row's job (row, round) makes it one. */
#ifndef JOB_OUTBOX_H
#define JOB_OUTBOX_H

struct job;
struct rqjob_call;

enum { OUTBOX_AHEAD_S = 90 }; /* more than the minute between two runs */

void outbox_start(struct job *job, const struct rqjob_call *call);

#endif
