/* SPDX-License-Identifier: MIT */
/* claim.c: jobs, from the queue to a worker and back.
 *
 *           room and not dry              short reply: dry
 *   idle ------------------> claiming ------------------> blocked (one BLMOVE a queue)
 *    ^                          | full reply                |
 *    `--------------------------'<--------------------------' an id moved, or
 * CLAIM_IDLE_S
 *
 * Everything that can be recomputed is, once a turn, by on_turn(). */
#include "queue/claim.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "codec/rqjob.h"
#include "net/loop.h"
#include "queue/redis.h"

enum {
	CLAIM_MAX = 64, /* jobs a call: more would hold Redis for a millisecond */
	QUEUES_MAX = 32,
	DEADLINE_MS = 5000,
	BLOCK_S = 20,
	TICK_MS = 1000,
	WORKER_LIFE_S = 60, /* of the worker's key without a heartbeat */
	ENDS_MAX = 256,     /* ends a call */
};

struct waiter { /* one blocked connection per queue */
	struct claim *c;
	struct redis *redis;
	struct redis_cmd cmd;
	char queue[128], from[160], to[160];
	bool armed;
};

struct ends { /* arguments for finish.lua, and the ids in the same order */
	struct buf args, ids;
	int count;
};

struct claim {
	struct loop *loop;
	const struct settings *s;
	const char *name;
	struct claim_events events;
	void *arg;
	struct redis *redis;
	struct loop_hook turn;
	uv_timer_t tick;

	struct waiter waiters[QUEUES_MAX];
	int queue_count;
	char birth[CLOCK_ISO_SIZE], hostname[256];

	struct redis_cmd claim_cmd;
	bool claiming, dry, stopped;
	int asked;
	int64_t pause_until_ms; /* after an error reply: not in a hot loop */

	struct redis_cmd end_cmd;
	struct ends collecting, flying;
	bool ending;
	int64_t end_pause_until_ms;

	struct redis_cmd renew_cmd;
	bool renewing;
	int64_t renew_at_ms, look_at_ms;
	struct buf renewals;
	int renewal_count;

	struct redis_cmd bury_cmd;
	bool quitting, burying;
	void (*quit_done)(void *);
	void *quit_arg;
};

static void
arg_now(struct claim *c)
{
	char now[CLOCK_ISO_SIZE];

	clock_iso(now, clock_wall_us());
	redis_argz(c->redis, now);
}

/* --- claiming ------------------------------------------------------------- */

static void
take_job(struct claim *c, const struct redisReply *row)
{
	struct claim_job j = {
		.id = redis_text(redis_at(row, 0)),
		.queue = redis_text(redis_at(row, 1)),
		.data = redis_text(redis_at(row, 2)),
		.attempt = redis_int(redis_at(row, 3), 1),
		.timeout = redis_text(redis_at(row, 4)),
		.enqueued_at = redis_text(redis_at(row, 5)),
		.tenant = redis_text(redis_at(row, 6)),
	};

	c->events.job(c->arg, &j);
}

static void
on_claimed(struct redis_cmd *cmd)
{
	struct claim *c = container_of(cmd, struct claim, claim_cmd);

	c->claiming = false;
	if (cmd->err < 0) {
		if (cmd->reply)
			log_warn("claim: %s", cmd->reply->str);
		c->pause_until_ms = clock_mono_ms() + TICK_MS;
		return;
	}

	size_t got = cmd->reply->type == REDIS_REPLY_ARRAY ? cmd->reply->elements : 0;
	c->dry = got < (size_t)c->asked;
	for (size_t i = 0; i < got; i++)
		take_job(c, cmd->reply->element[i]);
}

static void
claim_now(struct claim *c, int room)
{
	c->claiming = true;
	c->asked = room < CLAIM_MAX ? room : CLAIM_MAX;
	redis_eval(c->redis, &c->claim_cmd, SCRIPT_CLAIM, 0, 4 + c->queue_count,
		on_claimed);
	redis_argz(c->redis, c->name);
	arg_now(c);
	redis_argi(c->redis, CLAIM_LEASE_S);
	redis_argi(c->redis, c->asked);
	for (int i = 0; i < c->queue_count; i++)
		redis_argz(c->redis, c->waiters[i].queue);
}

static void
on_moved(struct redis_cmd *cmd)
{
	struct waiter *w = container_of(cmd, struct waiter, cmd);

	w->armed = false;
	if (cmd->err == 0 && cmd->reply->type == REDIS_REPLY_STRING)
		w->c->dry = false;
	else if (cmd->err == ERR_REMOTE)
		log_debug("queue %s: %s", w->queue, cmd->reply->str);
}

