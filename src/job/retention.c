/* SPDX-License-Identifier: MIT */
/* retention.c: the job prosaas.retention().
 *
 *   list ---> listed ---> retain ---> retained ---> done
 *                           ^            | another tenant
 *                           '------------'
 *
 * One transaction a tenant, so that answers do not wait behind all of them.  A tenant
 * that is removed meanwhile has nothing left to blank. */
#include "job/retention.h"

#include "base/err.h"
#include "base/flow.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "job/job.h"
#include "store/store.h"

struct retention {
	struct flow flow;
	struct job *job;
	struct store_tenant_list list;
	struct store_retain retain;
	size_t at; /* of the list */
	int64_t messages, raw;
};

static flow_step list, listed, retain, retained;

static struct retention *
of(struct flow *f)
{
	return container_of(f, struct retention, flow);
}

static int
list(struct flow *f)
{
	struct retention *r = of(f);

	r->list = (struct store_tenant_list){.op.arena = &r->job->arena};
	store_tenant_list(r->job->env->store, &r->list, f);
	return flow_wait(f, listed);
}

static int
listed(struct flow *f)
{
	struct retention *r = of(f);

	if (r->list.op.err < 0)
		return job_fail(r->job, r->list.op.err, "%s", r->list.op.words);
	return flow_goto(f, retain);
}

static int
retain(struct flow *f)
{
	struct retention *r = of(f);
	const struct settings *s = r->job->env->s;

	if (r->at == r->list.count || r->job->hurried)
		return 0;
	r->retain = (struct store_retain){.op.arena = &r->job->arena,
		.tenant = r->list.tenants[r->at++].id,
		.messages_days = s->retain_messages_days,
		.raw_days = s->retain_raw_days,
		.limit = RETENTION_ROWS};
	store_retain(r->job->env->store, &r->retain, f);
	return flow_wait(f, retained);
}

static int
retained(struct flow *f)
{
	struct retention *r = of(f);
	int err = r->retain.op.err;

	if (err < 0 && err != ERR_NOT_FOUND)
		return job_fail(r->job, err, "%s", r->retain.op.words);
	r->messages += r->retain.messages;
	r->raw += r->retain.raw;
	metric_add(M_RETENTION_MESSAGES, (uint64_t)r->retain.messages);
	metric_add(M_RETENTION_RAW, (uint64_t)r->retain.raw);
	return flow_goto(f, retain);
}

static void
done(struct flow *f, int err)
{
	struct retention *r = of(f);

	if (r->messages + r->raw > 0)
		log_info("retention: blanked messages=%lld raw=%lld job_id=%s",
			(long long)r->messages, (long long)r->raw,
			log_safe(r->job->id));
	r->job->step = f->name;
	job_end(r->job, err);
}

void
retention_start(struct job *job, const struct rqjob_call *call)
{
	struct retention *r = ARENA_NEW(&job->arena, struct retention);

	(void)call;
	r->job = job;
	flow_init(&r->flow, list, "list", done);
	flow_wake(&r->flow);
}
