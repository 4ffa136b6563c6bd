/* SPDX-License-Identifier: MIT */
/* inbound.c: answer the customers' messages of one job, one after another.
 *
 *   loaded: new, and the tenant debounces ---> over for now; runs again when due
 *           due, and others wait in the lane ---> gather
 *
 *   gather ---> gathered ---> take_in ---> taken_in ---> absorbed ---> decide
 *                 | nobody       ^-----------' one after another
 *                 '-> decide, or keep when the answer is there
 *
 * A burst is one turn: who waits behind this job in its lane is taken into the turn,
 * before the question and once more before the answer is kept; then it is asked again.
 *
 *            .-------------------- next message -------------------.
 *            v                                                     |
 *   next ---> loaded ---> asked ---> kept ---> marked ---> posted ---> sent ---> 0
 *               |           (answer)    |        ^ sending            |
 *               |                       `-> probed (was "sending") ---> ambiguous
 *               `-> next: stored only, or its turn is done
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
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "client/ai.h"
#include "client/gateway.h"
#include "codec/rqjob.h"
#include "codec/val.h"
#include "codec/tenant.h"
#include "job/answer.h"
#include "job/job.h"
#include "job/message.h"
#include "queue/absorb.h"
#include "store/store.h"

enum { MERGES_MAX = 3 }; /* times the AI is asked again */

struct inbound {
	struct flow flow;
	struct job *job;
	const struct val *messages;
	size_t at; /* the next one */
	struct message m;
	const struct str *texts; /* all that the turn says, in order */
	size_t text_count;
	struct str answer;
	bool answered; /* answer is there, and may be absent */
	int merges;    /* newcomers taken in after asking */
	struct absorb absorb;
	size_t taken; /* of absorb.jobs */

	/* what we wait for, one at a time: */
	struct store_load load, more;
	struct store_keep keep;
	struct store_mark mark;
	struct ai_call ai;
	struct gateway_call gw;
};

static flow_step next, loaded, gather, gathered, take_in, taken_in, absorbed, decide,
	asked, keep, kept, post, probed, marked, posted, sent, failed;

static struct inbound *
of(struct flow *f)
{
	return container_of(f, struct inbound, flow);
}

/* --- one message after another -------------------------------------------- */

/* Only the holder of a lane knows who comes after, and only Redis tells. */
static bool
may_gather(const struct inbound *in)
{
	return in->job->lane.n > 0 && in->job->env->redis && in->messages->count == 1;
}

static bool
is_old(const struct job *job, const struct message *m)
{
	int64_t max_us = job->env->s->answer_max_age_min * 60 * 1000000;

	return max_us > 0 && m->sent_us > 0 && clock_wall_us() - m->sent_us > max_us;
}

/* Other names of the person who writes: 7.0 of Baileys has one alternative address,
 * 6.7 has the number and the LID apart. */
static struct str
other_name(const struct message *m, struct str named, const char *server)
{
	if (named.n)
		return named;
	return str_ends(m->chat_alt, str_of(server)) ? m->chat_alt : (struct str){0};
}

static void
start_load(struct inbound *in, struct store_load *load, const struct message *m,
	const struct val *v)
{
	struct job *job = in->job;
	struct buf raw;

	buf_init(&raw);
	val_json(&raw, v);
	*load = (struct store_load){
		.op.arena = &job->arena,
		.tenant = job->tenant,
		.provider = STR("baileys"),
		.chat = m->chat,
		.message_id = m->id,
		.job_id = job->id,
		.from_me = m->from_me,
		.answerable = m->answerable && !is_old(job, m),
		.lid = other_name(m, m->sender_lid, "@lid"),
		.phone = other_name(m, m->sender_pn, "@s.whatsapp.net"),
		.kind = str_of(m->kind),
		.text = m->text,
		.raw = arena_str(&job->arena, buf_str(&raw)),
		.push_name = m->push_name,
		.sent_us = m->sent_us,
		.attempt = job->attempt,
		.history_max = load == &in->load ? job->env->s->ai_history : 0,
		.debounce_ms = may_gather(in) ? job->env->s->reply_debounce_ms : 0,
		.human_pause_min = job->env->s->human_pause_min,
		.replies_max = job->env->s->replies_max_hour,
	};
	buf_done(&raw);
	store_load(job->env->store, load, &in->flow);
}

