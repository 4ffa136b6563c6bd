/* SPDX-License-Identifier: MIT */
/* inbound.h: the job webhook_process_job(tenant_id, messages, business_id). */
#ifndef JOB_INBOUND_H
#define JOB_INBOUND_H

struct job;
struct rqjob_call;

void inbound_start(struct job *job, const struct rqjob_call *call);

#endif
