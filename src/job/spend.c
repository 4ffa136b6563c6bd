/* SPDX-License-Identifier: MIT */
/* spend.c: what a tenant's AI may cost, and what a request has. */
#include "job/spend.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "client/ai.h"
#include "job/price.h"
#include "job/prompt.h"

bool
spend_may(const struct tenant *t, int64_t spent_micros)
{
	double budget = t->ai_daily_budget;

	return budget == 0 || (double)spent_micros < budget * 1000000;
}

struct store_usage
spend_usage(const struct settings *s, struct str model, const struct ai_call *call,
	int64_t asked_tokens)
{
	struct store_usage u = {.model = model,
		.tokens_in = call->tokens_in,
		.tokens_out = call->tokens_out,
		.estimated = call->tokens_in == 0};

	if (u.estimated) {
		u.tokens_in = asked_tokens;
		u.tokens_out = prompt_tokens(call->answer);
	}
	u.cost_micros =
		price_micros(str_of(s->ai_prices), model, u.tokens_in, u.tokens_out);
	metric_add(M_AI_COST, (uint64_t)u.cost_micros);
	return u;
}

void
spend_log(struct str tenant, int percent)
{
	if (percent > 0)
		log_warn(
			"💸 tenant %.*s has spent %d %% of what its AI may cost today%s",
			STR_FMT(tenant), percent,
			percent == 100
				? ": until tomorrow rules and default_text answer"
				: "");
}
