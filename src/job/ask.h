/* SPDX-License-Identifier: MIT */
/* ask.h: one answer of the AI to a turn. */
#ifndef JOB_ASK_H
#define JOB_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/flow.h"
#include "base/str.h"
#include "client/ai.h"

struct job;
struct store_load;

struct ask {
	struct job *job;
	const struct store_load *load; /* whose tenant asks, and what was said before */
	struct str said;               /* the current turn */
	bool may_stop; /* another message of the chat ends it early: -ECANCELED */

	/* set when it is over: */
	int err; /* with the job's words; -ECANCELED also when the job is hurried */
	struct str answer;
	int64_t tokens_in, tokens_out;

	/* private */
	struct flow flow, *then;
	struct ai_call ai;
};

/* ask_start begins; then is woken once, from the loop. */
void ask_start(struct ask *q, struct flow *then);

#endif
