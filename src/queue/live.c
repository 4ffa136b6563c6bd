/* SPDX-License-Identifier: MIT */
/* live.c: the worker as others see it, and the leases of what it runs. */
#include "queue/live.h"

#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/settings.h"
#include "codec/json.h"
#include "codec/val.h"
#include "net/loop.h"
#include "queue/redis.h"
#include "queue/sessions.h"
#include "version.h"

enum {
	KEY_LIFE_S = 60, /* of the worker's key without a heartbeat */
	REGISTER_MS = 60000,
	AGAIN_MS = 1000, /* after an error */
	PING_MS = 30000, /* of the subscription: nothing else would notice it is dead */
	DEADLINE_MS = 5000,
	ARGS_HEAD = 12,
	ARGS_EACH = 3,
	COMMAND_NODES = 20,
};

struct live {
	const struct settings *s;
	struct redis *redis, *subscribed;
	const char *name;
	struct live_events events;
	void *arg;
	char birth[CLOCK_ISO_SIZE], hostname[256], channel[384];
	const char *channels[4];

	struct loop_hook turn;
	uv_timer_t tick;
	enum live_state state;
	struct redis_cmd renew_cmd, ping_cmd, bury_cmd;
	bool renewing, pinging, buried, burying;
	int64_t renewed_ms, renew_at_ms, register_at_ms, ping_at_ms;

	struct buf jobs, current; /* of the renewal being made */
	int job_count;

	void (*bury_done)(void *);
	void *bury_arg;
};

/* --- renewing ------------------------------------------------------------- */

void
live_renewing(struct live *l, struct str id, struct str queue, int64_t attempt)
{
	if (l->job_count == 0)
		buf_adds(&l->current, id);
	redis_format(&l->jobs, id);
	redis_format(&l->jobs, queue);
	redis_format_int(&l->jobs, attempt);
	l->job_count++;
}

static void
on_renewed(struct redis_cmd *cmd)
{
	struct live *l = container_of(cmd, struct live, renew_cmd);

	l->renewing = false;
	if (cmd->err < 0) {
		l->renew_at_ms = clock_mono_ms() + AGAIN_MS;
		l->register_at_ms = 0;
		return;
	}
	for (size_t i = 0; redis_at(cmd->reply, i); i++)
		l->events.lost(l->arg, redis_text(redis_at(cmd->reply, i)));
}

static void
renew(struct live *l, int64_t now_ms)
{
	static const char *const states[] = {"idle", "busy", "suspended"};
	bool again = now_ms >= l->register_at_ms;

	buf_clear(&l->jobs, 1 << 16);
	buf_clear(&l->current, 1 << 10);
	l->job_count = 0;
	l->events.each(l->arg, l);

	l->renewing = true;
	l->renewed_ms = now_ms;
	l->renew_at_ms = now_ms + (l->job_count > 0 ? LIVE_BUSY_MS : LIVE_IDLE_MS);
	if (again)
		l->register_at_ms = now_ms + REGISTER_MS;
	redis_eval(l->redis, &l->renew_cmd, SCRIPT_RENEW, 0,
		ARGS_HEAD + ARGS_EACH * l->job_count, on_renewed);
	redis_argz(l->redis, l->name);
	redis_arg_date(l->redis, clock_wall_us());
	redis_argi(l->redis, LIVE_LEASE_S);
	redis_argi(l->redis, KEY_LIFE_S);
	redis_argi(l->redis, again);
	redis_argz(l->redis, states[l->state]);
	redis_arg(l->redis, buf_str(&l->current));
	redis_argz(l->redis, l->s->rq_queues);
	redis_argz(l->redis, l->birth);
	redis_argi(l->redis, getpid());
	redis_argz(l->redis, l->hostname);
	redis_argz(l->redis, PROSAAS_VERSION);
	redis_args_raw(l->redis, buf_str(&l->jobs));
}

void
live_is(struct live *l, enum live_state state)
{
	int64_t soon_ms = l->renewed_ms + LIVE_SOON_MS;

	if (l->state == state)
		return;
	l->state = state;
	if (soon_ms < l->renew_at_ms)
		l->renew_at_ms = soon_ms;
}

/* --- commands ------------------------------------------------------------- */

static void
obey(struct live *l, const struct val *v)
{
	struct str word = val_text(val_get(v, "command"));
	struct str id = val_text(val_get(v, "job_id"));

	if (str_eqz(word, "shutdown"))
		l->events.shutdown(l->arg);
	else if (str_eqz(word, "kill-horse"))
		l->events.stop(l->arg, (struct str){0});
	else if (str_eqz(word, "newcomer"))
		l->events.newcomer(l->arg, id);
	else if (str_eqz(word, "stop-job") && id.n)
		l->events.stop(l->arg, id);
}

