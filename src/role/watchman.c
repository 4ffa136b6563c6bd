/* SPDX-License-Identifier: MIT */
/* watchman.c: a worker sees to it that somebody evaluates alerts.
 *
 *   on_tick ---> PTTL of the leader's key ---> on_seen ---> gone for long ---> on_made
 *                                                 `---> first notice ---> notify_give
 */
#include "role/watchman.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "net/loop.h"
#include "queue/incident.h"
#include "queue/lead.h"
#include "queue/redis.h"
#include "role/alert_table.h"
#include "role/notify.h"

enum { GONE = -2 }; /* of PTTL: no such key */

struct watchman {
	const struct settings *s;
	struct redis *redis;
	struct redis_cmd seen_cmd, made_cmd, first_cmd, delivered_cmd;
	struct notify *notify;
	uv_timer_t tick;
	bool looking, making, made, asking, delivering;
	int64_t gone_ms; /* since when nobody leads; 0: somebody does */
	struct buf line;
};

static void
on_made(struct redis_cmd *cmd)
{
	struct watchman *w = container_of(cmd, struct watchman, made_cmd);

	w->making = false;
	if (cmd->err < 0)
		return;
	w->made = redis_int(cmd->reply, -1) >= 0;
	if (redis_int(cmd->reply, 0) == 1)
		log_warn("%.*s", STR_FMT(buf_str(&w->line)));
}

static void
make(struct watchman *w)
{
	int64_t now_us = clock_wall_us();
	struct alert_news news = {.alert = alert_must_get("no_scheduler"),
		.s = w->s,
		.firing = true,
		.value = 1,
		.since_us = now_us,
		.at_us = now_us,
		.detail = ""};

	buf_clear(&w->line, 1 << 10);
	alert_line(&news, &w->line);
	w->making = true;
	alert_change(w->redis, &w->made_cmd, INCIDENT_NOBODY, &news,
		notify_wanted(w->notify), on_made);
}

static void
on_first(struct redis_cmd *cmd)
{
	struct watchman *w = container_of(cmd, struct watchman, first_cmd);
	struct str notice = redis_text(cmd->reply);

	w->asking = false;
	if (cmd->err == 0 && notice.n > 0)
		notify_give(w->notify, notice);
}

static void
on_seen(struct redis_cmd *cmd)
{
	struct watchman *w = container_of(cmd, struct watchman, seen_cmd);
	int64_t now_ms = clock_mono_ms();

	w->looking = false;
	if (cmd->err < 0 || redis_int(cmd->reply, 0) != GONE) {
		w->gone_ms = 0;
		w->made = false;
		return;
	}
	if (w->gone_ms == 0)
		w->gone_ms = now_ms;
	if (now_ms - w->gone_ms < w->s->alert_for_s * 1000)
		return;
	if (!w->made) {
		if (!w->making)
			make(w);
		return;
	}
	if (w->asking || w->delivering || !notify_wanted(w->notify))
		return;
	w->asking = true;
	incident_first(w->redis, &w->first_cmd, on_first);
}

static void
on_tick(uv_timer_t *t)
{
	struct watchman *w = t->data;

	if (w->looking)
		return;
	w->looking = true;
	redis_call(w->redis, &w->seen_cmd, "PTTL", 1, on_seen);
	redis_argz(w->redis, LEAD_KEY);
}

static void
on_taken_out(struct redis_cmd *cmd)
{
	container_of(cmd, struct watchman, delivered_cmd)->delivering = false;
}

static void
on_delivered(void *arg, struct str notice)
{
	struct watchman *w = arg;

	w->delivering = true;
	incident_delivered(w->redis, &w->delivered_cmd, notice, on_taken_out);
}

void
watchman_new(struct loop *l, const struct settings *s, struct redis *r,
	struct http_client *http)
{
	if (alert_is_off(alert_must_get("no_scheduler"), s))
		return;
	struct watchman *w = xcalloc(1, sizeof(*w));

	w->s = s;
	w->redis = r;
	w->notify = notify_new(l, s, http, on_delivered, w);
	buf_init(&w->line);
	uv_timer_init(&l->uv, &w->tick);
	w->tick.data = w;
	uv_timer_start(&w->tick, on_tick, 2 * (uint64_t)s->alert_every_ms,
		2 * (uint64_t)s->alert_every_ms);
}
