/* SPDX-License-Identifier: MIT */
/* ask.c: one answer of the AI to a turn.
 *
 *    .---- other parameters, shorter; then the next model       ----.
 *    v                                                              |
 *   ask ---> asked --------------------------------------------------'
 *              |-> use_tools ---> used_tool ---> use_tools ... ---> ask, with results
 *              '-> 0, or the last model's error */
#include "job/ask.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "base/zone.h"
#include "job/job.h"
#include "job/spend.h"

enum {
	CHANGES_MAX = 3, /* of one model's request: limit, temperature, length */
	LONGER = 4,      /* times: thinking takes some thousands of tokens */
	REPEAT_MIN = 40, /* bytes that begin alike: "Yes." may be said twice */
};

static flow_step ask, asked, use_tools, used_tool;

static struct ask *
of(struct flow *f)
{
	return container_of(f, struct ask, flow);
}

static void
stop_asking(struct job *job)
{
	job->on_notice = NULL;
	http_call_cancel(job->waits_for);
}

static void
build_prompt(struct ask *q)
{
	const struct store_load *l = q->load;
	int64_t now_us = clock_wall_us();

	prompt_build(&q->job->arena,
		&(struct prompt_input){
			.now_us = now_us,
			.offset_s = zone_offset(l->found.time_zone, now_us / 1000000),
			.zone = l->found.time_zone,
			.prompt = l->found.prompt,
			.language = l->found.language,
			.facts = l->facts,
			.summary = l->summary,
			.history = l->history,
			.history_count = l->history_count,
			.lines = q->lines,
			.line_count = q->line_count,
			.budget = q->budget - q->tools.tokens,
		},
		&q->prompt);
}

/* The prompt, and what the tools have added to the conversation since. */
static const struct ai_turn *
all_turns(struct ask *q)
{
	size_t said = q->prompt.count, added = q->tools.turn_count;

	if (added == 0)
		return q->prompt.turns;
	struct ai_turn *turns =
		arena_alloc(&q->job->arena, (said + added) * sizeof(*turns));
	memcpy(turns, q->prompt.turns, said * sizeof(*turns));
	memcpy(turns + said, q->tools.turns, added * sizeof(*turns));
	return turns;
}

static int
ask(struct flow *f)
{
	struct ask *q = of(f);
	struct job *job = q->job;
	const struct tenant *t = &q->load->found;

	build_prompt(q);
	trace_begin(job, "ask", &q->span);
	q->ai = (struct ai_call){
		.arena = &job->arena,
		.tenant = job->tenant,
		.base_url = t->ai_base_url,
		.key = t->ai_api_key,
		.model = q->model,
		.turn_count = q->prompt.count + q->tools.turn_count,
		.tools = q->tools.offered,
		.no_more_calls = q->tools.rounds == TOOLS_ROUNDS_MAX,
		.max_tokens = q->max_tokens,
		.temperature = t->ai_temperature,
		.traceparent = trace_header(job, &q->span),
	};
	q->ai.turns = all_turns(q);
	job_waits(job, job_hurry_http, &q->ai.http);
	if (q->may_stop)
		job->on_notice = stop_asking;
	ai_start(job->env->ai, &q->ai, f);
	return flow_wait(f, asked);
}

/* An answer is paid, of use or not, and a request that was given up may be: where the
 * server does not say what it took, what we know of it is counted.  One that was
 * refused costs nothing. */
static void
count_usage(struct ask *q, int err)
{
	bool given_up = q->ai.http.sent &&
			(err == -ECANCELED || err == -ETIMEDOUT || err == ERR_LIMIT);

	if (!(q->ai.answered || given_up) || q->usage_count == ASK_REQUESTS_MAX)
		return;
	q->usage[q->usage_count++] = spend_usage(
		q->job->env->s, q->model, &q->ai, q->prompt.tokens + q->tools.tokens);
}

/* The same model again, if that can help. */
static bool
ask_otherwise(struct ask *q)
{
	if (q->changes == CHANGES_MAX || q->ai.hint == AI_NO_HINT ||
		q->ai.hint == AI_ASK_OTHER)
		return false;
	q->changes++;
	if (q->ai.hint == AI_ASK_SHORTER) /* half of what was too long */
		q->budget = q->prompt.tokens < q->budget ? q->prompt.tokens / 2
							 : q->budget / 2;
	if (q->ai.hint == AI_ASK_LONGER)
		q->max_tokens *= LONGER;
	return true;
}