static void
on_message(void *arg, struct str channel, struct str payload)
{
	struct live *l = arg;
	struct arena a;
	struct val *v;
	char why[128];

	if (str_eqz(channel, LIVE_WAKE)) {
		if (!str_eqz(payload, l->name)) /* our own call to others */
			l->events.wake(l->arg);
		return;
	}
	if (str_eqz(channel, SESSIONS_RESUME)) {
		l->events.resume(l->arg, payload);
		return;
	}
	arena_init(&a);
	if (json_parse(&a, payload, COMMAND_NODES, &v, why) == 0)
		obey(l, v);
	arena_done(&a);
}

static void
on_pong(struct redis_cmd *cmd)
{
	container_of(cmd, struct live, ping_cmd)->pinging = false;
}

static void
ping(struct live *l, int64_t now_ms)
{
	l->pinging = true;
	l->ping_at_ms = now_ms + PING_MS;
	redis_call(l->subscribed, &l->ping_cmd, "PING", 0, on_pong);
}

static void bury(struct live *l);

/* --- life ----------------------------------------------------------------- */

static void
on_turn(struct loop_hook *h)
{
	struct live *l = container_of(h, struct live, turn);
	int64_t now_ms = clock_mono_ms();

	if (l->buried) {
		if (!l->burying && redis_ready(l->redis))
			bury(l);
		return;
	}
	if (!l->renewing && redis_ready(l->redis) && now_ms >= l->renew_at_ms)
		renew(l, now_ms);
	if (!l->pinging && redis_ready(l->subscribed) && now_ms >= l->ping_at_ms)
		ping(l, now_ms);
}

/* Nothing to do here: a tick only makes the loop turn, and on_turn() looks. */
static void
on_tick(uv_timer_t *t)
{
	(void)t;
}

/* What was published while the subscription was away is made up for by a look. */
static void
on_subscribed(void *arg)
{
	struct live *l = arg;

	l->events.wake(l->arg);
}

static void
subscribe(struct live *l, struct loop *loop)
{
	struct redis_options o = {.url = l->s->redis_url,
		.name = l->name,
		.deadline_ms = DEADLINE_MS,
		.on_ready = on_subscribed,
		.channels = l->channels,
		.on_message = on_message,
		.arg = l};

	snprintf(l->channel, sizeof(l->channel), "rq:pubsub:%s", l->name);
	l->channels[0] = l->channel;
	l->channels[1] = LIVE_WAKE;
	l->channels[2] = SESSIONS_RESUME;
	l->subscribed = redis_new(loop, &o);
}

struct live *
live_new(struct loop *loop, const struct settings *s, struct redis *r, const char *name,
	const struct live_events *events, void *arg)
{
	struct live *l = xcalloc(1, sizeof(*l));

	l->s = s;
	l->redis = r;
	l->name = name;
	l->events = *events;
	l->arg = arg;
	clock_iso(l->birth, clock_wall_us());
	gethostname(l->hostname, sizeof(l->hostname) - 1);
	l->ping_at_ms = clock_mono_ms() + PING_MS;
	l->turn.run = on_turn;
	loop_each_turn(loop, &l->turn);
	uv_timer_init(&loop->uv, &l->tick);
	uv_timer_start(&l->tick, on_tick, LIVE_SOON_MS, LIVE_SOON_MS);
	subscribe(l, loop);
	return l;
}

static void
on_buried(struct redis_cmd *cmd)
{
	struct live *l = container_of(cmd, struct live, bury_cmd);

	l->burying = false;
	if (cmd->err == 0)
		l->bury_done(l->bury_arg);
}

/* Again for as long as the caller waits: a worker that stops while Redis restarts
 * would be taken for a living one until its heartbeat is old. */
static void
bury(struct live *l)
{
	l->burying = true;
	redis_eval(l->redis, &l->bury_cmd, SCRIPT_BURY, 0, 3, on_buried);
	redis_argz(l->redis, l->name);
	redis_arg_date(l->redis, clock_wall_us());
	redis_argz(l->redis, l->s->rq_queues);
}

void
live_bury(struct live *l, void (*done)(void *), void *arg)
{
	l->buried = true;
	l->bury_done = done;
	l->bury_arg = arg;
	if (redis_ready(l->redis))
		bury(l);
}
