/* SPDX-License-Identifier: MIT */
/* outbox.c: what is due soon gets its job.
 *
 *   look ---> looked ---> row ---> followed ---> row ... ---> noted ---> look again
 *              |           |         ^                          |        while there
 *              |           '-> asked-' stale: its job lives,    '-> 0    is more
 *              '-> 0            is lost, or is a dead letter ---> buried ---> row
 *
 * A row is noted as queued after its job is: after a crash between the two it is
 * queued again, which changes nothing. */
#include "job/outbox.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/log.h"
#include "codec/rqjob.h"
#include "job/due.h"
#include "job/follow.h"
#include "job/job.h"
#include "job/record.h"
#include "queue/redis.h"
#include "store/store_outbox.h"

enum { ROWS_MAX = 200 };

struct outbox {
	struct flow flow;
	struct job *job;
	size_t at; /* of due.rows */

	/* what we wait for, one at a time: */
	struct store_outbox_due due;
	struct store_outbox_queued queued;
	struct store_outbox_end end;
	struct follow follow;
	struct redis_cmd cmd;
	struct str status, reason; /* of a row's job */
};

static flow_step look, looked, row, asked, followed, buried, noted;

static struct outbox *
of(struct flow *f)
{
	return container_of(f, struct outbox, flow);
}

static const struct outbox_row *
row_of(const struct outbox *o)
{
	return &o->due.rows[o->at].row;
}

static int
look(struct flow *f)
{
	struct outbox *o = of(f);

	o->at = 0;
	o->due = (struct store_outbox_due){.op.arena = &o->job->arena,
		.until_us = clock_wall_us() + OUTBOX_AHEAD_S * INT64_C(1000000),
		.limit = ROWS_MAX};
	store_outbox_due(o->job->env->store, &o->due, f);
	return flow_wait(f, looked);
}

static int
looked(struct flow *f)
{
	struct outbox *o = of(f);

	if (o->due.op.err < 0)
		return record_error(o->job, &o->due.op);
	return o->due.count > 0 ? flow_goto(f, row) : 0;
}

/* --- one row after another -------------------------------------------------- */

static struct str
job_id(struct outbox *o)
{
	const struct outbox_row *r = row_of(o);
	struct arena *a = &o->job->arena;
	char hash[DIGEST_ID_SIZE];

	digest_id((struct str[]){r->tenant, arena_printf(a, "%lld", (long long)r->id),
			  arena_printf(a, "%lld", (long long)r->created_us),
			  arena_printf(a, "%lld", (long long)r->round)},
		4, hash);
	return arena_printf(a, "send_%s", hash);
}

static int
follow(struct outbox *o)
{
	const struct outbox_row *r = row_of(o);
	bool later = r->due_us > clock_wall_us();

	o->follow = (struct follow){.id = job_id(o),
		.function = "prosaas.send",
		.args = {{.name = "tenant_id", .text = r->tenant},
			{.name = "id", .number = r->id},
			{.name = "round", .number = r->round}},
		.tenant = r->tenant,
		.lane = arena_printf(&o->job->arena, "%.*s:%.*s", STR_FMT(r->tenant),
			STR_FMT(r->chat)),
		.due_s = later ? r->due_us / 1000000 : 0};
	follow_start(&o->follow, o->job, &o->flow);
	return flow_wait(&o->flow, followed);
}

static void
on_asked(struct redis_cmd *cmd)
{
	struct outbox *o = container_of(cmd, struct outbox, cmd);

	o->status = arena_str(&o->job->arena, redis_text(redis_at(cmd->reply, 0)));
	o->reason = arena_str(&o->job->arena, redis_text(redis_at(cmd->reply, 1)));
	flow_wake(&o->flow);
}

/* Its job should have ended by now: what became of it? */
static int
ask(struct outbox *o)
{
	struct redis *r = o->job->env->redis;

	redis_call(r, &o->cmd, "HMGET", 3, on_asked);
	redis_arg(r, arena_printf(&o->job->arena, "rq:job:%.*s", STR_FMT(job_id(o))));
	redis_argz(r, "status");
	redis_argz(r, "prosaas_reason");
	return flow_wait(&o->flow, asked);
}

static int
row(struct flow *f)
{
	struct outbox *o = of(f);

	if (o->at < o->due.count && o->due.rows[o->at].stale && o->job->env->redis)
		return ask(o);
	if (o->at < o->due.count)
		return follow(o);
	o->queued = (struct store_outbox_queued){
		.op.arena = &o->job->arena, .rows = o->due.rows, .count = o->due.count};
	store_outbox_queued(o->job->env->store, &o->queued, f);
	return flow_wait(f, noted);
}

static bool
is_dead(struct str status)
{
	return str_eqz(status, "failed") || str_eqz(status, "stopped") ||
	       str_eqz(status, "canceled");
}

/* A dead letter's row is failed; what Redis does not know any more is queued again. */
static int
asked(struct flow *f)
{
	struct outbox *o = of(f);
	const struct outbox_row *r = row_of(o);

	if (o->cmd.err < 0)
		return job_fail(o->job, ERR_UNAVAILABLE, "redis: no answer");
	if (!is_dead(o->status))
		return follow(o);
	log_warn("❌ [OUTBOX] given up, its job is %.*s tenant=%.*s id=%lld",
		STR_FMT(o->status), STR_FMT(r->tenant), (long long)r->id);
	o->end = (struct store_outbox_end){.op.arena = &o->job->arena,
		.tenant = r->tenant,
		.id = r->id,
		.round = r->round,
		.status = STR("failed"),
		.reason = o->reason.n ? o->reason : o->status,
		.next_us = due_next(r, clock_wall_us())};
	store_outbox_end(o->job->env->store, &o->end, f);
	return flow_wait(f, buried);
}

static int
buried(struct flow *f)
{
	struct outbox *o = of(f);

	if (o->end.op.err < 0)
		return record_error(o->job, &o->end.op);
	o->at++;
	return flow_goto(f, row);
}

static int
followed(struct flow *f)
{
	struct outbox *o = of(f);

	if (o->follow.err < 0)
		return job_fail(o->job, o->follow.err, "redis: %s", o->follow.words);
	o->at++;
	return flow_goto(f, row);
}

static int
noted(struct flow *f)
{
	struct outbox *o = of(f);

	if (o->queued.op.err < 0)
		return record_error(o->job, &o->queued.op);
	log_info("📬 [OUTBOX] queued %zu messages", o->due.count);
	return o->due.count < ROWS_MAX || o->job->hurried ? 0 : flow_goto(f, look);
}

static void
done(struct flow *f, int err)
{
	struct outbox *o = of(f);

	o->job->step = f->name;
	job_end(o->job, err);
}

void
outbox_start(struct job *job, const struct rqjob_call *call)
{
	struct outbox *o = ARENA_NEW(&job->arena, struct outbox);

	(void)call;
	o->job = job;
	flow_init(&o->flow, look, "look", done);
	flow_wake(&o->flow);
}