static int
next(struct flow *f)
{
	struct inbound *in = of(f);
	const struct val *v = val_at(in->messages, in->at);

	if (!v)
		return 0;
	in->at++;
	int bad = message_read(&in->job->arena, v, &in->m);
	if (bad < 0)
		return job_fail(
			in->job, bad, "unprocessable: message %zu has no chat", in->at);
	log_info("📨 [WEBHOOK_JOB] trace_id=%.*s chat=%s", STR_FMT(in->job->id),
		log_chat(in->m.chat));
	start_load(in, &in->load, &in->m, v);
	return flow_wait(f, loaded);
}

static int
store_error(struct inbound *in, const struct store_op *op)
{
	if (op->err == ERR_NO_TENANT)
		return job_fail(in->job, op->err, "unknown_tenant: %.*s",
			STR_FMT(in->job->tenant));
	return job_fail(in->job, op->err, "database: %s",
		op->words[0] ? op->words : err_text(op->err));
}

static void
hear(struct inbound *in, const struct store_load *load)
{
	in->texts = load->texts;
	in->text_count = load->text_count;
}

static void
log_merge(const struct inbound *in, const struct store_load *l)
{
	if (l->merge_id)
		log_info("🪢 [WEBHOOK_JOB] two contacts are one person tenant=%.*s "
			 "audit=%lld",
			STR_FMT(in->job->tenant), (long long)l->merge_id);
}

static int
loaded(struct flow *f)
{
	struct inbound *in = of(f);

	if (in->load.op.err < 0)
		return store_error(in, &in->load.op);
	log_merge(in, &in->load);
	if (in->load.state == TURN_DONE)
		return flow_goto(f, next);
	in->answered = false;
	hear(in, &in->load);
	if (in->load.reply_id == 0 && may_gather(in) && in->load.debounce_ms > 0) {
		if (in->load.known)
			return flow_goto(f, gather);
		in->job->defer_ms = in->load.debounce_ms;
		return 0;
	}
	if (in->load.reply_id == 0)
		return flow_goto(f, decide);

	in->keep.reply_id = in->load.reply_id;
	in->keep.reply_text = in->load.reply_text;
	in->keep.reply_key = in->load.reply_key;
	in->keep.reply_status = in->load.reply_status;
	return flow_goto(f, kept);
}

/* --- who came after ------------------------------------------------------- */

static int
answer_now(struct inbound *in)
{
	if (in->answered)
		return flow_goto(&in->flow, keep);
	return flow_goto(&in->flow, decide);
}

static int
gather(struct flow *f)
{
	struct inbound *in = of(f);
	struct job *job = in->job;

	in->absorb = (struct absorb){.arena = &job->arena,
		.redis = job->env->redis,
		.worker = job->env->worker,
		.id = job->id,
		.lane = job->lane,
		.attempt = job->attempt};
	in->taken = 0;
	absorb_peek(&in->absorb, f);
	return flow_wait(f, gathered);
}

static int
gathered(struct flow *f)
{
	struct inbound *in = of(f);

	if (in->absorb.err == ERR_FENCED)
		return job_fail(in->job, ERR_FENCED, "lane: another holds the job");
	if (in->absorb.err < 0) /* Redis is away: who waits is answered after this */
		in->absorb.count = 0;
	if (in->absorb.count > 0)
		return flow_goto(f, take_in);
	return answer_now(in);
}

/* What one waiting job carries: a single message that is one of this chat's. */
static int
read_waiting(
	struct inbound *in, size_t i, const struct val **ret_v, struct message *ret)
{
	struct rqjob_call call;
	char why[128];

	int bad = rqjob_parse(&in->job->arena, in->absorb.jobs[i].data, &call, why);
	if (bad < 0)
		return bad;
	const struct val *list = rqjob_arg(&call, "messages", 1);
	*ret_v = val_at(list, 0);
	if (!*ret_v || list->count != 1)
		return ERR_SHAPE;
	bad = message_read(&in->job->arena, *ret_v, ret);
	return bad < 0 || str_eq(ret->chat, in->m.chat) ? bad : ERR_SHAPE;
}

