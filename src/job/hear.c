/* SPDX-License-Identifier: MIT */
/* hear.c: who wrote meanwhile in the chat of a turn.
 *
 *   gather ---> gathered ---> take_in ---> taken_in ---> absorbed ---> 0
 *                 | nobody       ^-----------' one after another
 *                 '-> 0 */
#include "job/hear.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "codec/keyword.h"
#include "codec/rqjob.h"
#include "codec/trace.h"
#include "codec/val.h"
#include "job/job.h"
#include "job/message.h"
#include "job/record.h"

static flow_step gather, gathered, take_in, taken_in, absorbed;

static struct hear *
of(struct flow *f)
{
	return container_of(f, struct hear, flow);
}

static int
gather(struct flow *f)
{
	struct hear *h = of(f);
	struct job *job = h->job;

	h->absorb = (struct absorb){.arena = &job->arena,
		.redis = job->env->redis,
		.worker = job->env->worker,
		.id = job->id,
		.lane = job->lane,
		.attempt = job->attempt};
	absorb_peek(&h->absorb, f);
	return flow_wait(f, gathered);
}

static int
gathered(struct flow *f)
{
	struct hear *h = of(f);

	if (h->absorb.err == ERR_FENCED)
		return job_fail(h->job, ERR_FENCED, "lane: another holds the job");
	if (h->absorb.err < 0) /* Redis is away: who waits is answered after this */
		return 0;
	return h->absorb.count > 0 ? flow_goto(f, take_in) : 0;
}

/* What one waiting job carries: a single message that is one of this chat's.  One that
 * ran before is a dead letter's replay: it has a turn, and may have a reply to send. */
static int
read_waiting(struct hear *h, size_t i, const struct val **ret_v, struct message *ret)
{
	struct rqjob_call call;
	char why[128];

	if (h->absorb.jobs[i].attempt.n > 0)
		return ERR_SHAPE;
	int bad = rqjob_parse(&h->job->arena, h->absorb.jobs[i].data, &call, why);
	if (bad < 0)
		return bad;
	const struct val *list = rqjob_arg(&call, "messages", 1);
	*ret_v = val_at(list, 0);
	if (!*ret_v || list->count != 1)
		return ERR_SHAPE;
	bad = message_read(&h->job->arena, *ret_v, ret);
	return bad < 0 || str_eq(ret->chat, h->chat) ? bad : ERR_SHAPE;
}

/* A person's answer and a stop word count at once, whoever wrote before. */
static bool
interrupts(const struct hear *h, const struct message *m)
{
	return m->from_me || keyword_is(m->words, h->tenant->stop_words);
}

/* The first that can't be taken in ends the taking: it runs by itself, after this, and
 * so do all behind it. */
static bool
find_next(struct hear *h, const struct val **ret_v, struct message *ret)
{
	for (; h->at < h->absorb.count; h->at++) {
		int bad = read_waiting(h, h->at, ret_v, ret);

		if (bad == 0 && (h->joins || interrupts(h, ret)))
			return true;
		h->joins = false;
	}
	return false;
}

/* No worker took it: this job did. */
static struct store_origin
origin_of(const struct absorb_job *j)
{
	struct store_origin from = {.job_id = j->id, .claimed_us = clock_wall_us()};

	if (trace_is_id(j->trace)) /* others' jobs have none */
		from.trace = j->trace;
	if (rqjob_date(j->enqueued_at, &from.queued_us) < 0)
		from.queued_us = 0;
	return from;
}

static int
take_in(struct flow *f)
{
	struct hear *h = of(f);
	const struct val *v;
	struct message m;

	if (find_next(h, &v, &m)) {
		log_info("📨 [WEBHOOK_JOB] trace_id=%.*s chat=%s",
			STR_FMT(h->absorb.jobs[h->at].trace), log_chat(m.chat));
		struct store_origin from = origin_of(&h->absorb.jobs[h->at]);
		record_start(h->job, &m, v, &from, true, -1, &h->load, f);
		return flow_wait(f, taken_in);
	}
	h->absorb.count = h->taken;
	if (h->taken == 0)
		return 0;
	absorb_done(&h->absorb, f);
	return flow_wait(f, absorbed);
}

static int
taken_in(struct flow *f)
{
	struct hear *h = of(f);
	const struct store_load *load = &h->load;

	int err = record_finish(h->job, load);
	if (err < 0)
		return err;
	bool ours = load->turn_id == h->turn_id || load->changed_turn == h->turn_id;
	if (load->turn_id == h->turn_id) {
		h->says = load->says;
		h->silence = load->silence;
	}
	if (ours) {
		h->more = true;
		h->texts = load->texts;
		h->text_count = load->text_count;
	}
	if (!ours && load->state != TURN_DONE) /* it has an answer of its own to give */
		h->joins = false;
	h->at++;
	if (h->joins)
		h->taken = h->at;
	return flow_goto(f, take_in);
}

static int
absorbed(struct flow *f)
{
	struct hear *h = of(f);

	if (h->absorb.err < 0)
		return job_fail(
			h->job, ERR_UNAVAILABLE, "lane: %s", err_text(h->absorb.err));
	metric_add(M_ABSORBED, h->absorb.count);
	return 0;
}

static void
done(struct flow *f, int err)
{
	struct hear *h = of(f);

	h->err = err;
	if (err < 0)
		h->job->step = f->name;
	flow_wake(h->then);
}

void
hear_start(struct hear *h, struct flow *then)
{
	h->then = then;
	h->more = false;
	h->at = h->taken = 0;
	flow_init(&h->flow, gather, "gather", done);
	flow_wake(&h->flow);
}
