/* SPDX-License-Identifier: MIT */
/* alerts.c: the built-in evaluator.
 *
 *   on_tick ---> survey_ask ---> on_surveyed ---> judge, each row ---> change
 *      |                             |                                   |
 *      |                             `---> notify_give(first notice)     v
 *      |                                                             on_changed
 *      `---> Redis is not there: judge_alone */
#include "role/alerts.h"

#include <hiredis/hiredis.h>
#include <math.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "codec/rqjob.h"
#include "net/loop.h"
#include "queue/incident.h"
#include "queue/lead.h"
#include "queue/redis.h"
#include "queue/survey.h"
#include "role/alert_table.h"
#include "role/notify.h"
#include "role/window.h"

enum { DEADLINE_MS = 3000, ALONE_MAX = 2 };

struct row {
	const struct alert *alert;
	struct alerts *alerts;
	bool firing;        /* as Redis says, or as we told without it */
	int64_t since_us;   /* wall, of what fires */
	int64_t changed_ms; /* since when it is wrong, or well again; 0: it is not */
	struct redis_cmd cmd;
	bool asking, asked_firing;
	struct buf line;
};

struct alerts {
	const struct settings *s;
	const struct lead *lead;
	struct redis *redis;
	struct redis_cmd survey_cmd, delivered_cmd;
	struct window *window;
	struct notify *notify;
	uv_timer_t tick;
	struct row rows[ALERT_COUNT];
	bool leading, surveying, delivering, stopped;
	bool was_there;              /* Redis, ever */
	int64_t led_ms;              /* when it led last; 0: never */
	int64_t lost_ms;             /* when Redis was lost; 0: it is there */
	bool told_alone;             /* redis_failing is to be handed over */
	struct buf alone[ALONE_MAX]; /* notices that Redis does not keep */
	size_t alone_count;
};

/* --- a change ---------------------------------------------------------------- */

static void
say(const struct row *row)
{
	log_line(row->asked_firing ? LOG_WARN : LOG_INFO, "%.*s",
		STR_FMT(buf_str(&row->line)));
}

static void
on_changed(struct redis_cmd *cmd)
{
	struct row *row = container_of(cmd, struct row, cmd);

	row->asking = false;
	if (cmd->err < 0 || redis_int(cmd->reply, -1) < 0)
		return; /* seen again at the next look */
	row->firing = row->asked_firing;
	row->changed_ms = 0;
	if (redis_int(cmd->reply, 0) == 1)
		say(row);
}

static void
ask_change(struct row *row, const char *who, const struct alert_news *news, bool quiet)
{
	struct alerts *a = row->alerts;

	buf_clear(&row->line, 1 << 10);
	alert_line(news, &row->line);
	row->asking = true;
	row->asked_firing = news->firing;
	alert_change(a->redis, &row->cmd, who, news, notify_wanted(a->notify) && !quiet,
		on_changed);
}

/* Which tenant, which process: what the number does not say. */
static void
detail_of(const struct row *row, const struct picture *p, char ret[160])
{
	const struct alert *alert = row->alert;

	ret[0] = '\0';
	if (!p->redis_up)
		snprintf(ret, 160, "%s", p->redis_words);
	else if (alert == alert_must_get("session_down"))
		snprintf(ret, 160, "tenant %.*s: %.*s",
			STR_FMT(p->survey->session_down),
			STR_FMT(p->survey->session_state));
	else if (alert == alert_must_get("process_memory_growing"))
		snprintf(ret, 160, "%s", p->grown);
}

static struct alert_news
news_of(struct row *row, const struct picture *p, bool firing, double value,
	char detail[160])
{
	int64_t now_us = clock_wall_us();

	if (firing)
		row->since_us = now_us;
	detail_of(row, p, detail);
	return (struct alert_news){.alert = row->alert,
		.s = row->alerts->s,
		.firing = firing,
		.value = value,
		.since_us = row->since_us,
		.at_us = now_us,
		.detail = firing ? detail : ""};
}

/* --- the states -------------------------------------------------------------- */

