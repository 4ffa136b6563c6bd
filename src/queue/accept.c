/* SPDX-License-Identifier: MIT */
/* accept.c: the messages of a webhook become jobs. */
#include "queue/accept.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/settings.h"
#include "codec/rqjob.h"
#include "codec/trace.h"
#include "codec/webhook.h"

#define QUEUE "default"

static struct str
from_me_digit(const struct webhook_msg *m)
{
	return m->from_me ? STR("1") : STR("0");
}

/* Chat and id are a peer's bytes, NUL among them. */
static void
name_message(struct accept *a, size_t i, struct enqueue_msg *out)
{
	const struct webhook_msg *m = &a->w->msgs[i];
	struct str tenant = a->w->tenant, from_me = from_me_digit(m);
	struct str id[] = {tenant, str_of(m->provider), m->chat, from_me, m->id};
	struct str key[] = {
		STR("job_lock:webhook:"), str_of(m->provider), STR(":"), m->id};
	struct str lane[] = {tenant, STR(":"), m->chat};
	struct str field[] = {tenant, STR("|"), m->chat, STR("|"), from_me,
		m->stub ? STR("|stub") : STR("")};
	char digest[DIGEST_ID_SIZE];

	digest_id(id, ARRAY_LEN(id), digest);
	out->job_id = a->job_ids[i] =
		arena_printf(a->arena, "wh_%s%s", digest, m->stub ? "-stub" : "");
	out->lock_key = arena_join(a->arena, key, ARRAY_LEN(key));
	out->lock_field = arena_join(a->arena, field, ARRAY_LEN(field));
	if (!m->from_me)
		out->lane = arena_join(a->arena, lane, ARRAY_LEN(lane));
}

/* A message has many updates, each once.  Their lock is not the message's: there a
 * Python api would take it for the message. */
static void
name_update(struct accept *a, size_t i, struct enqueue_msg *out)
{
	const struct webhook_msg *m = &a->w->msgs[i];
	struct str tenant = a->w->tenant, from_me = from_me_digit(m);
	struct str id[] = {tenant, str_of(m->provider), m->chat, from_me, m->id,
		STR("update"), m->raw};
	struct str key[] = {
		STR("job_lock:webhook:"), str_of(m->provider), STR(":update:"), m->id};
	char digest[DIGEST_ID_SIZE];

	digest_id(id, ARRAY_LEN(id), digest);
	struct str field[] = {tenant, STR("|"), m->chat, STR("|"), from_me,
		STR("|update|"), str_of(digest)};
	out->job_id = a->job_ids[i] = arena_printf(a->arena, "wh_%s-update", digest);
	out->lock_key = arena_join(a->arena, key, ARRAY_LEN(key));
	out->lock_field = arena_join(a->arena, field, ARRAY_LEN(field));
}

static void
name_one(struct accept *a, size_t i, struct enqueue_msg *out)
{
	const struct webhook_msg *m = &a->w->msgs[i];

	if (m->update)
		name_update(a, i, out);
	else
		name_message(a, i, out);
	out->description = arena_printf(a->arena,
		"webhook_process_job tenant=%.*s %s=%s", STR_FMT(a->w->tenant),
		m->update ? "update_of" : "msg_id", log_safe(m->id));
}

static struct str
trace_for(const struct accept *a)
{
	char hex[TRACE_ID_SIZE];

	if (a->trace.p)
		return a->trace;
	digest_random_hex(sizeof(hex) - 1, hex);
	return arena_str(a->arena, str_of(hex));
}

const char *
accept_reason(const struct accept *a, size_t i)
{
	const char *unfit = a->w->msgs[i].unfit;

	return unfit ? unfit : "limits";
}

/* encode makes the data of message i's job.  Of a message that no worker could read
 * it holds no more than a null: the dead letter has the bytes elsewhere. */
static int
encode(const struct accept *a, size_t i, struct buf *data)
{
	bool as_json = strcmp(a->s->rq_serializer, "json") == 0;
	struct str func = str_of(a->s->job_function), tenant = a->w->tenant;

	buf_clear(data, 1 << 20);
	int bad = rqjob_webhook(data, as_json, func, tenant, a->w->msgs[i].raw);
	if (bad < 0) {
		int none = rqjob_webhook(data, as_json, func, tenant, STR("null"));
		assert(none == 0);
	}
	return bad;
}

void
accept_messages(struct accept *a, enqueue_done *done, void *arg)
{
	static struct buf data; /* scratch: enqueue_add() copies */

	a->job_ids = arena_alloc(a->arena, a->w->count * sizeof(struct str));
	a->traces = arena_alloc(a->arena, a->w->count * sizeof(struct str));
	for (size_t i = 0; i < a->w->count; i++) {
		const struct webhook_msg *m = &a->w->msgs[i];
		struct enqueue_msg out = {.queue = STR(QUEUE),
			.tenant = a->w->tenant,
			.split_from = a->split_from};

		name_one(a, i, &out);
		out.trace = a->traces[i] = trace_for(a);
		int bad = encode(a, i, &data);
		if (m->unfit || bad < 0) {
			out.dead_reason = arena_printf(
				a->arena, "unprocessable: %s", accept_reason(a, i));
			out.raw = m->raw;
		}
		out.data = buf_str(&data);
		enqueue_add(a->enqueue, &out, done, arg, i);
	}
}
