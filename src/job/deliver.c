/* SPDX-License-Identifier: MIT */
/* deliver.c: a kept message of ours, on its way to the customer, once.
 *
 *   listen ---> heard, in a later attempt: hear.c
 *    .------------------------------- next part -------------------------------.
 *    v                                                                         |
 *   part ---> "pending":               post ---> marked ---> posted ---> sent --'--> 0
 *      |                                ^       "sending"      |        "sent"
 *      '----> "sending": probe ---> probed                     '-> failed, or "pending"
 *                                       '-> failed: "ambiguous"
 *
 * Every arrow is a wait whose result is on disk before the next begins. */
#include "job/deliver.h"

#include <errno.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/metrics.h"
#include "job/job.h"
#include "job/record.h"

static flow_step listen, heard, part, probe, probed, post, marked, posted, sent, failed;

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
fill_gateway_call(struct deliver *d)
{
	d->gw = (struct gateway_call){
		.arena = &d->job->arena,
		.from = gateway_account_of(d->tenant),
		.to = d->to,
		.text = in_hand(d)->text,
		.key = in_hand(d)->key,
	};
	job_waits(d->job, job_hurry_http, &d->gw.http);
}

static void
start_mark(struct deliver *d, struct str status, struct str reason)
{
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

	fill_gateway_call(d);
	gateway_probe(d->job->env->gateway, &d->gw, f);
	return flow_wait(f, probed);
}

static int
probed(struct flow *f)
{
	struct deliver *d = of(f);
	int err = gateway_probe_finish(&d->gw);

	job_waits(d->job, NULL, NULL);
	if (err < 0 && err_transient(err)) {
		d->job->retry_after_ms = d->gw.retry_after_ms;
		return job_fail(d->job, err, "gateway: %s", d->gw.words);
	}
	bool durable = err == 0 && d->gw.durable;
	if (durable || str_eqz(d->tenant->ambiguous, "resend"))
		return flow_goto(f, post);
	start_mark(d, STR("failed"), STR("ambiguous"));
	return flow_wait(f, failed);
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
	fill_gateway_call(d);
	gateway_send(d->job->env->gateway, &d->gw, f);
	return flow_wait(f, posted);
}

static int
posted(struct flow *f)
{
	struct deliver *d = of(f);
	int err = gateway_send_finish(&d->gw);

	job_waits(d->job, NULL, NULL);
	if (err == 0) {
		start_mark(d, STR("sent"), (struct str){NULL, 0});
		return flow_wait(f, sent);
	}
	d->job->retry_after_ms = d->gw.retry_after_ms;
	if (err == ERR_AMBIGUOUS) /* it stays "sending": the next attempt probes */
		return job_fail(d->job, ERR_REMOTE, "gateway: %s", d->gw.words);
	job_fail(d->job, err, "gateway: %s", d->gw.words);
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
	return d->gw.err;
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
	d->at = 0;
	flow_init(&d->flow, listen, "listen", done);
	flow_wake(&d->flow);
}
