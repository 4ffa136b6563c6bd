/* SPDX-License-Identifier: MIT */
/* deliver.c: a kept message of ours, on its way to the customer, once.
 *
 *   listen ---> heard, in a later attempt: hear.c
 *    .------------------------------- next part -------------------------------.
 *    v                                                                         |
 *   part ---> "pending":            post ---> marked ---> posted ---> sent -----'--> 0
 *      |                             ^  ^    "sending"     |        "sent"
 *      |                             |  |        |         '-> failed, or "pending"
 *      |                             |  |        v         |
 *      |                             |  |     closed <-----'  outside the window
 *      |                             |  '--------+--> held ---> 0
 *      |                             |   a template
 *      '----> "sending": probe ---> probed
 *                                    |-> a receipt may still tell: later
 *                                    '-> failed: "ambiguous"
 *
 * Every arrow is a wait whose result is on disk before the next begins. */
#include "job/deliver.h"

#include <errno.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "job/job.h"
#include "job/record.h"

enum { DOUBT_LOOK_MS = 5000 }; /* how often it is looked for a receipt */

static flow_step listen, heard, part, probe, probed, post, marked, posted, sent, held,
	failed;

static struct deliver *
of(struct flow *f)
{
	return container_of(f, struct deliver, flow);
}

static struct store_reply *
in_hand(const struct deliver *d)
{
	return &d->reply.parts[d->at];
}

static void
fill_gateway_call(struct deliver *d, const char *name)
{
	trace_begin(d->job, name, &d->span);
	d->gw = (struct gateway_call){
		.arena = &d->job->arena,
		.from = gateway_account_of(d->tenant),
		.to = d->to,
		.text = in_hand(d)->text,
		.as_template = d->as_template,
		.content = in_hand(d)->content,
		.key = in_hand(d)->key,
		.traceparent = trace_header(d->job, &d->span),
	};
	job_waits(d->job, job_hurry_http, &d->gw.http);
}

/* A template may be sent at any time. */
static bool
is_free(const struct deliver *d)
{
	return d->as_template || in_hand(d)->is_template;
}

static int64_t
hold_us(const struct deliver *d)
{
	return d->job->env->s->window_hold_days * INT64_C(86400000000);
}

static void
start_mark(struct deliver *d, struct str status, struct str reason)
{
	struct gateway_account from = gateway_account_of(d->tenant);

	d->mark = (struct store_mark){
		.op.arena = &d->job->arena,
		.turn_id = d->turn_id,
		.reply_id = in_hand(d)->id,
		.attempt = d->job->attempt,
		.tenant = d->job->tenant,
		.job_id = d->job->id,
		.status = status,
		.reason = reason,
		.provider_message_id = d->gw.message_id,
		.window_us = is_free(d) ? 0 : gateway_window_us(&from),
		.hold_us = hold_us(d),
	};
	store_mark(d->job->env->store, &d->mark, &d->flow);
}

static int
part(struct flow *f)
{
	struct deliver *d = of(f);

	while (d->at < d->reply.count && store_reply_is_over(in_hand(d)))
		d->at++;
	if (d->at == d->reply.count)
		return 0;
	if (str_eqz(in_hand(d)->status, "sending"))
		return flow_goto(f, probe);
	return flow_goto(f, post);
}

/* --- what was said while it could not be sent ---------------------------------- */

/* A later attempt may come hours after the first: who waits behind it in the lane may
 * have answered from the phone, or written a stop word. */
static int
listen(struct flow *f)
{
	struct deliver *d = of(f);
	struct job *job = d->job;

	if (job->attempt < 2 || !job->lane.n || !job->env->redis)
		return flow_goto(f, part);
	d->hear = (struct hear){
		.job = job, .tenant = d->tenant, .chat = d->to, .turn_id = d->turn_id};
	hear_start(&d->hear, f);
	return flow_wait(f, heard);
}

static int
heard(struct flow *f)
{
	struct deliver *d = of(f);

	return d->hear.err < 0 ? d->hear.err : flow_goto(f, part);
}

/* --- was it posted before a crash? ------------------------------------------ */

static int
probe(struct flow *f)
{
	struct deliver *d = of(f);

	fill_gateway_call(d, "probe");
	gateway_probe(d->job->env->gateway, &d->gw, f);
	return flow_wait(f, probed);
}

/* A receipt that names our key would settle it: the row then is no longer "sending"
 * when the job comes back.  Costs no attempt. */
static int
wait_for_receipt(struct deliver *d)
{
	int64_t until_us = in_hand(d)->changed_us + d->gw.doubt_ms * 1000;
	int64_t left_ms = (until_us - clock_wall_us()) / 1000;

	if (left_ms <= 0)
		return 0;
	d->job->retry_after_ms = left_ms < DOUBT_LOOK_MS ? left_ms : DOUBT_LOOK_MS;
	return job_fail(
		d->job, ERR_DOUBT, "gateway: perhaps sent, its receipt is waited for");
}

