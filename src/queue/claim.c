/* SPDX-License-Identifier: MIT */
/* claim.c: jobs, from the queue to a worker.
 *
 *           room and not dry              "dry", "capped"
 *   idle ------------------> claiming ---------> blocked (one BLMOVE a queue)
 *    ^                        |     | "suspended": a pause, then again
 *    |      "full", "more"    v     v                 |
 *    '------------------------'<----------------------' an id moved, claim_look(), or
 *                                                       CLAIM_IDLE_S
 *
 * Everything that can be recomputed is, once a turn, by on_turn(). */
#include "queue/claim.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "net/loop.h"
#include "queue/live.h"
#include "queue/redis.h"

enum {
	CLAIM_MAX = 64,  /* jobs a call: more would hold Redis for a millisecond */
	DEAL_MAX = 2000, /* ids a call looks at: some 4 ms of Redis */
	AGED_MAX = 8,
	QUEUES_MAX = 32,
	DEADLINE_MS = 5000,
	BLOCK_S = 20,
	PAUSE_MS = 1000, /* suspended, or after an error reply: not in a hot loop */
	ARGS_HEAD = 7,
};

struct waiter { /* a queue, and the connection that blocks on it */
	struct claim *c;
	struct redis *redis;
	struct redis_cmd cmd;
	char queue[128], from[160], to[160];
	bool armed;
	int64_t served_ms; /* last found empty, or jobs of it were taken */
};

struct claim {
	const struct settings *s;
	const char *name;
	int cap;
	struct claim_events events;
	void *arg;
	struct redis *redis;
	struct loop_hook turn;
	uv_timer_t tick, due;
	int64_t due_ms; /* when the timer fires; 0: it does not run */

	struct waiter waiters[QUEUES_MAX];
	int queue_count;

	struct redis_cmd cmd, wake_cmd;
	bool claiming, waking, dry, capped, stopped, suspended;
	bool looking; /* asked to look while a claim was in flight */
	int64_t pause_until_ms, look_at_ms;
	struct buf caps; /* of the call being made */
	int cap_count;
};

/* --- claiming ------------------------------------------------------------- */

void
claim_cap(struct claim *c, struct str tenant, int more)
{
	redis_format(&c->caps, tenant);
	redis_format_int(&c->caps, more);
	c->cap_count++;
}

static void
mark_served(struct claim *c, struct str queue)
{
	for (int i = 0; i < c->queue_count; i++)
		if (str_eqz(queue, c->waiters[i].queue))
			c->waiters[i].served_ms = clock_mono_ms();
}

/* A field of the job: whatever others may have made of it. */
static int64_t
number(const struct redisReply *field)
{
	int64_t n;

	return str_int(redis_text(field), &n) < 0 ? 0 : n;
}

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
		.lane = redis_text(redis_at(row, 7)),
		.crashes = number(redis_at(row, 8)),
		.retries_left = number(redis_at(row, 9)),
		.waited_s = redis_int(redis_at(row, 10), 0),
		.trace = redis_text(redis_at(row, 11)),
	};

	mark_served(c, j.queue);
	c->events.job(c->arg, &j);
}

static void
pause_claims(struct claim *c)
{
	c->pause_until_ms = clock_mono_ms() + PAUSE_MS;
}

static void
on_claimed(struct redis_cmd *cmd)
{
	struct claim *c = container_of(cmd, struct claim, cmd);
	struct str word = redis_text(redis_at(cmd->reply, 0));

	c->claiming = false;
	if (cmd->err < 0) {
		if (cmd->reply)
			log_warn("claim: %s", cmd->reply->str);
		pause_claims(c);
		return;
	}
	c->suspended = str_eqz(word, "suspended");
	if (c->suspended)
		pause_claims(c);
	c->capped = str_eqz(word, "capped");
	if (c->capped || str_eqz(word, "dry"))
		c->dry = !c->looking;
	for (int i = 0; i < c->queue_count && str_eqz(word, "dry"); i++)
		c->waiters[i].served_ms = clock_mono_ms();
	int64_t due_ms = redis_int(redis_at(cmd->reply, 1), -1);
	if (due_ms >= 0)
		claim_look_in(c, due_ms);
	for (size_t i = 2; redis_at(cmd->reply, i); i++)
		take_job(c, redis_at(cmd->reply, i));
}