static void
arm(struct waiter *w)
{
	w->armed = true;
	redis_call(w->redis, &w->cmd, "BLMOVE", 5, on_moved);
	redis_deadline(&w->cmd, BLOCK_S * 1000 + DEADLINE_MS);
	redis_argz(w->redis, w->from);
	redis_argz(w->redis, w->to);
	redis_argz(w->redis, "LEFT");
	redis_argz(w->redis, "RIGHT");
	redis_argi(w->redis, BLOCK_S);
}

/* --- ending --------------------------------------------------------------- */

static void
ends_clear(struct ends *e)
{
	buf_clear(&e->args, 1 << 16);
	buf_clear(&e->ids, 1 << 16);
	e->count = 0;
}

void
claim_end(struct claim *c, struct str id, struct str queue, int64_t attempt,
	enum claim_end how, int64_t delay_s, struct str reason)
{
	static const char *const words[] = {"ok", "fail", "retry", "back", "wait"};
	struct ends *e = &c->collecting;
	struct buf exc;
	char number[24];

	buf_init(&exc);
	if (how == CLAIM_FAIL || how == CLAIM_RETRY || how == CLAIM_WAIT)
		rqjob_exc(&exc, reason);
	redis_format(&e->args, id);
	redis_format(&e->args, queue);
	snprintf(number, sizeof(number), "%lld", (long long)attempt);
	redis_format(&e->args, str_of(number));
	redis_format(&e->args, str_of(words[how]));
	snprintf(number, sizeof(number), "%lld", (long long)delay_s);
	redis_format(&e->args, str_of(number));
	redis_format(&e->args, reason);
	redis_format(&e->args, buf_str(&exc));
	buf_adds(&e->ids, id);
	buf_addc(&e->ids, '\0');
	e->count++;
	buf_done(&exc);
}

static void
on_ended(struct redis_cmd *cmd)
{
	struct claim *c = container_of(cmd, struct claim, end_cmd);
	struct str ids = buf_str(&c->flying.ids);

	c->ending = false;
	if (cmd->err < 0) { /* they fly again: an end recorded twice is fenced */
		if (cmd->reply)
			log_warn("finish: %s", cmd->reply->str);
		c->end_pause_until_ms = clock_mono_ms() + (cmd->reply ? TICK_MS : 0);
		return;
	}
	for (int i = 0; i < c->flying.count; i++)
		c->events.ended(c->arg, str_cut(&ids, '\0'),
			redis_text(redis_at(cmd->reply, (size_t)i)));
	ends_clear(&c->flying);
}

static void
send_ends(struct claim *c)
{
	if (c->flying.count == 0) {
		struct ends swap = c->flying;

		c->flying = c->collecting;
		c->collecting = swap;
	}
	c->ending = true;
	redis_eval(c->redis, &c->end_cmd, SCRIPT_FINISH, 0, 2 + 7 * c->flying.count,
		on_ended);
	redis_argz(c->redis, c->name);
	arg_now(c);
	redis_args_raw(c->redis, buf_str(&c->flying.args));
}

/* --- living --------------------------------------------------------------- */

void
claim_renewing(struct claim *c, struct str id, struct str queue, int64_t attempt)
{
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)attempt);
	redis_format(&c->renewals, id);
	redis_format(&c->renewals, queue);
	redis_format(&c->renewals, str_of(number));
	c->renewal_count++;
}

static void
on_renewed(struct redis_cmd *cmd)
{
	struct claim *c = container_of(cmd, struct claim, renew_cmd);

	c->renewing = false;
	if (cmd->err < 0) {
		c->renew_at_ms = clock_mono_ms() + TICK_MS;
		return;
	}
	for (size_t i = 0; redis_at(cmd->reply, i); i++)
		c->events.lost(c->arg, redis_text(redis_at(cmd->reply, i)));
}

static void
renew(struct claim *c)
{
	buf_clear(&c->renewals, 1 << 16);
	c->renewal_count = 0;
	c->events.each(c->arg, c);

	c->renewing = true;
	c->renew_at_ms = clock_mono_ms() + CLAIM_RENEW_MS;
	redis_eval(c->redis, &c->renew_cmd, SCRIPT_RENEW, 0, 10 + 3 * c->renewal_count,
		on_renewed);
	redis_argz(c->redis, c->name);
	arg_now(c);
	redis_argi(c->redis, CLAIM_LEASE_S);
	redis_argi(c->redis, WORKER_LIFE_S);
	redis_argz(c->redis, c->renewal_count > 0 ? "busy" : "idle");
	redis_argz(c->redis, c->s->rq_queues);
	redis_argz(c->redis, c->birth);
	redis_argi(c->redis, getpid());
	redis_argz(c->redis, c->hostname);
	redis_argz(c->redis, PROSAAS_VERSION);
	redis_args_raw(c->redis, buf_str(&c->renewals));
}