static int
probed(struct flow *f)
{
	struct deliver *d = of(f);
	int err = gateway_probe_finish(&d->gw);

	trace_end(d->job, &d->span, err);
	job_waits(d->job, NULL, NULL);
	if (err < 0 && err_transient(err)) {
		d->job->retry_after_ms = d->gw.retry_after_ms;
		return job_fail(d->job, err, "gateway: %s", d->gw.words);
	}
	bool durable = err == 0 && d->gw.durable;
	if (!durable && wait_for_receipt(d) < 0)
		return ERR_DOUBT;
	if (durable || str_eqz(d->tenant->ambiguous, "resend"))
		return flow_goto(f, post);
	start_mark(d, STR("failed"), STR("ambiguous"));
	return flow_wait(f, failed);
}

/* --- outside the window ----------------------------------------------------- */

static int
fail_closed(struct deliver *d)
{
	const char *what = d->gw.words[0] ? d->gw.words
					  : "the customer has not written for 24 hours";

	d->failure = job_fail(d->job, ERR_WINDOW, "window closed: %s", what);
	start_mark(d, STR("failed"), str_of(d->job->words));
	return flow_wait(&d->flow, failed);
}

/* Nothing was sent: it goes as a template, or waits for the customer; for ever would
 * be too long. */
static int
closed(struct deliver *d)
{
	if (!is_free(d) && !in_hand(d)->content.n && d->tenant->meta_template.n) {
		d->as_template = true;
		return flow_goto(&d->flow, post);
	}
	if (d->overdue || hold_us(d) == 0)
		return fail_closed(d);
	start_mark(d, STR("held"), (struct str){NULL, 0});
	return flow_wait(&d->flow, held);
}

static int
held(struct flow *f)
{
	struct deliver *d = of(f);

	if (d->mark.op.err < 0)
		return record_error(d->job, &d->mark.op);
	if (d->mark.proven)
		return flow_goto(f, sent);
	d->held = true;
	metric_add(M_SEND_HELD, 1);
	log_info("🕗 [WEBHOOK_JOB] waits for the customer to write, the window is closed"
		 " tenant=%.*s job_id=%s",
		STR_FMT(d->job->tenant), log_safe(d->job->id));
	return 0;
}

/* --- sending -------------------------------------------------------------- */

/* Committed before the post: whoever comes after a crash knows of it. */
static int
post(struct flow *f)
{
	struct deliver *d = of(f);

	if (d->job->hurried)
		return -ECANCELED;
	d->gw = (struct gateway_call){0};
	start_mark(d, STR("sending"), (struct str){NULL, 0});
	return flow_wait(f, marked);
}

static int
marked(struct flow *f)
{
	struct deliver *d = of(f);

	if (d->mark.op.err < 0)
		return record_error(d->job, &d->mark.op);
	d->silenced = d->mark.silenced;
	if (d->silenced)
		return 0;
	if (d->mark.closed)
		return closed(d);
	fill_gateway_call(d, "send");
	gateway_send(d->job->env->gateway, &d->gw, f);
	return flow_wait(f, posted);
}

static int
posted(struct flow *f)
{
	struct deliver *d = of(f);
	int err = gateway_send_finish(&d->gw);

	trace_end(d->job, &d->span, err);
	job_waits(d->job, NULL, NULL);
	if (err == 0) {
		metric_add(M_SEND_TEMPLATE, is_free(d));
		start_mark(d, STR("sent"), (struct str){NULL, 0});
		return flow_wait(f, sent);
	}
	d->job->retry_after_ms = d->gw.retry_after_ms;
	if (err == ERR_AMBIGUOUS) /* it stays "sending": the next attempt probes */
		return job_fail(d->job, d->gw.doubt_ms > 0 ? ERR_DOUBT : ERR_REMOTE,
			"gateway: %s", d->gw.words);
	if (err == ERR_WINDOW) /* its clock is not ours */
		return closed(d);
	d->failure = job_fail(d->job, err, "gateway: %s", d->gw.words);
	if (err_transient(err)) /* nothing was sent: the next must not doubt it */
		start_mark(d, STR("pending"), (struct str){NULL, 0});
	else
		start_mark(d, STR("failed"), str_of(d->job->words));
	return flow_wait(f, failed);
}

static int
sent(struct flow *f)
{
	struct deliver *d = of(f);

	if (d->mark.op.err < 0)
		return record_error(d->job, &d->mark.op);
	d->at++;
	return flow_goto(f, part);
}

/* The row says how it stands; now the job ends with the reason, if it stands so. */
static int
failed(struct flow *f)
{
	struct deliver *d = of(f);

	if (d->mark.op.err < 0)
		return record_error(d->job, &d->mark.op);
	if (d->mark.proven) /* a receipt or an echo has come meanwhile */
		return flow_goto(f, sent);
	if (str_eqz(d->mark.reason, "ambiguous"))
		return job_fail(d->job, ERR_AMBIGUOUS,
			"ambiguous: the gateway may have sent it and can't tell");
	return d->failure;
}

static void
done(struct flow *f, int err)
{
	struct deliver *d = of(f);

	d->err = err;
	metric_lap(M_STEP_SEND, &d->began_us);
	if (err < 0)
		d->job->step = f->name;
	flow_wake(d->then);
}

void
deliver_start(struct deliver *d, struct flow *then)
{
	d->then = then;
	d->began_us = clock_mono_us();
	d->silenced = SILENCE_NONE;
	d->held = false;
	d->as_template = false;
	d->at = 0;
	flow_init(&d->flow, listen, "listen", done);
	flow_wake(&d->flow);
}
