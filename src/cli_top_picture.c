/* SPDX-License-Identifier: MIT */
/* cli_top_picture.c: how the whole stands, as lines of text.
 *
 *   head ---> alerts ---> rates and times ---> queues ---> workers ---> processes
 *
 * All of it fits 80 columns: what a terminal cuts off is not seen.
 * No message text, chat or phone is in any of it. */
#include <math.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "cli_alerts.h"
#include "cli_top_priv.h"
#include "codec/json.h"
#include "codec/val.h"
#include "queue/registry.h"
#include "queue/survey.h"
#include "queue/vitals.h"
#include "role/window.h"

enum { NODES_MAX = 100 };

#define HEAD "\1"

/* Text from elsewhere: of a queue, a worker, an alert. */
static void
add_safe(struct buf *out, struct str s, int width)
{
	int shown = 0;

	for (size_t i = 0; i < s.n; i++, shown++)
		buf_addc(out,
			(unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i]);
	for (; shown < width; shown++)
		buf_addc(out, ' ');
}

/* --- rates and times ------------------------------------------------------- */

static void
add_times(struct buf *out, const struct vitals *v, enum vital_histogram h)
{
	static const struct {
		const char *name;
		double q;
	} ranks[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}};

	for (size_t i = 0; i < ARRAY_LEN(ranks); i++) {
		double ms = vitals_quantile_ms(v, h, ranks[i].q, 1);

		if (isnan(ms))
			buf_addf(out, "  %s -", ranks[i].name);
		else
			buf_addf(out, "  %s %.*f ms", ranks[i].name, ms < 100, ms);
	}
}

static double
per_s(int64_t n, int64_t span_ms)
{
	return span_ms > 0 ? (double)n * 1000 / (double)span_ms : 0;
}

static void
add_rates(const struct window *w, struct buf *out)
{
	struct vitals v;
	const int64_t *c = v.counter;
	int64_t ms = window_span_ms(w);

	if (!window_rise(w, &v) && ms == 0)
		v = (struct vitals){0}; /* the first look: nothing rose yet */
	buf_addf(out, "webhooks  %8.1f/s", per_s(c[V_M_MSG_ENQUEUED], ms));
	add_times(out, &v, V_M_HTTP_SECONDS);
	buf_addf(out, "\n%20s  duplicate %.1f/s  dead %.1f/s  refused %.1f/s\n", "",
		per_s(c[V_M_MSG_DUPLICATE], ms), per_s(c[V_M_MSG_DEAD], ms),
		per_s(c[V_M_MSG_FULL] + c[V_M_MSG_ERROR] + c[V_M_MSG_UNAVAILABLE], ms));
	buf_addf(out, "jobs      %8.1f/s", per_s(c[V_M_JOBS_OK], ms));
	add_times(out, &v, V_M_JOB_OWN_SECONDS);
	buf_addf(out, "\n%20s  failed %.1f/s  (times without the AI)\n", "",
		per_s(c[V_M_JOBS_FAILED], ms));
	buf_addf(out, "AI        %8.1f/s  failed %.1f/s", per_s(c[V_M_AI_OK], ms),
		per_s(c[V_M_AI_ERROR], ms));
	buf_addf(out, "\nsent      %8.1f/s  failed %.1f/s\n", per_s(c[V_M_SEND_OK], ms),
		per_s(c[V_M_SEND_ERROR], ms));
}

/* --- queues ---------------------------------------------------------------- */

static void
add_queues(const struct top_look *look, struct buf *out)
{
	struct str rest = str_of(look->queues), name;

	buf_addf(out, "\n" HEAD "%-12s %7s %7s %7s %7s %6s %7s %6s %5s %7s\n", "QUEUE",
		"QUEUED", "OLDEST", "READY", "PARKED", "DUE", "STARTED", "SCHED",
		"DEFER", "FAILED");
	for (size_t i = 0; str_next(&rest, &name); i++) {
		const struct redisReply *row = redis_at(redis_at(look->survey, 0), i);

		add_safe(out, name, 12);
		buf_addf(out, " %7lld %6llds",
			(long long)redis_int(redis_at(row, 0), 0),
			(long long)registry_age_s(redis_text(redis_at(row, 1))));
		static const int widths[] = {7, 7, 6, 7, 6, 5, 7};
		for (size_t k = 0; k < ARRAY_LEN(widths); k++)
			buf_addf(out, " %*lld", widths[k],
				(long long)redis_int(redis_at(row, 2 + k), 0));
		buf_addc(out, '\n');
	}
	buf_addf(out, "chats that others wait for: %lld\n",
		(long long)redis_int(redis_at(look->survey, 2), 0));
}

