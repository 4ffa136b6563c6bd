/* SPDX-License-Identifier: MIT */
/* record.c: one message of a job, written down. */
#include "job/record.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "codec/jid.h"
#include "codec/val.h"
#include "job/job.h"
#include "job/message.h"
#include "store/store.h"

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

/* Who wrote it, where more than one person writes; a device of his is he. */
static struct str
author(struct arena *a, const struct message *m)
{
	struct jid j;

	if (chat_is_person(m->where) || jid_parse(m->participant, &j) < 0)
		return (struct str){NULL, 0};
	return jid_text(a, &j);
}

/* In a group the store knows whether it is for us. */
static bool
may_be_answered(const struct message *m)
{
	return m->answerable || (m->where == CHAT_GROUP && m->is_plain && !m->from_me);
}

static bool
may_command(const struct message *m)
{
	return chat_is_person(m->where) || m->where == CHAT_GROUP;
}

static struct store_origin
origin_of(const struct job *job)
{
	return (struct store_origin){.job_id = job->id,
		.trace = job->trace,
		.queued_us = job->queued_us,
		.claimed_us = job->claimed_us};
}

void
record_start(struct job *job, const struct message *m, const struct val *v,
	const struct store_origin *from, bool burst, int64_t history_max,
	struct store_load *load, struct flow *f)
{
	const struct settings *s = job->env->s;
	struct buf raw;

	buf_init(&raw);
	val_json(&raw, v);
	*load = (struct store_load){
		.op.arena = &job->arena,
		.tenant = job->tenant,
		.provider = str_of(m->provider),
		.chat = m->chat,
		.message_id = m->id,
		.job_id = job->id,
		.from_me = m->from_me,
		.answerable = may_be_answered(m) && !is_old(job, m),
		.in_group = m->where == CHAT_GROUP,
		.mentions = m->mentions,
		.mention_count = m->mention_count,
		.quoted_by = m->quoted.participant,
		.own_alt = m->participant_alt,
		.is_plain = m->is_plain && may_command(m),
		.lid = other_name(m, m->sender_lid, "@lid"),
		.phone = other_name(m, m->sender_pn, "@s.whatsapp.net"),
		.kind = str_of(m->kind),
		.text = m->text,
		.words = m->words,
		.raw = arena_str(&job->arena, buf_str(&raw)),
		.push_name = m->push_name,
		.verified_name = m->verified_name,
		.participant = author(&job->arena, m),
		.target = m->target.id.p ? m->target.id : m->quoted.id,
		.quoted = m->quoted.text,
		.emoji = m->emoji,
		.sent_us = m->sent_us,
		.from = from ? *from : origin_of(job),
		.attempt = job->attempt,
		.history_max = history_max,
		.debounce_ms = burst ? s->reply_debounce_ms : 0,
		.human_pause_min = s->human_pause_min,
		.replies_max = s->replies_max_hour,
	};
	buf_done(&raw);
	store_load(job->env->store, load, f);
}

int
record_error(struct job *job, const struct store_op *op)
{
	if (op->err == ERR_NO_TENANT)
		return job_fail(
			job, op->err, "unknown_tenant: %.*s", STR_FMT(job->tenant));
	return job_fail(job, op->err, "database: %s",
		op->words[0] ? op->words : err_text(op->err));
}

int
record_finish(struct job *job, const struct store_load *load)
{
	if (load->op.err < 0)
		return record_error(job, &load->op);
	if (load->merge_id)
		log_info("🪢 [WEBHOOK_JOB] two contacts are one person tenant=%.*s "
			 "audit=%lld",
			STR_FMT(job->tenant), (long long)load->merge_id);
	if (load->did)
		log_info("🙊 [WEBHOOK_JOB] %s tenant=%.*s conversation=%lld", load->did,
			STR_FMT(job->tenant), (long long)load->conversation_id);
	return 0;
}
