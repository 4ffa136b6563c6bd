/* SPDX-License-Identifier: MIT */
/* split.h: a job that a Python api enqueued becomes one job a message. */
#ifndef JOB_SPLIT_H
#define JOB_SPLIT_H

#include <stdbool.h>

struct job;
struct rqjob_call;

/* split_wanted says whether the job is such a one: ours name their tenant in the
 * job's hash. */
bool split_wanted(const struct job *job);
void split_start(struct job *job, const struct rqjob_call *call);

#endif
