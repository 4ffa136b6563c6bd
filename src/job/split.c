/* SPDX-License-Identifier: MIT */
/* split.c: a job that a Python api enqueued becomes one job a message.
 *
 *   messages as a webhook's body ---> webhook_scan ---> accept_messages ---> 0
 *
 * Such a job may hold messages of several chats and has no lane, so it can keep no
 * order.  Its messages go through the door's own code and get our ids, lanes and
 * dedupe.  Nothing is lost or doubled when the worker dies in between: a message
 * that is queued already is a duplicate for the next attempt. */
#include "job/split.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "codec/json.h"
#include "codec/rqjob.h"
#include "codec/val.h"
#include "codec/webhook.h"
#include "job/job.h"
#include "queue/accept.h"

struct split {
	struct job *job;
	struct webhook w;
	struct accept accept;
	size_t pending;
	int err;
};

bool
split_wanted(const struct job *job)
{
	return job->tenant.n == 0 && job->env->enqueue;
}

static int
keep_outcome(struct split *sp, size_t i, enum enqueue_outcome outcome, struct str words)
{
	switch (outcome) {
	case ENQUEUE_OK:
		metric_add(M_MSG_ENQUEUED, 1);
		return 0;
	case ENQUEUE_DUPLICATE:
		metric_add(M_MSG_DUPLICATE, 1);
		return 0;
	case ENQUEUE_DEAD:
		metric_add(M_MSG_DEAD, 1);
		metric_add(M_DEAD_UNPROCESSABLE, 1);
		log_warn("☠️ Dead-lettered webhook tenant=%.*s job_id=%.*s "
			 "reason=unprocessable: %s",
			STR_FMT(sp->w.tenant), STR_FMT(sp->accept.job_ids[i]),
			accept_reason(&sp->accept, i));
		return 0;
	case ENQUEUE_FULL:
	case ENQUEUE_ERROR:
	case ENQUEUE_UNAVAILABLE:
		break;
	}
	return job_fail(sp->job, ERR_UNAVAILABLE, "split: message %zu: %.*s", i + 1,
		STR_FMT(words.n ? words : STR("no answer from Redis")));
}

static void
on_outcome(void *arg, size_t i, enum enqueue_outcome outcome, struct str words)
{
	struct split *sp = arg;
	int err = keep_outcome(sp, i, outcome, words);

	if (err < 0)
		sp->err = err;
	if (--sp->pending == 0)
		job_end(sp->job, sp->err);
}

static struct str
as_body(struct job *job, const struct rqjob_call *call)
{
	const struct val *tenant = rqjob_arg(call, "tenant_id", 0);
	const struct val *messages = rqjob_arg(call, "messages", 1);
	struct buf b;

	if (!tenant || !messages)
		return STR("");
	buf_init(&b);
	buf_addz(&b, "{\"tenantId\":");
	val_json(&b, tenant);
	buf_addz(&b, ",\"payload\":{\"messages\":");
	val_json(&b, messages);
	buf_addz(&b, "}}");

	struct str body = arena_str(&job->arena, buf_str(&b));
	buf_done(&b);
	return body;
}

void
split_start(struct job *job, const struct rqjob_call *call)
{
	struct split *sp = ARENA_NEW(&job->arena, struct split);
	struct str body = as_body(job, call);
	char why[128] = "no tenant_id and messages";

	sp->job = job;
	if (body.n == 0 || webhook_scan(&job->arena, body, &sp->w, why) < 0) {
		job_end(job,
			job_fail(job, ERR_UNPROCESSABLE, "unprocessable: %s", why));
		return;
	}
	log_info("🚀 [WEBHOOK_JOB] tenant=%.*s messages=%zu job_id=%s: one job each",
		STR_FMT(sp->w.tenant), sp->w.count, log_safe(job->id));
	sp->pending = sp->w.count;
	if (sp->w.count == 0) {
		job_end(job, 0);
		return;
	}
	sp->accept = (struct accept){.s = job->env->s,
		.enqueue = job->env->enqueue,
		.arena = &job->arena,
		.w = &sp->w,
		.split_from = job->id,
		.trace = sp->w.count == 1 ? job->trace : (struct str){NULL, 0}};
	accept_messages(&sp->accept, on_outcome, sp);
}