/* What is wrong with the request or with our credentials is so for any model. */
static bool
other_may_answer(const struct ask *q, int err)
{
	if (err == ERR_REFUSED)
		return q->ai.hint == AI_ASK_OTHER;
	return err != ERR_DENIED && err != ERR_LIMIT && err_transient(err);
}

static bool
ask_other(struct ask *q, int err)
{
	struct str failed = q->model;

	if (!other_may_answer(q, err) || !str_next(&q->models, &q->model))
		return false;
	q->changes = 0;
	log_warn("model %.*s fails, %.*s is asked job_id=%s reason=%s", STR_FMT(failed),
		STR_FMT(q->model), log_safe(q->job->id), q->ai.words);
	return true;
}

/* It begins as the last thing that the customer was told. */
static bool
repeats(const struct store_load *l, struct str answer)
{
	size_t i = l->history_count;

	while (i > 0 && l->history[i - 1].from_customer)
		i--;
	struct str last = i > 0 ? l->history[i - 1].text : STR("");
	return last.n >= REPEAT_MIN && answer.n >= REPEAT_MIN &&
	       memcmp(last.p, answer.p, REPEAT_MIN) == 0;
}

/* It is sent all the same: who writes the prompt is to know. */
static void
complain_repeat(const struct ask *q)
{
	metric_add(M_AI_REPEATED, 1);
	log_warn("🔁 the AI repeats itself tenant=%.*s model=%.*s job_id=%s",
		STR_FMT(q->job->tenant), STR_FMT(q->model), log_safe(q->job->id));
}

static int
asked(struct flow *f)
{
	struct ask *q = of(f);
	struct job *job = q->job;
	int err = ai_finish(&q->ai);

	trace_end(job, &q->span, err);
	job_waits(job, NULL, NULL);
	job->on_notice = NULL;
	count_usage(q, err);
	if (err == -ECANCELED && !job->hurried) /* stop_asking() */
		return err;
	if (err < 0 && !job->hurried && (ask_otherwise(q) || ask_other(q, err)))
		return flow_goto(f, ask);
	if (err < 0) {
		job->retry_after_ms = q->ai.retry_after_ms;
		return job_fail(job, err, "ai: %s", q->ai.words);
	}
	if (q->ai.call_count > 0) {
		tools_begin(&q->tools, &q->ai);
		return flow_goto(f, use_tools);
	}
	q->answer = q->ai.answer;
	if (repeats(q->load, q->answer))
		complain_repeat(q);
	return 0;
}

static int
use_tools(struct flow *f)
{
	struct ask *q = of(f);

	if (q->job->hurried)
		return -ECANCELED;
	if (tools_next(&q->tools, f))
		return flow_wait(f, used_tool);
	return flow_goto(f, ask);
}

static int
used_tool(struct flow *f)
{
	tools_take(&of(f)->tools);
	return flow_goto(f, use_tools);
}

static void
done(struct flow *f, int err)
{
	struct ask *q = of(f);

	q->err = err;
	q->answered_us = clock_wall_us();
	q->job->ai_us += clock_mono_us() - q->began_us;
	metric_lap(M_STEP_ASK, &q->began_us);
	if (err < 0 && err != -ECANCELED)
		q->job->step = f->name;
	flow_wake(q->then);
}

void
ask_start(struct ask *q, struct flow *then)
{
	const struct tenant *t = &q->load->found;
	const struct settings *s = q->job->env->s;

	q->then = then;
	q->began_us = clock_mono_us();
	q->asked_us = q->asked_us ? q->asked_us : clock_wall_us();
	if (!q->usage)
		q->usage = arena_alloc(
			&q->job->arena, ASK_REQUESTS_MAX * sizeof(*q->usage));
	q->changes = 0;
	q->model = t->ai_model.n ? t->ai_model : str_of(s->openai_model);
	q->models = t->ai_fallbacks.n ? t->ai_fallbacks : str_of(s->openai_fallbacks);
	q->max_tokens = t->ai_max_tokens > 0 ? t->ai_max_tokens : s->ai_max_tokens;
	q->budget = t->ai_input_tokens > 0 ? t->ai_input_tokens : s->ai_input_tokens;
	tools_open(&q->tools, q->job, q->load, q->budget);
	flow_init(&q->flow, ask, "ask", done);
	flow_wake(&q->flow);
}
