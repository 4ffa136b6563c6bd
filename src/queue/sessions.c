/* SPDX-License-Identifier: MIT */
/* sessions.c: the WhatsApp sessions of all tenants, as their gateways told. */
#include "queue/sessions.h"

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "base/clock.h"
#include "codec/session.h"
#include "codec/val.h"

void
sessions_tell(struct redis *r, struct redis_cmd *cmd, const struct sessions_word *w,
	redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_SESSION, 0, 6, done);
	redis_arg(r, w->tenant);
	redis_argz(r, session_state(w->said, w->reason));
	redis_arg(r, w->said);
	redis_arg(r, w->reason);
	redis_arg(r, w->name);
	redis_arg_date(r, clock_wall_us());
}

void
sessions_read(struct redis *r, struct redis_cmd *cmd, int64_t most, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_SESSIONS, 0, 1, done);
	redis_argi(r, most);
}

/* The states come as "state since". */
int64_t
sessions_count(const struct redisReply *all, const char *state)
{
	int64_t n = 0;

	for (size_t i = 1; redis_at(all, i); i += 2) {
		struct str rest = redis_text(redis_at(all, i));

		n += str_eqz(str_cut(&rest, ' '), state);
	}
	return n;
}

const struct redisReply *
sessions_all(const struct redisReply *reply)
{
	return redis_at(reply, 1);
}

bool
sessions_down(const struct redisReply *reply, size_t i, struct sessions_down *ret)
{
	const struct redisReply *row = redis_at(redis_at(reply, 2), i);
	int64_t now_s, since_s;

	if (!row)
		return false;
	*ret = (struct sessions_down){.tenant = redis_text(redis_at(row, 0)),
		.state = redis_text(redis_at(row, 1)),
		.reason = redis_text(redis_at(row, 3)),
		.said = redis_text(redis_at(row, 4))};
	if (str_int(redis_text(redis_at(reply, 0)), &now_s) == 0 &&
		str_int(redis_text(redis_at(row, 2)), &since_s) == 0 && since_s < now_s)
		ret->seconds = now_s - since_s;
	return true;
}

static void
down_json(const struct sessions_down *d, struct buf *out)
{
	buf_addz(out, "{\"tenant\":");
	json_quote(out, d->tenant);
	buf_addz(out, ",\"state\":");
	json_quote(out, d->state);
	buf_addf(out, ",\"seconds\":%lld,\"reason\":", (long long)d->seconds);
	json_quote(out, d->reason);
	buf_addz(out, ",\"said\":");
	json_quote(out, d->said);
	buf_addc(out, '}');
}

void
sessions_json(const struct redisReply *reply, struct buf *out)
{
	struct sessions_down d;

	buf_addz(out, "{\"sessions\":{");
	for (const char *const *s = session_states; *s; s++)
		buf_addf(out, "%s\"%s\":%lld", s == session_states ? "" : ",", *s,
			(long long)sessions_count(sessions_all(reply), *s));
	buf_addz(out, "},\"down\":[");
	for (size_t i = 0; sessions_down(reply, i, &d); i++) {
		if (i > 0)
			buf_addc(out, ',');
		down_json(&d, out);
	}
	buf_addz(out, "]}\n");
}
