/* SPDX-License-Identifier: MIT */
/* cron.c: queues the entries of a crontab when their time comes. */
#include "queue/cron.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/settings.h"
#include "net/loop.h"
#include "queue/crontab.h"
#include "queue/lead.h"
#include "queue/redis.h"

enum {
	ACTS_MAX = 32, /* slots in one script: bounds the stall of Redis */
	ARGS_HEAD = 6,
	ARGS_EACH = 7,
	TICK_MS = 1000,
};

struct stand {
	int64_t last, next; /* slots: done or being done; to come */
};

struct cron {
	const struct settings *s;
	const struct crontab *t;
	struct lead *lead;
	struct cron_events events;
	void *arg;
	uv_timer_t tick;
	struct redis_cmd cmd;
	struct stand *stands; /* one an entry */
	struct cron_act acts[ACTS_MAX];
	size_t acts_count;
	bool leading, known, asking; /* known: stands is what Redis has */
};

static void
move_on(struct cron *c, size_t i, int64_t last)
{
	const struct crontab_entry *e = &c->t->entries[i];

	c->stands[i].last = last;
	c->stands[i].next = schedule_next(&e->schedule, e->zone, last);
}

/* --- where each entry stands ---------------------------------------------- */

static void go_on(struct cron *c);
static void on_tick(uv_timer_t *t);

/* An answer that is no array: the token does not lead, or Redis said why not. */
static bool
is_answer(struct cron *c, const struct redis_cmd *cmd, size_t elements)
{
	if (cmd->err == 0 && cmd->reply->type == REDIS_REPLY_ARRAY &&
		cmd->reply->elements == elements)
		return true;
	c->known = false;
	if (cmd->err < 0 && cmd->reply)
		c->events.failed(c->arg, cmd->reply->str);
	return false;
}

static void
on_looked(struct redis_cmd *cmd)
{
	struct cron *c = container_of(cmd, struct cron, cmd);

	c->asking = false;
	if (!is_answer(c, cmd, c->t->count))
		return;
	for (size_t i = 0; i < c->t->count; i++)
		move_on(c, i, redis_int(redis_at(cmd->reply, i), 0));
	c->known = true;
	go_on(c);
}

static void
look(struct cron *c)
{
	struct redis *r = lead_redis(c->lead);

	c->asking = true;
	redis_eval(r, &c->cmd, SCRIPT_SLOTS, 1, 3 + (int)c->t->count, on_looked);
	redis_argz(r, LEAD_KEY);
	redis_argz(r, lead_token(c->lead));
	redis_argi(r, clock_wall_us() / 1000000);
	for (size_t i = 0; i < c->t->count; i++)
		redis_arg(r, c->t->entries[i].name);
}

/* --- what is due ---------------------------------------------------------- */

static void
add_act(struct cron *c, size_t i, int64_t slot, int64_t missed_from)
{
	const struct crontab_entry *e = &c->t->entries[i];
	struct cron_act *a = &c->acts[c->acts_count++];
	char digits[24], hash[DIGEST_ID_SIZE];

	snprintf(digits, sizeof(digits), "%lld", (long long)slot);
	digest_id((struct str[]){e->name, str_of(digits)}, 2, hash);
	*a = (struct cron_act){e, slot, missed_from, ""};
	snprintf(a->job_id, sizeof(a->job_id), "cron_%s", hash);
	move_on(c, i, slot);
}

/* What is due of one entry, until the acts are full. */
static void
add_due(struct cron *c, size_t i, int64_t now, int64_t late_from)
{
	const struct crontab_entry *e = &c->t->entries[i];
	struct stand *at = &c->stands[i];

	if (at->next > now || c->acts_count == ACTS_MAX)
		return;
	if (at->next <= late_from)
		add_act(c, i, schedule_last(&e->schedule, e->zone, at->last, late_from),
			at->next);
	while (at->next <= now && c->acts_count < ACTS_MAX)
		add_act(c, i, at->next, 0);
}

/* Slots up to this second are missed, later ones are late. */
static int64_t
missed_until(const struct cron *c, int64_t now_ms)
{
	int64_t running_ms = lead_running_ms(c->lead);

	return (now_ms - (running_ms < CRON_LATE_S * 1000 ? running_ms
							  : CRON_LATE_S * 1000)) /
	       1000;
}

static void
collect(struct cron *c)
{
	int64_t now_ms = clock_wall_us() / 1000;
	int64_t late_from = missed_until(c, now_ms);

	c->acts_count = 0;
	for (size_t i = 0; i < c->t->count; i++)
		add_due(c, i, now_ms / 1000, late_from);
}

