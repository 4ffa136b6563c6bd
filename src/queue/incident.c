/* SPDX-License-Identifier: MIT */
/* incident.c: alerts that fire, in Redis. */
#include "queue/incident.h"

#include "base/buf.h"
#include "queue/lead.h"

#define OUTBOX "prosaas:alerts:outbox"

void
incident_change(struct redis *r, struct redis_cmd *cmd, const struct incident *i,
	redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_INCIDENT, 1, 6, done);
	redis_argz(r, LEAD_KEY);
	redis_argz(r, i->who);
	redis_argz(r, i->name);
	redis_argz(r, i->firing ? "firing" : "resolved");
	redis_arg(r, i->entry);
	redis_arg(r, i->notice);
}

void
incident_first(struct redis *r, struct redis_cmd *cmd, redis_done *done)
{
	redis_call(r, cmd, "LINDEX", 2, done);
	redis_argz(r, OUTBOX);
	redis_argz(r, "0");
}

void
incident_delivered(
	struct redis *r, struct redis_cmd *cmd, struct str notice, redis_done *done)
{
	redis_call(r, cmd, "LREM", 3, done);
	redis_argz(r, OUTBOX);
	redis_argz(r, "1");
	redis_arg(r, notice);
}

void
incident_list(struct redis *r, struct redis_cmd *cmd, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_INCIDENTS, 0, 0, done);
}

static void
add_list(const struct redisReply *list, struct buf *out)
{
	for (size_t i = 0; redis_at(list, i); i++) {
		if (i > 0)
			buf_addc(out, ',');
		buf_adds(out, redis_text(redis_at(list, i)));
	}
}

void
incident_list_json(const struct redisReply *reply, struct buf *out)
{
	buf_addz(out, "{\"alerts\":[");
	add_list(redis_at(reply, 0), out);
	buf_addz(out, "],\"recent\":[");
	add_list(redis_at(reply, 1), out);
	buf_addz(out, "]}\n");
}