/* Those that aged first, for a few jobs; then all in their order. */
static void
arg_queues(struct claim *c, int asked, int64_t aged_ms)
{
	for (int i = 0; i < c->queue_count; i++)
		if (c->waiters[i].served_ms < aged_ms) {
			redis_argz(c->redis, c->waiters[i].queue);
			redis_argi(c->redis, AGED_MAX);
		}
	for (int i = 0; i < c->queue_count; i++) {
		redis_argz(c->redis, c->waiters[i].queue);
		redis_argi(c->redis, asked);
	}
}

static void
claim_now(struct claim *c, int room)
{
	int64_t aged_ms = clock_mono_ms() - CLAIM_AGED_MS;
	int asked = room < CLAIM_MAX ? room : CLAIM_MAX;
	int aged = 0;

	for (int i = 0; i < c->queue_count; i++)
		aged += c->waiters[i].served_ms < aged_ms;
	buf_clear(&c->caps, 1 << 16);
	c->cap_count = 0;
	c->events.caps(c->arg, c, asked);

	c->claiming = true;
	c->looking = false;
	redis_eval(c->redis, &c->cmd, SCRIPT_CLAIM, 0,
		ARGS_HEAD + 2 * (c->cap_count + c->queue_count + aged), on_claimed);
	redis_argz(c->redis, c->name);
	redis_arg_date(c->redis, clock_wall_us());
	redis_argi(c->redis, LIVE_LEASE_S);
	redis_argi(c->redis, asked);
	redis_argi(c->redis, DEAL_MAX);
	redis_argi(c->redis, c->cap);
	redis_argi(c->redis, c->cap_count);
	redis_args_raw(c->redis, buf_str(&c->caps));
	arg_queues(c, asked, aged_ms);
}

/* --- blocking ------------------------------------------------------------- */

static void
on_woken(struct redis_cmd *cmd)
{
	container_of(cmd, struct claim, wake_cmd)->waking = false;
}

/* An id moved while this worker is full: another may have room. */
static void
wake_others(struct claim *c)
{
	if (c->waking)
		return;
	c->waking = true;
	redis_call(c->redis, &c->wake_cmd, "PUBLISH", 2, on_woken);
	redis_argz(c->redis, LIVE_WAKE);
	redis_argz(c->redis, c->name);
}

static void
on_moved(struct redis_cmd *cmd)
{
	struct waiter *w = container_of(cmd, struct waiter, cmd);
	struct claim *c = w->c;

	w->armed = false;
	if (cmd->err == ERR_REMOTE)
		log_debug("queue %s: %s", w->queue, cmd->reply->str);
	if (cmd->err < 0 || cmd->reply->type != REDIS_REPLY_STRING)
		return;
	claim_look(c);
	if (c->stopped || c->events.room(c->arg) <= 0)
		wake_others(c);
}

static void
arm(struct waiter *w)
{
	w->armed = true;
	redis_call(w->redis, &w->cmd, "BLMOVE", 5, on_moved);
	redis_deadline(&w->cmd, BLOCK_S * 1000 + DEADLINE_MS);
	redis_blocks(&w->cmd);
	redis_argz(w->redis, w->from);
	redis_argz(w->redis, w->to);
	redis_argz(w->redis, "LEFT");
	redis_argz(w->redis, "RIGHT");
	redis_argi(w->redis, BLOCK_S);
}

/* --- each turn ------------------------------------------------------------ */

