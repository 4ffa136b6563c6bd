/* SPDX-License-Identifier: MIT */
/* send.h: the job prosaas.send(tenant_id, id, round): one row of the outbox. */
#ifndef JOB_SEND_H
#define JOB_SEND_H

struct job;
struct rqjob_call;

void send_start(struct job *job, const struct rqjob_call *call);

#endif
