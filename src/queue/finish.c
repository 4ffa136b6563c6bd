/* SPDX-License-Identifier: MIT */
/* finish.c: jobs end.  What can be recomputed is, once a turn, by on_turn(). */
#include "queue/finish.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "codec/rqjob.h"
#include "net/loop.h"
#include "queue/redis.h"

enum {
	ENDS_MAX = 256, /* ends a call: more would hold Redis for milliseconds */
	ARGS_HEAD = 4,
	ARGS_EACH = 8,
	REFUSED_PAUSE_MS = 1000, /* after an error reply: not in a hot loop */
};

struct ends { /* arguments for finish.lua, and the ids in the same order */
	struct buf args, ids;
	int count;
	int64_t worked_us;
	TAILQ_ENTRY(ends) next;
};

TAILQ_HEAD(ends_list, ends);

struct finish {
	struct redis *redis;
	const char *name;
	struct finish_events events;
	void *arg;
	struct loop_hook turn;
	struct redis_cmd cmd;
	struct ends_list waiting, spare; /* the first flies while `flying` */
	bool flying, last;
	int64_t pause_until_ms;
};

static struct ends *
open_ends(struct finish *f)
{
	struct ends *e = TAILQ_LAST(&f->waiting, ends_list);

	if (e && e->count < ENDS_MAX && !(f->flying && e == TAILQ_FIRST(&f->waiting)))
		return e;
	e = TAILQ_FIRST(&f->spare);
	if (e)
		TAILQ_REMOVE(&f->spare, e, next);
	else
		e = xcalloc(1, sizeof(*e));
	TAILQ_INSERT_TAIL(&f->waiting, e, next);
	return e;
}

/* The exception text is made only for ends that may need it: a retry may be the last.
 */
static void
add_exc(struct buf *out, const struct finish_job *j)
{
	struct buf exc;

	buf_init(&exc);
	if (j->how == FINISH_FAIL || j->how == FINISH_RETRY || j->how == FINISH_STOPPED)
		rqjob_exc(&exc, j->reason);
	redis_format(out, buf_str(&exc));
	buf_done(&exc);
}

static void
add_value(struct buf *out, struct str value)
{
	struct buf text;

	buf_init(&text);
	rqjob_base64(&text, value);
	redis_format(out, buf_str(&text));
	buf_done(&text);
}

void
finish_end(struct finish *f, const struct finish_job *j)
{
	static const char *const words[] = {
		"ok", "fail", "retry", "wait", "due", "back", "stopped"};
	struct ends *e = open_ends(f);

	redis_format(&e->args, j->id);
	redis_format(&e->args, j->queue);
	redis_format_int(&e->args, j->attempt);
	redis_format(&e->args, str_of(words[j->how]));
	redis_format_int(&e->args, j->how == FINISH_DUE ? j->delay_ms : j->delay_s);
	redis_format(&e->args, j->reason);
	add_exc(&e->args, j);
	add_value(&e->args, j->value);
	buf_adds(&e->ids, j->id);
	buf_addc(&e->ids, '\0');
	e->count++;
	e->worked_us += j->worked_us;
}

static void
take_words(struct finish *f, struct ends *e, const struct redisReply *reply)
{
	struct str ids = buf_str(&e->ids);

	for (int i = 0; i < e->count; i++)
		f->events.ended(f->arg, str_cut(&ids, '\0'),
			redis_text(redis_at(reply, (size_t)i + 1)));
	if (redis_int(redis_at(reply, 0), 0) > 0)
		f->events.released(f->arg);
}

static void
on_ended(struct redis_cmd *cmd)
{
	struct finish *f = container_of(cmd, struct finish, cmd);
	struct ends *e = TAILQ_FIRST(&f->waiting);

	f->flying = false;
	if (cmd->err < 0) { /* it flies again: an end recorded twice is fenced */
		if (!cmd->reply)
			return;
		log_warn("finish: %s", cmd->reply->str);
		f->pause_until_ms = clock_mono_ms() + REFUSED_PAUSE_MS;
		return;
	}
	TAILQ_REMOVE(&f->waiting, e, next);
	take_words(f, e, cmd->reply);
	buf_clear(&e->args, 1 << 16);
	buf_clear(&e->ids, 1 << 16);
	e->count = 0;
	e->worked_us = 0;
	TAILQ_INSERT_HEAD(&f->spare, e, next);
}

static void
send_ends(struct finish *f, struct ends *e)
{
	char worked[32];

	f->flying = true;
	redis_eval(f->redis, &f->cmd, SCRIPT_FINISH, 0,
		ARGS_HEAD + ARGS_EACH * e->count, on_ended);
	snprintf(worked, sizeof(worked), "%.6f", (double)e->worked_us / 1e6);
	redis_argz(f->redis, f->name);
	redis_arg_date(f->redis, clock_wall_us());
	redis_argi(f->redis, !f->last);
	redis_argz(f->redis, worked);
	redis_args_raw(f->redis, buf_str(&e->args));
}

static void
on_turn(struct loop_hook *h)
{
	struct finish *f = container_of(h, struct finish, turn);
	struct ends *e = TAILQ_FIRST(&f->waiting);

	if (e && !f->flying && redis_ready(f->redis) &&
		clock_mono_ms() >= f->pause_until_ms)
		send_ends(f, e);
}

struct finish *
finish_new(struct loop *l, struct redis *r, const char *name,
	const struct finish_events *events, void *arg)
{
	struct finish *f = xcalloc(1, sizeof(*f));

	f->redis = r;
	f->name = name;
	f->events = *events;
	f->arg = arg;
	TAILQ_INIT(&f->waiting);
	TAILQ_INIT(&f->spare);
	f->turn.run = on_turn;
	loop_each_turn(l, &f->turn);
	return f;
}

bool
finish_idle(const struct finish *f)
{
	return TAILQ_EMPTY(&f->waiting);
}

void
finish_last(struct finish *f)
{
	f->last = true;
}
