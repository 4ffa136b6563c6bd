/* SPDX-License-Identifier: MIT */
/* inbound.c: answer the customers' messages of one job, one after another.
 *
 *   next ---> loaded ---> heard ---> decide ---> answered ---> heard
 *    ^ ^       | |        hear.c                  ask.c        hear.c
 *    | |       | '-> over for now: it waits        |              |
 *    | |       |     for more, and runs again      | failed       v
 *    | '-------'                                   '-> spent     keep
 *    |  stored only, or its turn is done                          |
 *    |                                                            v
 *    '---------------------- delivered <------------------------ kept
 *                            deliver.c
 *
 * A burst is one turn: who waits behind this job in its lane is taken into the turn,
 * before the question and once more before the answer is kept; then it is asked again.
 *
 * From the first question to the end of its turn the chat shows "typing..."; nothing
 * here waits for that (client/typing.h).
 *
 * Every arrow is a wait whose result is on disk before the next begins, so an
 * attempt that follows a crash finds where the last one was:
 *
 *   no reply row       ask (again: at most the AI request in flight was paid twice)
 *   reply pending      nothing was posted: post it
 *   reply sending      perhaps posted: post again only to a gateway that remembers
 *                      keys on disk, or where the tenant prefers twice to never
 *   turn done          nothing to do
 *
 * A step returns an error; its class (err_class) says what becomes of the job. */
#include "job/inbound.h"

#include <errno.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/lately.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "client/gateway.h"
#include "client/typing.h"
#include "codec/rqjob.h"
#include "codec/val.h"
#include "job/answer.h"
#include "job/ask.h"
#include "job/deliver.h"
#include "job/follow.h"
#include "job/hear.h"
#include "job/job.h"
#include "job/message.h"
#include "job/outbound_key.h"
#include "job/parts.h"
#include "job/record.h"
#include "job/spend.h"
#include "store/store.h"

enum {
	MERGES_MAX = 3, /* times the AI is asked again */
	UNPROMPTED_EVERY_MS = 3600 * 1000,
};

struct inbound {
	struct flow flow;
	struct job *job;
	const struct val *messages;
	size_t at; /* the next one */
	struct message m;
	const struct store_text *texts; /* all that the turn says, in order */
	size_t text_count;
	struct str answer;
	bool answered; /* answer is there, and may be absent */
	int failed;    /* the AI has: its error, when all that is to do then is done */
	int merges;    /* newcomers taken in after asking */
	int64_t mark_us; /* when what is waited for began, for the metrics of steps */
	struct typing_chat *typing; /* shown since the AI was asked; NULL: not */

	/* what we wait for, one at a time: */
	struct store_load load;
	struct hear hear;
	struct ask ask;
	struct store_keep keep;
	struct store_spend spend;
	struct deliver deliver;
	struct follow follow;
};

static flow_step next, loaded, begun, heard, decide, answered, spent, keep, kept,
	delivered;

static struct inbound *
of(struct flow *f)
{
	return container_of(f, struct inbound, flow);
}

/* --- one message after another -------------------------------------------- */

/* Only the holder of a lane knows who comes after, and only Redis tells. */
static bool
may_hear(const struct inbound *in)
{
	return in->job->lane.n > 0 && in->job->env->redis && in->messages->count == 1;
}

static int
next(struct flow *f)
{
	struct inbound *in = of(f);
	struct job *job = in->job;
	const struct val *v = val_at(in->messages, in->at);

	typing_end(&in->typing); /* the turn before */
	if (!v)
		return 0;
	in->at++;
	int bad = message_read(&job->arena, v, &in->m);
	if (bad < 0)
		return job_fail(
			job, bad, "unprocessable: message %zu has no chat", in->at);
	log_info("📨 [WEBHOOK_JOB] trace_id=%.*s chat=%s", STR_FMT(job->trace),
		log_chat(in->m.chat));
	in->mark_us = clock_mono_us();
	record_start(job, &in->m, v, NULL, may_hear(in), job->env->s->ai_history,
		&in->load, f);
	return flow_wait(f, loaded);
}

static int
hear(struct inbound *in)
{
	in->hear = (struct hear){.job = in->job,
		.tenant = &in->load.found,
		.chat = in->m.chat,
		.joins = in->load.debounce_ms > 0,
		.turn_id = in->load.turn_id,
		.says = in->load.says,
		.silence = in->load.silence};
	hear_start(&in->hear, &in->flow);
	return flow_wait(&in->flow, heard);
}