/* --- who works ------------------------------------------------------------- */

void
top_workers(const struct redisReply *health, struct buf *out)
{
	int64_t age_ms = redis_int(redis_at(health, 0), -1);

	buf_addf(out, "\n" HEAD "%-44s %-10s %s\n", "WORKER", "STATE", "HEARTBEAT");
	for (size_t i = 1; redis_at(health, i); i++) {
		const struct redisReply *row = redis_at(health, i);

		add_safe(out, redis_text(redis_at(row, 0)), 44);
		buf_addc(out, ' ');
		add_safe(out, redis_text(redis_at(row, 1)), 10);
		buf_addf(out, " %llds ago\n",
			(long long)registry_age_s(redis_text(redis_at(row, 2))));
	}
	if (!redis_at(health, 1))
		buf_addz(out, "none\n");
	buf_addf(out, "%s\n", age_ms < 0 ? "no scheduler leads" : "a scheduler leads");
}

static void
add_processes(const struct survey *s, struct buf *out)
{
	int64_t now_us = clock_wall_us();
	struct vitals v;

	buf_addf(out, "\n" HEAD "%-44s %10s %10s\n", "PROCESS", "MEMORY", "UP");
	for (size_t i = 0; redis_at(s->vitals, i); i++) {
		const struct redisReply *row = redis_at(s->vitals, i);

		vitals_read(redis_text(redis_at(row, 1)), &v);
		add_safe(out, redis_text(redis_at(row, 0)), 44);
		buf_addf(out, " %7.1f MB %9llds\n", (double)v.memory / (1 << 20),
			(long long)(now_us - v.started_us) / 1000000);
	}
	buf_addf(out, "%-44s %7.1f MB\n", "redis", (double)s->redis_memory / (1 << 20));
}

/* --- what is wrong --------------------------------------------------------- */

/* What is wrong, why, and the command that mends it: a line each. */
static void
add_alert(struct arena *a, struct str name, struct str json, struct buf *out)
{
	struct val *v;
	char why[128];

	add_safe(out, name, 24);
	if (json_parse(a, json, NODES_MAX, &v, why) < 0) {
		buf_addc(out, '\n'); /* not ours */
		return;
	}
	buf_addz(out, "  ");
	add_safe(out, val_text(val_get(v, "severity")), 0);
	buf_addz(out, "  ");
	add_safe(out, cli_alert_measure(a, v), 0);
	buf_addz(out, "\n  ");
	add_safe(out, val_text(val_get(v, "meaning")), 0);
	buf_addz(out, "\n  ");
	add_safe(out, val_text(val_get(v, "command")), 0);
	buf_addc(out, '\n');
}

static void
add_alerts(const struct survey *s, struct buf *out)
{
	struct arena a;

	buf_addz(out, "\n" HEAD "ALERTS\n");
	arena_init(&a);
	for (size_t i = 0; redis_at(s->firing, i + 1); i += 2)
		add_alert(&a, redis_text(redis_at(s->firing, i)),
			redis_text(redis_at(s->firing, i + 1)), out);
	arena_done(&a);
	if (!redis_at(s->firing, 0))
		buf_addz(out, "none\n");
	if (s->session_down_s > 0) {
		buf_addz(out, "session of tenant ");
		add_safe(out, s->session_down, 0);
		buf_addz(out, " is ");
		add_safe(out, s->session_state, 0);
		buf_addf(out, ", %lld s\n", (long long)s->session_down_s);
	}
}

/* --- all ------------------------------------------------------------------- */

static void
feed(struct window *w, const struct redisReply *told)
{
	struct vitals v;

	for (size_t i = 0; redis_at(told, i); i++) {
		const struct redisReply *row = redis_at(told, i);

		vitals_read(redis_text(redis_at(row, 1)), &v);
		window_add(w, redis_text(redis_at(row, 0)), &v);
	}
	window_seal(w);
}

void
top_picture(const struct top_look *look, struct buf *out)
{
	char now[CLOCK_ISO_SIZE];
	struct survey s;

	survey_take(look->survey, look->queues, &s);
	feed(look->window, s.vitals);
	clock_iso(now, clock_wall_us());
	buf_addf(out, HEAD "prosaas %.19sZ  queued %lld  oldest %lld s  workers %lld\n",
		now, (long long)s.depth, (long long)s.oldest_s, (long long)s.workers);
	add_alerts(&s, out);
	buf_addc(out, '\n');
	add_rates(look->window, out);
	add_queues(look, out);
	buf_adds(out, look->workers);
	add_processes(&s, out);
}
