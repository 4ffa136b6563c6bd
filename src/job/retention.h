/* SPDX-License-Identifier: MIT */
/* retention.h: the job prosaas.retention(), every minute: of each tenant, what is older
 * than it keeps is blanked, RETENTION_ROWS at most (store_retain). */
#ifndef JOB_RETENTION_H
#define JOB_RETENTION_H

struct job;
struct rqjob_call;

enum { RETENTION_ROWS = 500 }; /* some milliseconds of the one writer's time */

void retention_start(struct job *job, const struct rqjob_call *call);

#endif