/* What waited for this customer to write is due; without Redis's answer the scheduler
 * looks within a minute. */
static int
look_at_outbox(struct inbound *in)
{
	in->follow = (struct follow){.id = arena_printf(&in->job->arena,
					     "outbox_of_%.*s", STR_FMT(in->job->id)),
		.function = "prosaas.outbox"};
	follow_start(&in->follow, in->job, &in->flow);
	return flow_wait(&in->flow, begun);
}

static int
loaded(struct flow *f)
{
	struct inbound *in = of(f);
	const struct store_load *l = &in->load;

	metric_lap(M_STEP_LOAD, &in->mark_us);
	in->mark_us = 0;
	int err = record_finish(in->job, l);
	if (err < 0)
		return err;
	return l->released > 0 ? look_at_outbox(in) : flow_goto(f, begun);
}

static int
begun(struct flow *f)
{
	struct inbound *in = of(f);
	const struct store_load *l = &in->load;

	if (l->state == TURN_DONE)
		return flow_goto(f, next);
	in->answered = false;
	in->failed = 0;
	in->ask.usage_count = 0;
	in->ask.asked_us = in->ask.answered_us = 0;
	in->texts = l->texts;
	in->text_count = l->text_count;
	if (l->reply.count > 0) {
		in->keep.reply = l->reply;
		return flow_goto(f, kept);
	}
	if (!may_hear(in) || l->debounce_ms == 0 || l->says == SAYS_STOP)
		return flow_goto(f, decide); /* who says stop is not kept waiting */
	if (l->known)
		return hear(in);
	in->job->defer_ms = l->debounce_ms;
	return 0;
}

/* The job fails, but what was asked for it is paid. */
static int
fail_paid(struct inbound *in, int err)
{
	in->failed = err;
	if (in->ask.usage_count == 0)
		return err;
	in->spend = (struct store_spend){.op.arena = &in->job->arena,
		.tenant = in->job->tenant,
		.usage = in->ask.usage,
		.usage_count = in->ask.usage_count,
		.budget = in->load.found.ai_daily_budget};
	store_spend(in->job->env->store, &in->spend, &in->flow);
	return flow_wait(&in->flow, spent);
}

static int
spent(struct flow *f)
{
	struct inbound *in = of(f);

	if (in->spend.op.err < 0)
		log_warn("what the AI cost is not counted job_id=%s reason=%s",
			log_safe(in->job->id), err_text(in->spend.op.err));
	spend_log(in->job->tenant, in->spend.budget_crossed);
	return in->failed;
}

static int
heard(struct flow *f)
{
	struct inbound *in = of(f);

	if (in->hear.err < 0)
		return fail_paid(in, in->hear.err);
	if (in->hear.more) {
		in->load.says = in->hear.says;
		in->load.silence = in->hear.silence;
		in->texts = in->hear.texts;
		in->text_count = in->hear.text_count;
		in->answered = false; /* to what was said before */
	}
	if (in->answered)
		return flow_goto(f, keep);
	return flow_goto(f, decide);
}

/* --- the answer ----------------------------------------------------------- */

/* What the customer wrote in a burst: rules are about that, not about what stands in
 * brackets. */
static struct str
all_words(struct inbound *in)
{
	struct buf b;

	buf_init(&b);
	for (size_t i = 0; i < in->text_count; i++) {
		if (i > 0)
			buf_addc(&b, '\n');
		buf_adds(&b, in->texts[i].words);
	}
	struct str words = arena_str(&in->job->arena, buf_str(&b));
	buf_done(&b);
	return words;
}

/* More input while the AI thinks: it is asked again, with all of it; but not for ever.
 * Without debounce what comes is a turn of its own, yet it may be a stop word, or a
 * person's answer. */
static bool
may_merge(const struct inbound *in)
{
	return may_hear(in) && in->merges < MERGES_MAX;
}

static void
log_silence(const struct inbound *in, enum silence why)
{
	static const struct {
		const char *words;
		enum log_level level;
		enum metric metric;
	} rows[] = {
#define ROW_(id, name, words, level, metric) [SILENCE_##id] = {words, level, metric},
		SILENCE_MAP(ROW_)
#undef ROW_
	};

	metric_add(rows[why].metric, 1);
	log_line(rows[why].level,
		"🙊 [WEBHOOK_JOB] no answer in this chat, %s job_id=%s", rows[why].words,
		log_safe(in->job->id));
}

