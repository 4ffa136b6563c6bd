/* SPDX-License-Identifier: MIT */
/* summary.h: the job prosaas.summary(tenant_id, session_id): what was said in a
 * session, in short, and what the customer told about himself. */
#ifndef JOB_SUMMARY_H
#define JOB_SUMMARY_H

#include <stddef.h>

#include "base/str.h"

struct arena;
struct job;
struct rqjob_call;

enum {
	SUMMARY_MAX = 2000,   /* bytes; more is cut */
	SUMMARY_FACTS = 10,   /* of one session */
	SUMMARY_KEY_MAX = 40, /* bytes; longer ones are left out */
	SUMMARY_VALUE_MAX = 200,
};

struct notes {
	struct str summary;
	struct str name; /* what the customer is called, and how sure that is: 0 to 1 */
	double name_confidence;
	struct str keys[SUMMARY_FACTS], values[SUMMARY_FACTS];
	size_t fact_count;
};

/* notes_read reads what a model answered: the JSON object that it was asked for, in
 * whatever stands around it; an answer without one is all summary. */
void notes_read(struct arena *a, struct str answer, struct notes *ret);

void summary_start(struct job *job, const struct rqjob_call *call);

#endif
