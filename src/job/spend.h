/* SPDX-License-Identifier: MIT */
/* spend.h: what a tenant's AI may cost, and what a request has. */
#ifndef JOB_SPEND_H
#define JOB_SPEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "store/store.h"

struct ai_call;
struct settings;

/* spend_may says whether something is left of today's budget. */
bool spend_may(const struct tenant *t, int64_t spent_micros);

/* spend_usage is what an ended call cost.  A server that does not say what it took is
 * estimated: asked, and the answer. */
struct store_usage spend_usage(const struct settings *s, struct str model,
	const struct ai_call *call, int64_t asked_tokens);

/* spend_log says when a share of the budget (percent) has been reached; 0: nothing. */
void spend_log(struct str tenant, int percent);

#endif