static bool
has_ai(const struct inbound *in)
{
	struct str provider = in->load.found.ai_provider;

	return str_eqz(
		provider.n ? provider : str_of(in->job->env->s->ai_provider), "openai");
}

/* A model without a prompt would answer as anybody. */
static bool
is_prompted(const struct inbound *in)
{
	return in->load.found.prompt.n > 0;
}

static void
complain_unprompted(const struct inbound *in)
{
	struct str what = arena_printf(
		&in->job->arena, "unprompted %.*s", STR_FMT(in->job->tenant));

	metric_add(M_AI_UNPROMPTED, 1);
	if (!lately_said(what, UNPROMPTED_EVERY_MS, clock_mono_ms()))
		log_warn("🙊 tenant %.*s has no prompt, no rule that fits and no "
			 "default_text: no answer",
			STR_FMT(in->job->tenant));
}

static int
answer_by_rules(struct inbound *in)
{
	const struct tenant *t = &in->load.found;

	in->answer = answer_builtin(
		&in->job->arena, t->rules, t->default_text, all_words(in));
	if (!in->answer.p && has_ai(in) && !is_prompted(in))
		complain_unprompted(in);
	return flow_goto(&in->flow, keep);
}

static void
show_typing(struct inbound *in)
{
	struct gateway_account from = gateway_account_of(&in->load.found);

	if (!in->typing)
		in->typing =
			typing_begin(in->job->env->typing, &from, in->m.chat, in->m.id);
}

static int
ask_ai(struct inbound *in)
{
	if (in->job->hurried)
		return fail_paid(in, -ECANCELED);
	in->ask.job = in->job;
	in->ask.load = &in->load;
	in->ask.lines = in->texts;
	in->ask.line_count = in->text_count;
	in->ask.may_stop = may_merge(in) && in->load.debounce_ms > 0;
	show_typing(in);
	ask_start(&in->ask, &in->flow);
	return flow_wait(&in->flow, answered);
}

/* Nobody is asked; what is said is the tenant's, or nothing. */
static int
keep_text(struct inbound *in, struct str text)
{
	if (text.n)
		in->answer = text;
	return flow_goto(&in->flow, keep);
}

static int
keep_silent(struct inbound *in)
{
	const struct store_load *l = &in->load;

	if (l->silence == SILENCE_CLOSED && !l->closed_said && l->found.closed_text.n)
		return keep_text(in, l->found.closed_text);
	log_silence(in, l->silence);
	return flow_goto(&in->flow, keep);
}

static int
decide(struct flow *f)
{
	struct inbound *in = of(f);
	const struct tenant *t = &in->load.found;

	in->answer = (struct str){NULL, 0};
	in->answered = true;
	if (str_eqz(t->status, "paused"))
		return flow_goto(f, keep);
	if (in->load.silence != SILENCE_NONE)
		return keep_silent(in);
	if (in->text_count == 0) /* all of it was taken back */
		return flow_goto(f, keep);
	if (in->load.says == SAYS_STOP)
		return keep_text(in, t->stop_text);
	if (in->load.says == SAYS_START)
		return keep_text(in, t->start_text);
	if (!has_ai(in) || !is_prompted(in) || !spend_may(t, in->load.ai_spent_micros))
		return answer_by_rules(in);
	return ask_ai(in);
}

/* Nobody will ask the AI again about this turn: the customer is told once, until it has
 * answered again; the job fails all the same. */
static int
fall_back(struct inbound *in)
{
	const struct store_load *l = &in->load;

	if (in->job->hurried || !job_gives_up(in->job, in->ask.err) || l->fell_back ||
		!l->found.fallback_text.n)
		return fail_paid(in, in->ask.err);
	in->failed = in->ask.err;
	in->answer = l->found.fallback_text;
	metric_add(M_AI_FELL_BACK, 1);
	return flow_goto(&in->flow, keep);
}

static int
answered(struct flow *f)
{
	struct inbound *in = of(f);
	bool merges = may_merge(in) && !in->job->hurried;

	in->merges++;
	if (in->ask.err == -ECANCELED && !in->job->hurried) { /* somebody wrote */
		in->answered = false;
		return hear(in);
	}
	if (in->ask.err < 0)
		return fall_back(in);
	in->answer = in->ask.answer;
	return merges ? hear(in) : flow_goto(f, keep);
}

/* Of the message it answers. */
static struct str
key_of(struct inbound *in, size_t part)
{
	struct str name = arena_printf(&in->job->arena, "part %zu", part);
	struct str parts[] = {
		in->job->tenant, str_of(in->m.provider), in->m.chat, in->m.id, name};

	return outbound_key(&in->job->arena, parts, ARRAY_LEN(parts));
}