/* Whether the row is to change now; what it is to become is the other state. */
static bool
is_due(struct row *row, double value, bool enough)
{
	const struct settings *s = row->alerts->s;
	double limit = alert_threshold(row->alert, s);
	int64_t now_ms = clock_mono_ms();
	int64_t wait_s = row->firing           ? s->alert_resolve_s
			 : row->alert->at_once ? 0
					       : s->alert_for_s;
	bool other = row->firing ? !(value > limit * row->alert->calm) : value > limit;

	if (row->firing && row->alert->windowed && !enough)
		other = false; /* a leader that knows too little ends nothing */
	if (!other) {
		row->changed_ms = 0;
		return false;
	}
	if (row->changed_ms == 0)
		row->changed_ms = now_ms;
	return now_ms - row->changed_ms >= wait_s * 1000;
}

static void
judge(struct row *row, const struct picture *p, bool enough)
{
	double value = row->alert->value(p);
	char detail[160];

	if (row->asking || !is_due(row, value, enough))
		return;
	struct alert_news news = news_of(row, p, !row->firing, value, detail);
	ask_change(row, lead_token(row->alerts->lead), &news, false);
}

static struct row *
row_of(struct alerts *a, const char *name)
{
	return &a->rows[alert_must_get(name) - alert_table];
}

/* --- without Redis ------------------------------------------------------------ */

static bool
may_tell_alone(const struct alerts *a)
{
	return !a->was_there || a->leading ||
	       (a->led_ms > 0 && a->led_ms >= a->lost_ms - LEAD_LIFE_MS);
}

static void
judge_alone(struct alerts *a)
{
	struct row *row = row_of(a, "redis_failing");
	struct picture p = {.s = a->s, .redis_words = redis_trouble(a->redis)};
	char detail[160];

	if (row->firing || row->asking || alert_is_off(row->alert, a->s) ||
		!may_tell_alone(a))
		return;
	struct alert_news news = news_of(row, &p, true, INFINITY, detail);
	row->firing = row->asked_firing = true;
	row->changed_ms = 0;
	a->told_alone = true;
	buf_clear(&row->line, 1 << 10);
	alert_line(&news, &row->line);
	say(row);
	if (notify_wanted(a->notify) && a->alone_count < ALONE_MAX)
		alert_notice(&news, &a->alone[a->alone_count++]);
}

/* Redis is back: whoever leads now ends what we told. */
static void
hand_over(struct alerts *a)
{
	struct row *row = row_of(a, "redis_failing");
	struct alert_news news = {.alert = row->alert,
		.s = a->s,
		.firing = true,
		.value = INFINITY,
		.since_us = row->since_us,
		.at_us = row->since_us,
		.detail = "Redis was not there"};

	if (row->asking)
		return;
	a->told_alone = false;
	ask_change(row, INCIDENT_ANYONE, &news, true);
	buf_clear(&row->line, 1 << 10);
	buf_addf(&row->line, "noted in Redis: alert %s", row->alert->name);
}

/* --- each look ----------------------------------------------------------------- */

static const struct redisReply *
entry_of(const struct redisReply *firing, const char *name)
{
	for (size_t i = 0; redis_at(firing, i + 1); i += 2)
		if (str_eqz(redis_text(redis_at(firing, i)), name))
			return redis_at(firing, i + 1);
	return NULL;
}

/* "since":"<date>" of an entry: ours, so its form is known. */
static int64_t
since_of(const struct redisReply *entry)
{
	static const char key[] = "\"since\":\"";
	struct str text = redis_text(entry);
	const char *at = memmem(text.p, text.n, key, strlen(key));
	int64_t us;

	if (!at || text.p + text.n - at < (ptrdiff_t)(strlen(key) + CLOCK_ISO_SIZE) ||
		rqjob_date((struct str){at + strlen(key), CLOCK_ISO_SIZE - 1}, &us) < 0)
		return clock_wall_us();
	return us;
}

/* What fires is what Redis says: another may have led. */
static void
learn(struct alerts *a, const struct redisReply *firing)
{
	for (size_t i = 0; i < ALERT_COUNT; i++) {
		struct row *row = &a->rows[i];
		const struct redisReply *entry = entry_of(firing, row->alert->name);

		if (row->asking || row->firing == (entry != NULL))
			continue;
		row->firing = entry != NULL;
		row->changed_ms = 0;
		if (entry)
			row->since_us = since_of(entry);
	}
}

