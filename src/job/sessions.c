/* SPDX-License-Identifier: MIT */
/* sessions.c: the job prosaas.sessions().
 *
 *   close ---> closed ---> queue ---> queued ---> 0
 *                            ^           | the next one
 *                            '-----------'
 *
 * A session's job has an id of the session's own: while Redis knows it, it is not
 * queued again. */
#include "job/sessions.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "job/follow.h"
#include "job/job.h"
#include "store/store.h"

enum { SESSIONS_MAX = 200 }; /* a minute */

struct closing {
	struct flow flow;
	struct job *job;
	struct store_sessions_due due;
	struct follow follow;
	size_t at; /* of due */
};

static flow_step close_idle, closed, queue, queued;

static struct closing *
of(struct flow *f)
{
	return container_of(f, struct closing, flow);
}

static int
close_idle(struct flow *f)
{
	struct closing *c = of(f);
	const struct settings *s = c->job->env->s;

	c->due = (struct store_sessions_due){.op.arena = &c->job->arena,
		.idle_min = s->session_idle_min,
		.ai = strcmp(s->ai_provider, "openai") == 0,
		.limit = SESSIONS_MAX};
	store_sessions_due(c->job->env->store, &c->due, f);
	return flow_wait(f, closed);
}

static int
closed(struct flow *f)
{
	struct closing *c = of(f);

	if (c->due.op.err < 0)
		return job_fail(c->job, c->due.op.err, "%s", c->due.op.words);
	metric_add(M_SESSIONS_CLOSED, (uint64_t)c->due.closed);
	return flow_goto(f, queue);
}

static int
queue(struct flow *f)
{
	struct closing *c = of(f);

	if (c->at == c->due.count || c->job->hurried)
		return 0;
	const struct store_session *s = &c->due.due[c->at++];
	c->follow =
		(struct follow){.id = arena_printf(&c->job->arena, "summary_%.*s_%lld",
					STR_FMT(s->tenant), (long long)s->id),
			.function = "prosaas.summary",
			.args = {{.name = "tenant_id", .text = s->tenant},
				{.name = "session_id", .number = s->id}},
			.tenant = s->tenant};
	follow_start(&c->follow, c->job, f);
	return flow_wait(f, queued);
}

static int
queued(struct flow *f)
{
	struct closing *c = of(f);

	if (c->follow.err < 0)
		return job_fail(c->job, c->follow.err, "%s", c->follow.words);
	return flow_goto(f, queue);
}

static void
done(struct flow *f, int err)
{
	struct closing *c = of(f);

	c->job->step = f->name;
	job_end(c->job, err);
}

void
sessions_start(struct job *job, const struct rqjob_call *call)
{
	struct closing *c = ARENA_NEW(&job->arena, struct closing);

	(void)call;
	c->job = job;
	flow_init(&c->flow, close_idle, "close_idle", done);
	flow_wake(&c->flow);
}
