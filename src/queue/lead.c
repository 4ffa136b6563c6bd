/* SPDX-License-Identifier: MIT */
/* lead.c: one of several schedulers leads, and acts. */
#include "queue/lead.h"

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "codec/rqjob.h"
#include "net/loop.h"
#include "queue/checkup.h"
#include "queue/redis.h"

enum {
	DEADLINE_MS = 5000,
	SWEEP_MAX = 500, /* ids per registry and act: bounds the stall of Redis */
	PRUNE_EVERY_MS = 3600000, /* a killed worker's name costs little */
};

struct lead {
	struct lead_events events;
	void *arg;
	struct redis *redis;
	struct redis_cmd lead_cmd, sweep_cmd, prune_cmd, resign_cmd;
	uv_timer_t tick;
	struct lead_once act;
	int64_t running_since_ms; /* on our monotonic clock */
	int64_t prune_at_ms;      /* likewise */
	bool leading, asking, sweeping, pruning, quitting;
	void (*quit_done)(void *);
	void *quit_arg;
};

/* --- the three acts ----------------------------------------------------------- */

void
lead_once_init(struct lead_once *o, const struct settings *s)
{
	*o = (struct lead_once){.s = s};
	digest_random_hex(sizeof(o->token) - 1, o->token);
	rqjob_exc(&o->exc, STR("poison: its worker died each time it ran this job"));
}

void
lead_once_done(struct lead_once *o)
{
	buf_done(&o->exc);
}

void
lead_once_take(
	struct lead_once *o, struct redis *r, struct redis_cmd *cmd, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_LEAD, 2, 5, done);
	redis_argz(r, LEAD_KEY);
	redis_argz(r, LEAD_RUNNING_KEY);
	redis_argz(r, o->token);
	redis_argi(r, LEAD_LIFE_MS);
	redis_argi(r, LEAD_GAP_MS);
}

void
lead_once_sweep(
	struct lead_once *o, struct redis *r, struct redis_cmd *cmd, redis_done *done)
{
	redis_eval(
		r, cmd, SCRIPT_SWEEP, 1, 7 + redis_count_names(o->s->rq_queues), done);
	redis_argz(r, LEAD_KEY);
	redis_argz(r, o->token);
	redis_arg_date(r, clock_wall_us());
	redis_argi(r, SWEEP_MAX);
	redis_argi(r, LEAD_CRASHES_MAX);
	redis_arg(r, buf_str(&o->exc));
	redis_argz(r, LEAD_RQ_OWNER);
	redis_arg_names(r, o->s->rq_queues);
}

void
lead_once_resign(
	struct lead_once *o, struct redis *r, struct redis_cmd *cmd, redis_done *done)
{
	redis_eval(
		r, cmd, SCRIPT_RESIGN, 1, 3 + redis_count_names(o->s->rq_queues), done);
	redis_argz(r, LEAD_KEY);
	redis_argz(r, o->token);
	redis_argz(r, LEAD_RQ_OWNER);
	redis_arg_names(r, o->s->rq_queues);
}

/* --- a scheduler's life --------------------------------------------------------- */

static void
set_leading(struct lead *l, bool leading)
{
	if (l->leading == leading)
		return;
	l->leading = leading;
	l->events.leads(l->arg, leading);
}

static void
on_swept(struct redis_cmd *cmd)
{
	struct lead *l = container_of(cmd, struct lead, sweep_cmd);

	l->sweeping = false;
	if (cmd->err < 0) {
		if (cmd->reply)
			log_warn("sweep: %s", cmd->reply->str);
		return;
	}
	if (cmd->reply->type != REDIS_REPLY_ARRAY) {
		set_leading(l, false);
		return;
	}
	l->events.swept(l->arg, redis_int(redis_at(cmd->reply, 0), 0),
		redis_int(redis_at(cmd->reply, 1), 0),
		redis_int(redis_at(cmd->reply, 2), 0),
		redis_int(redis_at(cmd->reply, 3), 0));
}

static void
sweep(struct lead *l)
{
	l->sweeping = true;
	lead_once_sweep(&l->act, l->redis, &l->sweep_cmd, on_swept);
}

static void
on_pruned(struct redis_cmd *cmd)
{
	struct lead *l = container_of(cmd, struct lead, prune_cmd);

	l->pruning = false;
	if (cmd->err == 0)
		l->prune_at_ms = clock_mono_ms() + PRUNE_EVERY_MS;
}

/* A worker that is killed leaves its name in sets that have no end.  Pruning twice does
 * no harm, so no token is checked. */
static void
prune(struct lead *l)
{
	if (l->pruning || clock_mono_ms() < l->prune_at_ms)
		return;
	l->pruning = true;
	checkup_prune(l->redis, &l->prune_cmd, l->act.s->rq_queues, on_pruned);
}

static void
on_asked(struct redis_cmd *cmd)
{
	struct lead *l = container_of(cmd, struct lead, lead_cmd);

	l->asking = false;
	if (cmd->err == 0)
		l->running_since_ms =
			clock_mono_ms() - redis_int(redis_at(cmd->reply, 1), 0);
	set_leading(l, cmd->err == 0 && redis_int(redis_at(cmd->reply, 0), 0) == 1);
	if (!l->leading || l->quitting)
		return;
	if (!l->sweeping)
		sweep(l);
	prune(l);
}

static void
on_tick(uv_timer_t *t)
{
	struct lead *l = t->data;

	if (l->asking || l->quitting)
		return;
	l->asking = true;
	lead_once_take(&l->act, l->redis, &l->lead_cmd, on_asked);
}

struct lead *
lead_new(struct loop *loop, const struct settings *s, const struct lead_events *events,
	void *arg)
{
	struct lead *l = xcalloc(1, sizeof(*l));
	struct redis_options o = {.url = s->redis_url,
		.name = "prosaas-scheduler",
		.deadline_ms = DEADLINE_MS};

	lead_once_init(&l->act, s);
	l->running_since_ms = clock_mono_ms();
	l->events = *events;
	l->arg = arg;
	l->redis = redis_new(loop, &o);
	uv_timer_init(&loop->uv, &l->tick);
	l->tick.data = l;
	uv_timer_start(&l->tick, on_tick, 1, LEAD_EVERY_MS);
	return l;
}

const char *
lead_trouble(const struct lead *l)
{
	return redis_trouble(l->redis);
}

int64_t
lead_running_ms(const struct lead *l)
{
	return clock_mono_ms() - l->running_since_ms;
}

struct redis *
lead_redis(struct lead *l)
{
	return l->redis;
}

const char *
lead_token(const struct lead *l)
{
	return l->act.token;
}

static void
on_resigned(struct redis_cmd *cmd)
{
	struct lead *l = container_of(cmd, struct lead, resign_cmd);

	l->quit_done(l->quit_arg);
}

void
lead_quit(struct lead *l, void (*done)(void *), void *arg)
{
	l->quitting = true;
	l->quit_done = done;
	l->quit_arg = arg;
	lead_once_resign(&l->act, l->redis, &l->resign_cmd, on_resigned);
}
