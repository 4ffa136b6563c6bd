/* SPDX-License-Identifier: MIT */
/* send.c: send one row of the outbox, once.
 *
 *   take ---> taken ---> keep ---> kept ---> delivered ---> ended ---> 0, or why not
 *               |                    |  deliver.c  |
 *               |                    |             '-> a transient error: again later
 *               |                    '-> was sent before a crash ------> ended
 *               |                    |             '-> window closed: held ---> 0
 *               |-> quiet hours: it waits until they end ---> moved ---> 0
 *               '-> cancelled, opted out, waits anew: over ---> 0
 *
 * Every arrow is a wait whose result is on disk before the next begins.  From kept on
 * the message row guards that it goes once, as with a reply; the row of the outbox is
 * ended after it, and an attempt that finds it sent ends it then. */
#include "job/send.h"

#include <errno.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/log.h"
#include "base/metrics.h"
#include "codec/placeholder.h"
#include "codec/rqjob.h"
#include "codec/val.h"
#include "job/deliver.h"
#include "job/due.h"
#include "job/job.h"
#include "job/outbound_key.h"
#include "job/record.h"
#include "store/store_outbox.h"

struct send {
	struct flow flow;
	struct job *job;
	int64_t id, round;
	int err; /* of the delivery */

	/* what we wait for, one at a time: */
	struct store_outbox_take take;
	struct store_outbox_move move;
	struct store_outbox_keep keep;
	struct deliver deliver;
	struct store_outbox_end end;
};

static flow_step take, taken, moved, keep, kept, delivered, ended;

static struct send *
of(struct flow *f)
{
	return container_of(f, struct send, flow);
}

static int
over(struct send *s, const char *why)
{
	metric_add(M_OUTBOX_NOT_SENT, 1);
	log_info("⏭️ [OUTBOX] not sent, %s tenant=%.*s id=%lld job_id=%s", why,
		STR_FMT(s->job->tenant), (long long)s->id, log_safe(s->job->id));
	return 0;
}

static int
take(struct flow *f)
{
	struct send *s = of(f);

	s->take = (struct store_outbox_take){.op.arena = &s->job->arena,
		.tenant = s->job->tenant,
		.id = s->id,
		.round = s->round};
	store_outbox_take(s->job->env->store, &s->take, f);
	return flow_wait(f, taken);
}

/* --- not now ---------------------------------------------------------------- */

static int
wait_until(struct send *s, int64_t due_us)
{
	s->move = (struct store_outbox_move){.op.arena = &s->job->arena,
		.tenant = s->job->tenant,
		.id = s->id,
		.round = s->round,
		.due_us = due_us};
	store_outbox_move(s->job->env->store, &s->move, &s->flow);
	return flow_wait(&s->flow, moved);
}

static int
taken(struct flow *f)
{
	struct send *s = of(f);

	if (s->take.op.err < 0)
		return record_error(s->job, &s->take.op);
	if (s->take.over)
		return over(s, s->take.why);
	if (s->take.row.message_id)
		return flow_goto(f, keep);
	int64_t now_us = clock_wall_us();
	int64_t due_us = due_allowed(&s->take.found, now_us);
	return due_us > now_us ? wait_until(s, due_us) : flow_goto(f, keep);
}

static int
moved(struct flow *f)
{
	struct send *s = of(f);

	if (s->move.op.err < 0)
		return record_error(s->job, &s->move.op);
	return over(s, "quiet hours: it waits until they end");
}

/* --- the message ------------------------------------------------------------ */

static struct str
filled(struct send *s)
{
	struct str fallback = s->take.found.customer_name;
	struct buf out;

	buf_init(&out);
	placeholder_fill(&out, s->take.row.text, s->take.name,
		fallback.n ? fallback : STR("Customer"));
	struct str text = arena_str(&s->job->arena, buf_str(&out));
	buf_done(&out);
	return text;
}

/* Of the row and its slot.  A new database gives row numbers again, at other times. */
static struct str
key_of(struct send *s)
{
	const struct outbox_row *row = &s->take.row;
	struct arena *a = &s->job->arena;

	return outbound_key(a,
		(struct str[]){s->job->tenant, STR("outbox"),
			arena_printf(a, "%lld", (long long)row->id),
			arena_printf(a, "%lld", (long long)row->created_us),
			arena_printf(a, "%lld", (long long)row->slot_us)},
		5);
}