static struct store_replies
answer_parts(struct inbound *in)
{
	struct arena *a = &in->job->arena;
	struct gateway_account from = gateway_account_of(&in->load.found);
	int64_t max = in->load.found.reply_part_chars;
	int64_t text_max = (int64_t)gateway_text_max(&from);
	struct store_replies r = {0};
	struct str *texts;

	if (!in->answer.p)
		return r;
	if (max < 0)
		max = in->job->env->s->reply_part_chars;
	if (text_max > 0 && (max == 0 || max > text_max))
		max = text_max;
	r.count = parts_split(a, in->answer, (size_t)max, &texts);
	r.parts = arena_zalloc(a, r.count * sizeof(*r.parts));
	for (size_t i = 0; i < r.count; i++) {
		r.parts[i].text = texts[i];
		r.parts[i].key = key_of(in, i + 1);
	}
	return r;
}

static int
keep(struct flow *f)
{
	struct inbound *in = of(f);

	in->keep = (struct store_keep){
		.op.arena = &in->job->arena,
		.turn_id = in->load.turn_id,
		.attempt = in->job->attempt,
		.inbound_id = in->load.inbound_id,
		.tenant = in->job->tenant,
		.job_id = in->job->id,
		.answer = answer_parts(in),
		.usage = in->ask.usage,
		.usage_count = in->ask.usage_count,
		.prompt_version =
			in->ask.usage_count > 0 ? in->load.found.prompt_version : 0,
		.budget = in->load.found.ai_daily_budget,
		.fell_back = in->failed < 0,
		.closed = in->load.silence == SILENCE_CLOSED,
		.asked_us = in->ask.asked_us,
		.answered_us = in->ask.answered_us,
	};
	in->mark_us = clock_mono_us();
	store_keep(in->job->env->store, &in->keep, &in->flow);
	return flow_wait(f, kept);
}

/* --- on its way ------------------------------------------------------------- */

static int
silenced(struct inbound *in, enum silence why)
{
	log_silence(in, why);
	return flow_goto(&in->flow, next);
}

static int
kept(struct flow *f)
{
	struct inbound *in = of(f);
	const struct store_keep *k = &in->keep;

	if (in->mark_us) /* else it was kept by an attempt before */
		metric_lap(M_STEP_KEEP, &in->mark_us);
	if (k->op.err < 0)
		return fail_paid(in, record_error(in->job, &k->op));
	spend_log(in->job->tenant, k->budget_crossed);
	if (k->silenced)
		return silenced(in, k->silenced);
	if (k->reply.count == 0)
		return flow_goto(f, next); /* no answer to give */
	if (in->job->hurried)
		return -ECANCELED;
	in->deliver = (struct deliver){.job = in->job,
		.tenant = &in->load.found,
		.to = in->m.chat,
		.turn_id = in->load.turn_id,
		.reply = k->reply};
	deliver_start(&in->deliver, f);
	return flow_wait(f, delivered);
}

static int
delivered(struct flow *f)
{
	struct inbound *in = of(f);

	if (in->deliver.err < 0)
		return in->deliver.err;
	if (in->deliver.silenced)
		return silenced(in, in->deliver.silenced);
	return in->failed < 0 ? in->failed : flow_goto(f, next);
}

static void
done(struct flow *f, int err)
{
	struct inbound *in = of(f);

	typing_end(&in->typing);
	if (!in->job->step) /* else hear, ask or deliver has said it */
		in->job->step = f->name;
	job_end(in->job, err);
}

void
inbound_start(struct job *job, const struct rqjob_call *call)
{
	struct inbound *in = ARENA_NEW(&job->arena, struct inbound);

	in->job = job;
	in->messages = rqjob_arg(call, "messages", 1);
	log_info("🚀 [WEBHOOK_JOB] tenant=%s messages=%zu job_id=%s trace=%.*s",
		log_safe(job->tenant), in->messages ? in->messages->count : 0,
		log_safe(job->id), STR_FMT(job->trace));
	if (!in->messages || in->messages->kind != VAL_LIST || !job->tenant.n) {
		job_end(job, job_fail(job, ERR_UNPROCESSABLE, "unprocessable: no %s",
				     job->tenant.n ? "list of messages" : "tenant_id"));
		return;
	}
	flow_init(&in->flow, next, "next", done);
	flow_wake(&in->flow);
}