/* --- acting --------------------------------------------------------------- */

static enum cron_outcome
outcome_of(struct str word)
{
	switch (word.n ? word.p[0] : 0) {
	case 'q':
		return CRON_QUEUED;
	case 'd':
		return CRON_DUPLICATE;
	case 's':
		return CRON_SKIPPED;
	case 'o':
		return CRON_DONE;
	}
	return CRON_ERROR;
}

static void
on_acted(struct redis_cmd *cmd)
{
	struct cron *c = container_of(cmd, struct cron, cmd);

	c->asking = false;
	if (!is_answer(c, cmd, c->acts_count))
		return;
	for (size_t i = 0; i < c->acts_count; i++) {
		const struct redisReply *reply = redis_at(cmd->reply, i);
		enum cron_outcome outcome = outcome_of(redis_text(reply));

		if (outcome == CRON_ERROR)
			c->known = false; /* its slot is not done: look again */
		c->events.acted(c->arg, &c->acts[i], outcome,
			outcome == CRON_ERROR && reply->str ? reply->str + 1 : "");
	}
	if (c->known)
		go_on(c);
}

static void
send_act(struct redis *r, const struct cron_act *a)
{
	const struct crontab_entry *e = a->entry;
	bool skipped = a->missed_from > 0 && !e->once;
	char slot[CLOCK_ISO_SIZE], description[512];

	clock_iso(slot, a->slot * 1000000);
	snprintf(description, sizeof(description), "%.*s cron=%.*s slot=%s",
		STR_FMT(e->function), STR_FMT(e->name), slot);
	redis_arg(r, e->name);
	redis_argi(r, a->slot);
	redis_arg(r, skipped ? STR("") : e->queue);
	redis_argz(r, a->job_id);
	redis_arg(r, e->data);
	redis_arg(r, e->tenant);
	redis_argz(r, description);
}

static void
act(struct cron *c)
{
	struct redis *r = lead_redis(c->lead);

	c->asking = true;
	redis_eval(r, &c->cmd, SCRIPT_CRON, 1,
		ARGS_HEAD + ARGS_EACH * (int)c->acts_count, on_acted);
	redis_argz(r, LEAD_KEY);
	redis_argz(r, lead_token(c->lead));
	redis_arg_date(r, clock_wall_us());
	redis_argi(r, c->s->job_timeout_s);
	redis_argi(r, c->s->job_retries);
	redis_argi(r, CRON_AHEAD_S);
	for (size_t i = 0; i < c->acts_count; i++)
		send_act(r, &c->acts[i]);
}

/* --- time ----------------------------------------------------------------- */

/* Sleeps until the next slot, at most a second: the wall clock may jump.  While a
 * script runs its answer wakes us. */
static void
sleep_on(struct cron *c)
{
	int64_t now_ms = clock_wall_us() / 1000, ms = TICK_MS;

	for (size_t i = 0; c->known && !c->asking && i < c->t->count; i++)
		if (c->stands[i].next * 1000 - now_ms < ms)
			ms = c->stands[i].next * 1000 - now_ms;
	uv_timer_start(&c->tick, on_tick, ms > 1 ? (uint64_t)ms : 1, 0);
}

static void
go_on(struct cron *c)
{
	if (!c->leading)
		return;
	if (!c->asking && !c->known) {
		look(c);
	} else if (!c->asking) {
		collect(c);
		if (c->acts_count > 0)
			act(c);
	}
	sleep_on(c);
}

static void
on_tick(uv_timer_t *t)
{
	go_on(t->data);
}

struct cron *
cron_new(struct loop *l, const struct settings *s, const struct crontab *t,
	struct lead *lead, const struct cron_events *events, void *arg)
{
	struct cron *c = xcalloc(1, sizeof(*c));

	c->s = s;
	c->t = t;
	c->lead = lead;
	c->events = *events;
	c->arg = arg;
	c->stands = xcalloc(t->count + 1, sizeof(*c->stands));
	uv_timer_init(&l->uv, &c->tick);
	c->tick.data = c;
	return c;
}

void
cron_leads(struct cron *c, bool leading)
{
	c->leading = leading && c->t->count > 0;
	c->known = false;
	if (c->leading)
		uv_timer_start(&c->tick, on_tick, 1, 0);
	else
		uv_timer_stop(&c->tick);
}