/* One that can't be taken in ends the gathering: it runs by itself, after this. */
static int
take_in(struct flow *f)
{
	struct inbound *in = of(f);
	const struct val *v;
	struct message m;

	if (in->taken < in->absorb.count && read_waiting(in, in->taken, &v, &m) < 0)
		in->absorb.count = in->taken;
	if (in->taken < in->absorb.count) {
		log_info("📨 [WEBHOOK_JOB] trace_id=%.*s chat=%s",
			STR_FMT(in->absorb.jobs[in->taken].id), log_chat(m.chat));
		start_load(in, &in->more, &m, v);
		return flow_wait(f, taken_in);
	}
	if (in->absorb.count == 0)
		return answer_now(in);
	absorb_done(&in->absorb, f);
	return flow_wait(f, absorbed);
}

static int
taken_in(struct flow *f)
{
	struct inbound *in = of(f);
	const struct store_load *more = &in->more;

	if (more->op.err < 0)
		return store_error(in, &more->op);
	log_merge(in, more);
	if (more->turn_id == in->load.turn_id) {
		hear(in, more);
		in->answered = false; /* to what was said before */
		in->taken++;
	} else if (more->state == TURN_DONE) {
		in->taken++;
	} else {
		in->absorb.count = in->taken; /* it has an answer of its own to give */
	}
	return flow_goto(f, take_in);
}

static int
absorbed(struct flow *f)
{
	struct inbound *in = of(f);

	if (in->absorb.err < 0)
		return job_fail(
			in->job, ERR_UNAVAILABLE, "lane: %s", err_text(in->absorb.err));
	metric_add(M_ABSORBED, in->absorb.count);
	return answer_now(in);
}

/* --- the answer ----------------------------------------------------------- */

/* The lines of a burst, as one text. */
static struct str
whole_text(struct inbound *in)
{
	struct buf b;

	buf_init(&b);
	for (size_t i = 0; i < in->text_count; i++) {
		if (i > 0)
			buf_addc(&b, '\n');
		buf_adds(&b, in->texts[i]);
	}
	struct str text = arena_str(&in->job->arena, buf_str(&b));
	buf_done(&b);
	return text;
}

/* More input while the AI thinks: it is asked again, with all of it; but not for ever.
 */
static bool
may_merge(const struct inbound *in)
{
	return may_gather(in) && in->load.debounce_ms > 0 && in->merges < MERGES_MAX;
}

static void
stop_asking(struct job *job)
{
	job->on_notice = NULL;
	http_call_cancel(job->waits_for);
}

static void
start_ai(struct inbound *in)
{
	struct job *job = in->job;
	const struct store_load *l = &in->load;
	struct ai_turn *turns =
		arena_alloc(&job->arena, (l->history_count + 1) * sizeof(*turns));

	for (size_t i = 0; i < l->history_count; i++)
		turns[i] = (struct ai_turn){
			l->history[i].from_customer ? AI_USER : AI_ASSISTANT,
			l->history[i].text};
	turns[l->history_count] = (struct ai_turn){AI_USER, whole_text(in)};
	in->ai = (struct ai_call){
		.arena = &job->arena,
		.model = l->found.ai_model,
		.prompt = l->found.prompt,
		.turns = turns,
		.turn_count = l->history_count + 1,
		.max_tokens = l->found.ai_max_tokens,
		.temperature = l->found.ai_temperature,
	};
	job_waits(job, job_hurry_http, &in->ai.http);
	if (may_merge(in))
		job->on_notice = stop_asking;
	ai_start(job->env->ai, &in->ai, &in->flow);
}

static void
log_silence(const struct inbound *in)
{
	static const char *const whys[] = {[SILENCE_HUMAN] = "a person answers there",
		[SILENCE_LOOP] = "REPLIES_MAX_HOUR is reached: two bots?",
		[SILENCE_ECHO] = "its words are our last reply: another bot?"};
	enum silence why = in->load.silence;

	metric_add(M_SILENCED, 1);
	log_line(why == SILENCE_HUMAN ? LOG_INFO : LOG_WARN,
		"🙊 [WEBHOOK_JOB] no answer in this chat, %s job_id=%s", whys[why],
		log_safe(in->job->id));
}

