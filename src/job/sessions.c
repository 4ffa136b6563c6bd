/* SPDX-License-Identifier: MIT */
/* sessions.c: the job prosaas.sessions(). */
#include "job/sessions.h"

#include "job/job.h"

void
sessions_start(struct job *job, const struct rqjob_call *call)
{
	(void)call;
	job_end(job, 0);
}
