/* SPDX-License-Identifier: MIT */
/* window.c: what the counters of all processes rose by lately. */
#include "role/window.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/settings.h"

enum { PROCESSES_MAX = 512, GONE_MS = 60000 };

/* Memory now and at the last two times that a window ended. */
struct memory {
	int64_t now, marked, before;
	int64_t marked_ms; /* 0: not yet */
};

struct process {
	char who[320];
	struct vitals last;
	struct memory memory;
	int64_t seen_ms;
};

struct sight {
	int64_t at_ms;
	struct vitals total;
};

struct window {
	const struct settings *s;
	int64_t began_us; /* wall: who started before was there, seen or not */
	struct process *processes;
	size_t count;
	struct vitals total;
	struct sight *sights; /* a ring, the oldest at first */
	size_t first, held, room;
	struct memory redis;
};

struct window *
window_new(const struct settings *s)
{
	struct window *w = xcalloc(1, sizeof(*w));

	w->s = s;
	w->began_us = clock_wall_us();
	w->processes = xcalloc(PROCESSES_MAX, sizeof(*w->processes));
	w->room = (size_t)(s->alert_window_s * 1000 / s->alert_every_ms) + 2;
	w->sights = xcalloc(w->room, sizeof(*w->sights));
	return w;
}

/* --- memory ------------------------------------------------------------------ */

static void
memory_take(struct memory *m, int64_t now, int64_t window_ms)
{
	int64_t now_ms = clock_mono_ms();

	m->now = now;
	if (m->marked_ms > 0 && now_ms - m->marked_ms < window_ms)
		return;
	m->before = m->marked; /* 0 until the first window has passed */
	m->marked = now;
	m->marked_ms = now_ms;
}

static double
memory_growth(const struct memory *m, const struct settings *s)
{
	if (m->before <= 0 || m->now - m->before < s->alert_memory_min_mb << 20)
		return 0;
	return 100.0 * (double)(m->now - m->before) / (double)m->before;
}

double
window_redis(struct window *w, int64_t memory)
{
	memory_take(&w->redis, memory, w->s->alert_memory_window_s * 1000);
	return memory_growth(&w->redis, w->s);
}

double
window_growth(const struct window *w, const char **ret_who)
{
	double most = 0;

	*ret_who = "";
	for (size_t i = 0; i < w->count; i++) {
		double grown = memory_growth(&w->processes[i].memory, w->s);

		if (grown > most) {
			most = grown;
			*ret_who = w->processes[i].who;
		}
	}
	return most;
}

/* --- counters ---------------------------------------------------------------- */

static void
add_rise(int64_t *total, int64_t now, int64_t last)
{
	*total += now >= last ? now - last : now;
}

static void
add_rises(struct vitals *total, const struct vitals *now, const struct vitals *last)
{
	for (size_t i = 0; i < V_COUNTERS; i++)
		add_rise(&total->counter[i], now->counter[i], last->counter[i]);
	for (size_t h = 0; h < V_HISTOGRAMS; h++)
		for (size_t i = 0; i <= METRIC_BUCKETS; i++)
			add_rise(&total->bucket[h][i], now->bucket[h][i],
				last->bucket[h][i]);
}

static struct process *
process_of(struct window *w, struct str who, const struct vitals *v)
{
	static const struct vitals nothing;

	for (size_t i = 0; i < w->count; i++)
		if (str_eqz(who, w->processes[i].who))
			return &w->processes[i];
	if (w->count == PROCESSES_MAX)
		return NULL;
	struct process *p = &w->processes[w->count++];
	*p = (struct process){.last = v->started_us > w->began_us ? nothing : *v};
	snprintf(p->who, sizeof(p->who), "%.*s", STR_FMT(who));
	return p;
}

void
window_add(struct window *w, struct str who, const struct vitals *v)
{
	struct process *p = process_of(w, who, v);

	if (!p)
		return;
	add_rises(&w->total, v, &p->last);
	p->last = *v;
	p->seen_ms = clock_mono_ms();
	memory_take(&p->memory, v->memory, w->s->alert_memory_window_s * 1000);
}

static void
forget_gone(struct window *w, int64_t now_ms)
{
	for (size_t i = 0; i < w->count;) {
		if (now_ms - w->processes[i].seen_ms > GONE_MS)
			w->processes[i] = w->processes[--w->count];
		else
			i++;
	}
}

static const struct sight *
sight_at(const struct window *w, size_t i)
{
	return &w->sights[(w->first + i) % w->room];
}

/* Keeps one sight that is older than the window: what it rose by is counted from there.
 */
void
window_seal(struct window *w)
{
	int64_t now_ms = clock_mono_ms();
	int64_t from_ms = now_ms - w->s->alert_window_s * 1000;
	int64_t known_us = clock_wall_us() - (int64_t)GONE_MS * 1000;

	forget_gone(w, now_ms);
	if (w->began_us < known_us) /* one forgotten may come back */
		w->began_us = known_us;
	while (w->held == w->room ||
		(w->held > 1 && sight_at(w, 1)->at_ms <= from_ms)) {
		w->first = (w->first + 1) % w->room;
		w->held--;
	}
	w->sights[(w->first + w->held) % w->room] =
		(struct sight){.at_ms = now_ms, .total = w->total};
	w->held++;
}

bool
window_rise(const struct window *w, struct vitals *ret)
{
	*ret = (struct vitals){0};
	if (w->held == 0)
		return false;
	const struct sight *then = sight_at(w, 0);
	add_rises(ret, &w->total, &then->total);
	return clock_mono_ms() - then->at_ms >=
	       w->s->alert_window_s * 1000 - w->s->alert_every_ms;
}

int64_t
window_span_ms(const struct window *w)
{
	return w->held > 0 ? sight_at(w, w->held - 1)->at_ms - sight_at(w, 0)->at_ms
			   : 0;
}