static int
decide(struct flow *f)
{
	struct inbound *in = of(f);
	const struct tenant *t = &in->load.found;
	const char *usual = in->job->env->s->ai_provider;
	bool builtin =
		str_eqz(t->ai_provider.n ? t->ai_provider : str_of(usual), "builtin");

	in->answer = (struct str){NULL, 0};
	in->answered = true;
	if (in->load.silence != SILENCE_NONE)
		log_silence(in);
	if (str_eqz(t->status, "paused") || in->load.silence != SILENCE_NONE)
		return flow_goto(f, keep);
	if (builtin) {
		in->answer = answer_builtin(
			&in->job->arena, t->rules, t->default_text, whole_text(in));
		return flow_goto(f, keep);
	}
	if (in->job->hurried)
		return -ECANCELED;
	start_ai(in);
	return flow_wait(f, asked);
}

static int
asked(struct flow *f)
{
	struct inbound *in = of(f);
	int err = ai_finish(&in->ai);
	bool merges = may_merge(in) && !in->job->hurried;

	job_waits(in->job, NULL, NULL);
	in->job->on_notice = NULL;
	in->merges++;
	if (err == -ECANCELED && !in->job->hurried) { /* stop_asking() */
		in->answered = false;
		return flow_goto(f, gather);
	}
	if (err < 0) {
		in->job->retry_after_ms = in->ai.retry_after_ms;
		return job_fail(in->job, err, "ai: %s", in->ai.words);
	}
	in->answer = in->ai.answer;
	if (merges)
		return flow_goto(f, gather);
	return flow_goto(f, keep);
}

/* The key that makes a reply one: of the message it answers, in the form of a
 * WhatsApp message id.  Not of row numbers, which a new database gives again. */
static struct str
outbound_key(struct inbound *in)
{
	struct str parts[] = {
		in->job->tenant, STR("baileys"), in->m.chat, in->m.id, STR("part 1")};
	uint8_t digest[DIGEST_SIZE];
	char hex[2 * 9 + 1];

	digest_sha256(parts, ARRAY_LEN(parts), digest);
	digest_hex(digest, 9, hex);
	for (char *c = hex; *c; c++)
		if (*c >= 'a')
			*c = (char)(*c - 'a' + 'A');
	return arena_printf(&in->job->arena, "3EB0%s", hex);
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
		.text = in->answer,
		.key = outbound_key(in),
		.tokens_in = in->ai.tokens_in,
		.tokens_out = in->ai.tokens_out,
	};
	store_keep(in->job->env->store, &in->keep, &in->flow);
	return flow_wait(f, kept);
}

static bool
was_sending(const struct inbound *in)
{
	return str_eqz(in->keep.reply_status, "sending");
}

static void
fill_gateway_call(struct inbound *in)
{
	in->gw = (struct gateway_call){
		.arena = &in->job->arena,
		.tenant = in->job->tenant,
		.base_url = in->load.found.gateway_url,
		.to = in->m.chat,
		.text = in->keep.reply_text,
		.key = in->keep.reply_key,
	};
	job_waits(in->job, job_hurry_http, &in->gw.http);
}

static int
silenced(struct inbound *in)
{
	metric_add(M_SILENCED, 1);
	log_info("🙊 [WEBHOOK_JOB] a person answers in this chat job_id=%s",
		log_safe(in->job->id));
	return flow_goto(&in->flow, next);
}

static int
kept(struct flow *f)
{
	struct inbound *in = of(f);

	if (in->keep.op.err < 0)
		return store_error(in, &in->keep.op);
	if (in->keep.silenced)
		return silenced(in);
	if (in->keep.reply_id == 0)
		return flow_goto(f, next); /* no answer to give */
	if (!was_sending(in))
		return flow_goto(f, post);

	fill_gateway_call(in);
	gateway_probe(in->job->env->gateway, &in->gw, f);
	return flow_wait(f, probed);
}

/* --- sending -------------------------------------------------------------- */

static void
start_mark(struct inbound *in, struct str status, struct str reason)
{
	in->mark = (struct store_mark){
		.op.arena = &in->job->arena,
		.turn_id = in->load.turn_id,
		.reply_id = in->keep.reply_id,
		.attempt = in->job->attempt,
		.tenant = in->job->tenant,
		.job_id = in->job->id,
		.status = status,
		.reason = reason,
		.provider_message_id = in->gw.message_id,
	};
	store_mark(in->job->env->store, &in->mark, &in->flow);
}