static void
on_buried(struct redis_cmd *cmd)
{
	struct claim *c = container_of(cmd, struct claim, bury_cmd);

	c->quit_done(c->quit_arg);
}

static void
bury(struct claim *c)
{
	c->burying = true;
	redis_eval(c->redis, &c->bury_cmd, SCRIPT_BURY, 0, 3, on_buried);
	redis_argz(c->redis, c->name);
	arg_now(c);
	redis_argz(c->redis, c->s->rq_queues);
}

/* --- each turn ------------------------------------------------------------ */

static void
seek_jobs(struct claim *c, int64_t now_ms)
{
	if (c->stopped || c->claiming || now_ms < c->pause_until_ms)
		return;
	if (now_ms >=
		c->look_at_ms) { /* a dead worker may have left ids in a holding list */
		c->look_at_ms = now_ms + CLAIM_IDLE_S * 1000;
		c->dry = false;
	}
	if (!c->dry) {
		int room = c->events.room(c->arg);

		if (room > 0)
			claim_now(c, room);
		return;
	}
	for (int i = 0; i < c->queue_count; i++)
		if (!c->waiters[i].armed && redis_ready(c->waiters[i].redis))
			arm(&c->waiters[i]);
}

static void
on_turn(struct loop_hook *h)
{
	struct claim *c = container_of(h, struct claim, turn);
	int64_t now_ms = clock_mono_ms();

	if (!redis_ready(c->redis) || c->burying)
		return;
	seek_jobs(c, now_ms);
	bool ends = c->flying.count + c->collecting.count > 0;
	if (ends && !c->ending && now_ms >= c->end_pause_until_ms)
		send_ends(c);
	if (!c->renewing && now_ms >= c->renew_at_ms)
		renew(c);
	if (c->quitting && !ends && !c->ending)
		bury(c);
}

/* Nothing to do here: a tick only makes the loop turn, and on_turn() looks. */
static void
on_tick(uv_timer_t *t)
{
	(void)t;
}

/* --- life ----------------------------------------------------------------- */

static void
add_queue(struct claim *c, struct str queue)
{
	struct waiter *w = &c->waiters[c->queue_count];
	struct redis_options o = {
		.url = c->s->redis_url, .name = c->name, .deadline_ms = DEADLINE_MS};

	if (queue.n == 0)
		return;
	if (c->queue_count == QUEUES_MAX || queue.n >= sizeof(w->queue))
		die("RQ_QUEUES: at most %d queues with names below %zu bytes",
			QUEUES_MAX, sizeof(w->queue));
	w->c = c;
	snprintf(w->queue, sizeof(w->queue), "%.*s", STR_FMT(queue));
	snprintf(w->from, sizeof(w->from), "rq:queue:%.*s", STR_FMT(queue));
	snprintf(w->to, sizeof(w->to), "prosaas:holding:%.*s", STR_FMT(queue));
	w->redis = redis_new(c->loop, &o);
	c->queue_count++;
}

struct claim *
claim_new(struct loop *l, const struct settings *s, const char *name,
	const struct claim_events *events, void *arg)
{
	struct claim *c = xcalloc(1, sizeof(*c));
	struct redis_options o = {
		.url = s->redis_url, .name = name, .deadline_ms = DEADLINE_MS};
	struct str queues = str_of(s->rq_queues);

	c->loop = l;
	c->s = s;
	c->name = name;
	c->events = *events;
	c->arg = arg;
	c->redis = redis_new(l, &o);
	while (queues.p)
		add_queue(c, str_trim(str_cut(&queues, ',')));
	clock_iso(c->birth, clock_wall_us());
	gethostname(c->hostname, sizeof(c->hostname) - 1);

	c->turn.run = on_turn;
	loop_each_turn(l, &c->turn);
	uv_timer_init(&l->uv, &c->tick);
	uv_timer_start(&c->tick, on_tick, TICK_MS, TICK_MS);
	return c;
}

bool
claim_ready(const struct claim *c)
{
	return redis_ready(c->redis);
}

const char *
claim_trouble(const struct claim *c)
{
	return redis_trouble(c->redis);
}

void
claim_stop(struct claim *c)
{
	c->stopped = true;
	for (int i = 0; i < c->queue_count; i++)
		redis_close(c->waiters[i].redis);
}

void
claim_quit(struct claim *c, void (*done)(void *), void *arg)
{
	c->quitting = true;
	c->quit_done = done;
	c->quit_arg = arg;
}
