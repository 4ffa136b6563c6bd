/* SPDX-License-Identifier: MIT */
/* ask.c: one answer of the AI to a turn.
 *
 *   ask ---> asked ---> 0 */
#include "job/ask.h"

#include <errno.h>

#include "base/arena.h"
#include "base/err.h"
#include "job/job.h"
#include "store/store.h"

static flow_step ask, asked;

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

static int
ask(struct flow *f)
{
	struct ask *q = of(f);
	struct job *job = q->job;
	const struct store_load *l = q->load;
	struct ai_turn *turns =
		arena_alloc(&job->arena, (l->history_count + 1) * sizeof(*turns));

	for (size_t i = 0; i < l->history_count; i++)
		turns[i] = (struct ai_turn){
			l->history[i].from_customer ? AI_USER : AI_ASSISTANT,
			l->history[i].text};
	turns[l->history_count] = (struct ai_turn){AI_USER, q->said};
	q->ai = (struct ai_call){
		.arena = &job->arena,
		.model = l->found.ai_model,
		.prompt = l->found.prompt,
		.turns = turns,
		.turn_count = l->history_count + 1,
		.max_tokens = l->found.ai_max_tokens,
		.temperature = l->found.ai_temperature,
	};
	job_waits(job, job_hurry_http, &q->ai.http);
	if (q->may_stop)
		job->on_notice = stop_asking;
	ai_start(job->env->ai, &q->ai, f);
	return flow_wait(f, asked);
}

static int
asked(struct flow *f)
{
	struct ask *q = of(f);
	int err = ai_finish(&q->ai);

	job_waits(q->job, NULL, NULL);
	q->job->on_notice = NULL;
	if (err == -ECANCELED && !q->job->hurried) /* stop_asking() */
		return err;
	if (err < 0) {
		q->job->retry_after_ms = q->ai.retry_after_ms;
		return job_fail(q->job, err, "ai: %s", q->ai.words);
	}
	q->answer = q->ai.answer;
	q->tokens_in = q->ai.tokens_in;
	q->tokens_out = q->ai.tokens_out;
	return 0;
}

static void
done(struct flow *f, int err)
{
	struct ask *q = of(f);

	q->err = err;
	if (err < 0 && err != -ECANCELED)
		q->job->step = f->name;
	flow_wake(q->then);
}

void
ask_start(struct ask *q, struct flow *then)
{
	q->then = then;
	flow_init(&q->flow, ask, "ask", done);
	flow_wake(&q->flow);
}
