/* SPDX-License-Identifier: MIT */
/* update.c: one update of a message, written down.
 *
 *   receipt ---> received ---> change ---> changed ---> 0
 *      ^-----------' one status after another
 *
 * A receipt for a message that is not ours, or that we do not know, is counted and
 * that is all: to try again would not make it known. */
#include "job/update.h"

#include "base/err.h"
#include "base/flow.h"
#include "base/log.h"
#include "base/metrics.h"
#include "codec/rqjob.h"
#include "codec/val.h"
#include "job/job.h"
#include "job/message.h"
#include "job/record.h"
#include "store/store.h"

struct word { /* what a receipt says */
	const char *status;
	int64_t at_us; /* 0: it does not say when */
};

enum { WORDS_MAX = 3 }; /* a status, a delivery, a reading */

struct update {
	struct flow flow;
	struct job *job;
	const struct val *v;
	struct message m; /* key, and the edit or revoke, if it is one */
	bool is_change;
	struct word words[WORDS_MAX];
	size_t count, at;

	/* what we wait for, one at a time: */
	struct store_receipt receipt;
	struct store_load load;
};

static flow_step receipt, received, change, changed;

static struct update *
of(struct flow *f)
{
	return container_of(f, struct update, flow);
}

/* --- what it says ----------------------------------------------------------- */

/* Source: proto.WebMessageInfo.Status; PENDING (1) is no news. */
static const struct {
	int64_t number;
	const char *name, *status;
} statuses[] = {
	{0, "ERROR", "failed"},
	{2, "SERVER_ACK", "sent"},
	{3, "DELIVERY_ACK", "delivered"},
	{4, "READ", "read"},
	{5, "PLAYED", "read"},
};

static const char *
status_of(const struct val *v)
{
	int64_t number = val_int(v, -1);
	struct str name = val_text(v);

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (number == statuses[i].number || str_eqz(name, statuses[i].name))
			return statuses[i].status;
	return NULL;
}

static void
say(struct update *u, const char *status, int64_t at_us)
{
	u->words[u->count++] = (struct word){status, at_us};
}

static void
read_words(struct update *u)
{
	const struct val *update = val_get(u->v, "update");
	const struct val *r = val_get(u->v, "receipt");
	const char *status = status_of(val_get(update, "status"));
	int64_t delivered = message_time(val_get(r, "receiptTimestamp"));
	int64_t read = message_time(val_get(r, "readTimestamp"));

	if (!read)
		read = message_time(val_get(r, "playedTimestamp"));
	if (status)
		say(u, status, message_time(val_get(update, "messageTimestamp")));
	if (delivered)
		say(u, "delivered", delivered);
	if (read)
		say(u, "read", read);
}

/* The code of an ERROR: a number like 463, whatever else a peer may write there. */
static struct str
reason_of(struct update *u)
{
	const struct val *codes =
		val_get(val_get(u->v, "update"), "messageStubParameters");
	int64_t code = val_int(val_at(codes, 0), -1);

	if (code < 0)
		return STR("whatsapp: error");
	return arena_printf(&u->job->arena, "whatsapp: error %lld", (long long)code);
}

/* --- and is written down ------------------------------------------------------ */

static int
receipt(struct flow *f)
{
	struct update *u = of(f);

	if (u->at == u->count)
		return flow_goto(f, change);
	const struct word *w = &u->words[u->at++];
	if (!u->m.from_me) { /* of what we read ourselves */
		metric_add(M_RECEIPT_UNKNOWN, 1);
		return flow_goto(f, receipt);
	}
	u->receipt = (struct store_receipt){
		.op.arena = &u->job->arena,
		.tenant = u->job->tenant,
		.provider = str_of(u->m.provider),
		.chat = u->m.chat,
		.message_id = u->m.target.id,
		.key = val_text(val_get(val_get(u->v, "update"), "outboundKey")),
		.status = str_of(w->status),
		.at_us = w->at_us,
	};
	if (str_eqz(u->receipt.status, "failed"))
		u->receipt.reason = reason_of(u);
	store_receipt(u->job->env->store, &u->receipt, f);
	return flow_wait(f, received);
}

static int
received(struct flow *f)
{
	struct update *u = of(f);
	const struct store_receipt *r = &u->receipt;

	if (r->op.err < 0)
		return record_error(u->job, &r->op);
	if (r->row_id == 0) {
		metric_add(M_RECEIPT_UNKNOWN, 1);
		log_debug("[WEBHOOK_JOB] a receipt of an unknown message id=%s",
			log_safe(r->message_id));
	} else {
		metric_add(r->changed ? M_RECEIPT_NEW : M_RECEIPT_KNOWN, 1);
	}
	return flow_goto(f, receipt);
}

static int
change(struct flow *f)
{
	struct update *u = of(f);

	if (!u->is_change)
		return 0;
	record_start(u->job, &u->m, u->v, NULL, false, -1, &u->load, f);
	return flow_wait(f, changed);
}

static int
changed(struct flow *f)
{
	struct update *u = of(f);

	return record_finish(u->job, &u->load);
}

static void
done(struct flow *f, int err)
{
	struct update *u = of(f);

	u->job->step = f->name;
	job_end(u->job, err);
}

bool
update_wanted(const struct rqjob_call *call)
{
	const struct val *v = val_at(rqjob_arg(call, "messages", 1), 0);

	return v && !val_get(v, "message") &&
	       (val_get(v, "update") || val_get(v, "receipt"));
}

void
update_start(struct job *job, const struct rqjob_call *call)
{
	struct update *u = ARENA_NEW(&job->arena, struct update);

	u->job = job;
	u->v = val_at(rqjob_arg(call, "messages", 1), 0);
	log_debug("[WEBHOOK_JOB] update tenant=%s job_id=%s", log_safe(job->tenant),
		log_safe(job->id));
	int bad = message_read_update(&job->arena, u->v, &u->m, &u->is_change);
	if (bad < 0) {
		job_end(job, job_fail(job, bad, "unprocessable: no chat"));
		return;
	}
	read_words(u);
	flow_init(&u->flow, receipt, "receipt", done);
	flow_wake(&u->flow);
}