static int
keep(struct flow *f)
{
	struct send *s = of(f);

	s->keep = (struct store_outbox_keep){.op.arena = &s->job->arena,
		.tenant = s->job->tenant,
		.job_id = s->job->id,
		.id = s->id,
		.round = s->round,
		.attempt = s->job->attempt,
		.text = filled(s),
		.key = key_of(s)};
	store_outbox_keep(s->job->env->store, &s->keep, f);
	return flow_wait(f, kept);
}

static int
end(struct send *s, struct str status, struct str reason)
{
	s->end = (struct store_outbox_end){.op.arena = &s->job->arena,
		.tenant = s->job->tenant,
		.id = s->id,
		.round = s->round,
		.status = status,
		.reason = reason,
		.next_us = due_next(&s->take.row, clock_wall_us())};
	store_outbox_end(s->job->env->store, &s->end, &s->flow);
	return flow_wait(&s->flow, ended);
}

static int
kept(struct flow *f)
{
	struct send *s = of(f);

	if (s->keep.op.err < 0)
		return record_error(s->job, &s->keep.op);
	if (s->keep.over)
		return over(s, "it was cancelled");
	if (str_eqz(s->keep.message.status, "failed"))
		return end(s, STR("failed"), STR("see its message"));
	if (store_reply_is_over(&s->keep.message))
		return end(s, STR("sent"), (struct str){NULL, 0});
	if (s->job->hurried)
		return -ECANCELED;
	s->deliver = (struct deliver){.job = s->job,
		.tenant = &s->take.found,
		.to = s->take.row.chat,
		.turn_id = s->keep.turn_id,
		.reply = {&s->keep.message, 1},
		.overdue = s->take.row.held_us > 0};
	deliver_start(&s->deliver, f);
	return flow_wait(f, delivered);
}

/* What may be tried again leaves the row as it is: so does a fence, behind which
 * another attempt or a person has decided. */
static int
delivered(struct flow *f)
{
	struct send *s = of(f);

	if (s->deliver.silenced)
		return end(s, STR("skipped"), STR("opted out"));
	s->err = s->deliver.err;
	if (s->deliver.held) /* its row waits anew */
		return 0;
	if (s->err == 0)
		return end(s, STR("sent"), (struct str){NULL, 0});
	if (s->err == ERR_FENCED || s->job->hurried || err_transient(s->err))
		return s->err;
	return end(s, STR("failed"), str_of(s->job->words));
}

static int
ended(struct flow *f)
{
	struct send *s = of(f);

	if (s->end.op.err < 0)
		return record_error(s->job, &s->end.op);
	if (s->deliver.silenced)
		return over(s, "the customer has opted out");
	bool sent = str_eqz(s->end.status, "sent");
	metric_add(sent ? M_OUTBOX_SENT : M_OUTBOX_FAILED, 1);
	if (sent)
		log_info("📤 [OUTBOX] sent tenant=%.*s id=%lld job_id=%s",
			STR_FMT(s->job->tenant), (long long)s->id,
			log_safe(s->job->id));
	return s->err;
}

static void
done(struct flow *f, int err)
{
	struct send *s = of(f);

	if (!s->job->step)
		s->job->step = f->name;
	job_end(s->job, err);
}

void
send_start(struct job *job, const struct rqjob_call *call)
{
	struct send *s = ARENA_NEW(&job->arena, struct send);

	s->job = job;
	s->id = val_int(rqjob_arg(call, "id", 1), 0);
	s->round = val_int(rqjob_arg(call, "round", 2), 0);
	job->tenant = rqjob_tenant(&job->arena, call);
	if (!job->tenant.n || s->id < 1 || s->round < 1) {
		job_end(job, job_fail(job, ERR_UNPROCESSABLE,
				     "unprocessable: no tenant_id, id or round"));
		return;
	}
	flow_init(&s->flow, take, "take", done);
	flow_wake(&s->flow);
}
