/* SPDX-License-Identifier: MIT */
/* ask.h: one answer of the AI to a turn.
 *
 * The tenant's model is asked, then its fallbacks in turn; a request that the server
 * wants otherwise (other parameters, shorter) is made again so.  What the model asks to
 * have done is done, and it is asked again with the results.  See docs/ai.md for
 * what goes on to the next model and what waits. */
#ifndef JOB_ASK_H
#define JOB_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/flow.h"
#include "base/str.h"
#include "client/ai.h"
#include "job/prompt.h"
#include "job/tools.h"
#include "job/trace.h"
#include "store/store.h"

struct job;

enum { ASK_REQUESTS_MAX = 32 }; /* counted of a turn, those of all its merges too */

struct ask {
	struct job *job;
	const struct store_load *load; /* whose tenant asks, and what was said before */
	const struct store_text *lines; /* the current turn */
	size_t line_count;
	bool may_stop; /* another message of the chat ends it early: -ECANCELED */

	/* set when it is over: */
	int err; /* with the job's words; -ECANCELED also when the job is hurried */
	struct str answer;

	/* What was paid, added to over all starts: zero it once. */
	struct store_usage *usage; /* in the job's arena */
	size_t usage_count;
	int64_t asked_us, answered_us; /* wall, of the first start and the last end */

	/* private */
	struct flow flow, *then;
	int64_t began_us;
	struct str models,
		model; /* to ask when this one fails; the one that is asked */
	int64_t budget, max_tokens;
	int changes; /* asked again with other parameters, or shorter */
	struct prompt prompt;
	struct tools tools;
	struct trace_span span; /* of the request that is out */
	struct ai_call ai;
};

/* ask_start begins; then is woken once, from the loop. */
void ask_start(struct ask *q, struct flow *then);

#endif