static void
seek_jobs(struct claim *c, int64_t now_ms)
{
	int room = c->events.room(c->arg);

	if (now_ms >= c->look_at_ms) {
		c->look_at_ms = now_ms + CLAIM_IDLE_S * 1000;
		c->dry = false;
	}
	if (!c->dry && room > 0)
		claim_now(c, room);
	for (int i = 0; c->dry && room > 0 && i < c->queue_count; i++)
		if (!c->waiters[i].armed && redis_ready(c->waiters[i].redis))
			arm(&c->waiters[i]);
}

static void
on_turn(struct loop_hook *h)
{
	struct claim *c = container_of(h, struct claim, turn);
	int64_t now_ms = clock_mono_ms();

	if (c->stopped || c->claiming || !redis_ready(c->redis) ||
		now_ms < c->pause_until_ms)
		return;
	seek_jobs(c, now_ms);
}

/* Nothing to do here: a tick only makes the loop turn, and on_turn() looks. */
static void
on_tick(uv_timer_t *t)
{
	(void)t;
}

/* --- life ----------------------------------------------------------------- */

static void
add_queue(struct claim *c, struct loop *l, struct str queue)
{
	struct waiter *w = &c->waiters[c->queue_count];
	struct redis_options o = {.url = c->s->redis_url,
		.name = c->name,
		.deadline_ms = DEADLINE_MS,
		.no_scripts = true};

	if (c->queue_count == QUEUES_MAX || queue.n >= sizeof(w->queue))
		die("RQ_QUEUES: at most %d queues with names below %zu bytes",
			QUEUES_MAX, sizeof(w->queue));
	w->c = c;
	snprintf(w->queue, sizeof(w->queue), "%.*s", STR_FMT(queue));
	snprintf(w->from, sizeof(w->from), "rq:queue:%.*s", STR_FMT(queue));
	snprintf(w->to, sizeof(w->to), "prosaas:holding:%.*s", STR_FMT(queue));
	w->redis = redis_new(l, &o);
	w->served_ms = clock_mono_ms();
	c->queue_count++;
}

struct claim *
claim_new(struct loop *l, const struct settings *s, struct redis *r, const char *name,
	int cap, const struct claim_events *events, void *arg)
{
	struct claim *c = xcalloc(1, sizeof(*c));
	struct str queues = str_of(s->rq_queues), queue;

	c->s = s;
	c->name = name;
	c->cap = cap;
	c->events = *events;
	c->arg = arg;
	c->redis = r;
	while (str_next(&queues, &queue))
		add_queue(c, l, queue);
	c->turn.run = on_turn;
	loop_each_turn(l, &c->turn);
	uv_timer_init(&l->uv, &c->tick);
	uv_timer_start(&c->tick, on_tick, PAUSE_MS, PAUSE_MS);
	uv_timer_init(&l->uv, &c->due);
	c->due.data = c;
	return c;
}

void
claim_look(struct claim *c)
{
	c->dry = false;
	c->looking = true;
}

static void
on_due(uv_timer_t *t)
{
	struct claim *c = t->data;

	c->due_ms = 0;
	claim_look(c);
}

void
claim_look_in(struct claim *c, int64_t ms)
{
	int64_t at_ms = clock_mono_ms() + ms;

	if (c->due_ms && c->due_ms <= at_ms)
		return;
	c->due_ms = at_ms;
	uv_timer_start(&c->due, on_due, (uint64_t)ms, 0);
}

void
claim_freed(struct claim *c)
{
	if (c->capped || c->claiming) /* what is in flight counted it still */
		claim_look(c);
}

bool
claim_suspended(const struct claim *c)
{
	return c->suspended;
}

void
claim_stop(struct claim *c)
{
	c->stopped = true;
	for (int i = 0; i < c->queue_count; i++)
		redis_close(c->waiters[i].redis);
}

bool
claim_idle(const struct claim *c)
{
	return !c->claiming;
}