static int
give_up(struct inbound *in)
{
	start_mark(in, STR("failed"), STR("ambiguous"));
	return flow_wait(&in->flow, failed);
}

static int
probed(struct flow *f)
{
	struct inbound *in = of(f);
	int err = gateway_probe_finish(&in->gw);

	job_waits(in->job, NULL, NULL);
	if (err < 0 && err_transient(err)) {
		in->job->retry_after_ms = in->gw.retry_after_ms;
		return job_fail(in->job, err, "gateway: %s", in->gw.words);
	}
	bool durable = err == 0 && in->gw.durable;
	if (durable || str_eqz(in->load.found.ambiguous, "resend"))
		return flow_goto(f, post);
	return give_up(in);
}

/* Committed before the post: whoever comes after a crash knows of it. */
static int
post(struct flow *f)
{
	struct inbound *in = of(f);

	if (in->job->hurried)
		return -ECANCELED;
	in->gw = (struct gateway_call){0};
	start_mark(in, STR("sending"), (struct str){NULL, 0});
	return flow_wait(f, marked);
}

static int
marked(struct flow *f)
{
	struct inbound *in = of(f);

	if (in->mark.op.err < 0)
		return store_error(in, &in->mark.op);
	if (in->mark.silenced)
		return silenced(in);
	fill_gateway_call(in);
	gateway_send(in->job->env->gateway, &in->gw, f);
	return flow_wait(f, posted);
}

static int
posted(struct flow *f)
{
	struct inbound *in = of(f);
	int err = gateway_send_finish(&in->gw);

	job_waits(in->job, NULL, NULL);
	if (err == 0) {
		start_mark(in, STR("sent"), (struct str){NULL, 0});
		return flow_wait(f, sent);
	}
	in->job->retry_after_ms = in->gw.retry_after_ms;
	if (err ==
		ERR_AMBIGUOUS) { /* the row stays "sending": the next attempt probes */
		return job_fail(in->job, ERR_REMOTE, "gateway: %s", in->gw.words);
	}
	job_fail(in->job, err, "gateway: %s", in->gw.words);
	if (err_transient(err)) {
		/* nothing was sent, and the next attempt must not doubt it */
		start_mark(in, STR("pending"), (struct str){NULL, 0});
		return flow_wait(f, failed);
	}
	start_mark(in, STR("failed"), str_of(in->job->words));
	return flow_wait(f, failed);
}

static int
sent(struct flow *f)
{
	struct inbound *in = of(f);

	if (in->mark.op.err < 0)
		return store_error(in, &in->mark.op);
	return flow_goto(f, next);
}

/* The reply's row says how it stands; now the job ends with the reason. */
static int
failed(struct flow *f)
{
	struct inbound *in = of(f);

	if (in->mark.op.err < 0)
		return store_error(in, &in->mark.op);
	if (str_eqz(in->mark.reason, "ambiguous"))
		return job_fail(in->job, ERR_AMBIGUOUS,
			"ambiguous: the gateway may have sent it and can't tell");
	return in->gw.err;
}

static void
done(struct flow *f, int err)
{
	struct inbound *in = of(f);

	in->job->step = f->name;
	job_end(in->job, err);
}

void
inbound_start(struct job *job, const struct rqjob_call *call)
{
	struct inbound *in = ARENA_NEW(&job->arena, struct inbound);
	const struct val *whose = rqjob_arg(call, "tenant_id", 0);
	struct str tenant = val_text(whose);
	int64_t number = val_int(whose, -1);

	if (!tenant.p && number >= 0)
		tenant = arena_printf(&job->arena, "%lld", (long long)number);
	tenant = tenant_id(tenant);
	job->tenant = tenant;
	in->job = job;
	in->messages = rqjob_arg(call, "messages", 1);
	log_info("🚀 [WEBHOOK_JOB] tenant=%s messages=%zu job_id=%s", log_safe(tenant),
		in->messages ? in->messages->count : 0, log_safe(job->id));
	if (!in->messages || in->messages->kind != VAL_LIST || !tenant.n) {
		job_end(job, job_fail(job, ERR_UNPROCESSABLE, "unprocessable: no %s",
				     tenant.n ? "list of messages" : "tenant_id"));
		return;
	}
	flow_init(&in->flow, next, "next", done);
	flow_wake(&in->flow);
}