static void
look(struct alerts *a, const struct survey *v)
{
	struct picture p = {
		.s = a->s, .redis_up = true, .redis_words = "", .survey = v};
	struct vitals vitals;

	for (size_t i = 0; redis_at(v->vitals, i); i++) {
		const struct redisReply *one = redis_at(v->vitals, i);

		vitals_read(redis_text(redis_at(one, 1)), &vitals);
		window_add(a->window, redis_text(redis_at(one, 0)), &vitals);
	}
	window_seal(a->window);
	bool enough = window_rise(a->window, &p.window);
	p.redis_growth = window_redis(a->window, v->redis_memory);
	p.process_growth = window_growth(a->window, &p.grown);
	if (a->told_alone) {
		hand_over(a);
		return;
	}
	learn(a, v->firing);
	if (!a->leading)
		return;
	for (size_t i = 0; i < ALERT_COUNT; i++)
		if (!alert_is_off(a->rows[i].alert, a->s) || a->rows[i].firing)
			judge(&a->rows[i], &p, enough);
	if (v->notice.n > 0 && a->alone_count == 0 && !a->delivering)
		notify_give(a->notify, v->notice);
}

static void
on_surveyed(struct redis_cmd *cmd)
{
	struct alerts *a = container_of(cmd, struct alerts, survey_cmd);
	struct survey v;

	a->surveying = false;
	if (cmd->err < 0) {
		survey_lost();
		if (cmd->reply)
			log_warn("survey: %s", cmd->reply->str);
		return;
	}
	survey_take(cmd->reply, a->s->rq_queues, &v);
	if (!a->stopped)
		look(a, &v);
}

static void
on_tick(uv_timer_t *t)
{
	struct alerts *a = t->data;

	if (a->alone_count > 0)
		notify_give(a->notify, buf_str(&a->alone[0]));
	if (redis_ready(a->redis)) {
		a->was_there = true;
		a->lost_ms = 0;
		if (a->surveying)
			return;
		a->surveying = true;
		survey_ask(a->redis, &a->survey_cmd, a->s->rq_queues, on_surveyed);
		return;
	}
	if (a->lost_ms == 0)
		a->lost_ms = clock_mono_ms();
	survey_lost();
	judge_alone(a);
}

/* --- notices ------------------------------------------------------------------- */

static void
on_taken_out(struct redis_cmd *cmd)
{
	container_of(cmd, struct alerts, delivered_cmd)->delivering = false;
}

static void
on_delivered(void *arg, struct str notice)
{
	struct alerts *a = arg;

	/* Redis may have gone while one of its notices was under way. */
	if (a->alone_count > 0 && str_eq(notice, buf_str(&a->alone[0]))) {
		struct buf first = a->alone[0];

		for (size_t i = 1; i < ALONE_MAX; i++)
			a->alone[i - 1] = a->alone[i];
		buf_clear(&first, 1 << 12);
		a->alone[ALONE_MAX - 1] = first;
		a->alone_count--;
		return;
	}
	a->delivering = true;
	incident_delivered(a->redis, &a->delivered_cmd, notice, on_taken_out);
}

/* --- life ---------------------------------------------------------------------- */

void
alerts_leads(struct alerts *a, bool leading)
{
	if (a->leading && !leading)
		a->led_ms = clock_mono_ms();
	a->leading = leading;
}

void
alerts_stop(struct alerts *a)
{
	a->stopped = true;
	uv_timer_stop(&a->tick);
}

struct alerts *
alerts_new(struct loop *l, const struct settings *s, const struct lead *lead)
{
	struct alerts *a = xcalloc(1, sizeof(*a));
	struct redis_options o = {.url = s->redis_url,
		.name = "prosaas-alerts",
		.deadline_ms = DEADLINE_MS};

	alert_check_off(s);
	a->s = s;
	a->lead = lead;
	for (size_t i = 0; i < ALERT_COUNT; i++) {
		a->rows[i].alert = &alert_table[i];
		a->rows[i].alerts = a;
	}
	a->window = window_new(s);
	a->notify = notify_new(l, s, NULL, on_delivered, a);
	a->redis = redis_new(l, &o);
	vitals_new(l, a->redis, "scheduler");
	uv_timer_init(&l->uv, &a->tick);
	a->tick.data = a;
	uv_timer_start(&a->tick, on_tick, (uint64_t)s->alert_every_ms,
		(uint64_t)s->alert_every_ms);
	return a;
}
