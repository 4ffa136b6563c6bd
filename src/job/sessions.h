/* SPDX-License-Identifier: MIT */
/* sessions.h: the job prosaas.sessions(), every minute: closes what is idle. */
#ifndef JOB_SESSIONS_H
#define JOB_SESSIONS_H

struct job;
struct rqjob_call;

void sessions_start(struct job *job, const struct rqjob_call *call);

#endif
