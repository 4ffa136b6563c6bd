/* SPDX-License-Identifier: MIT */
/* window_test.c: what counters rose by, whoever restarts. */
#include "unit.h"

#include "base/settings.h"

#include "../../../src/role/window.c"

static struct settings s = {.alert_window_s = 300,
	.alert_every_ms = 5000,
	.alert_memory_window_s = 3600,
	.alert_memory_min_mb = 64};

static struct vitals
failed(int64_t n, int64_t started_us)
{
	struct vitals v = {.started_us = started_us};

	v.counter[V_M_JOBS_FAILED] = n;
	return v;
}

static void
look(struct window *w, const char *who, int64_t n, int64_t started_us)
{
	struct vitals v = failed(n, started_us);

	window_add(w, str_of(who), &v);
	window_seal(w);
}

/* A scheduler keeps its own for ever. */
static void
done(struct window *w)
{
	free(w->processes);
	free(w->sights);
	free(w);
}

static int64_t
rose(const struct window *w)
{
	struct vitals v;

	CHECK(!window_rise(w, &v)); /* it has not looked for so long */
	return v.counter[V_M_JOBS_FAILED];
}

TEST(what_was_before_the_first_look_does_not_count)
{
	struct window *w = window_new(&s);

	look(w, "worker:a", 100, 1);
	CHECK_INT(rose(w), 0);
	look(w, "worker:a", 103, 1);
	CHECK_INT(rose(w), 3);
	done(w);
}

TEST(a_process_that_came_later_counts_from_its_start)
{
	struct window *w = window_new(&s);

	look(w, "worker:a", 100, 1);
	look(w, "worker:b", 7, w->began_us + 1);
	CHECK_INT(rose(w), 7);
	done(w);
}

TEST(a_process_that_was_out_of_sight_counts_from_where_it_is)
{
	struct window *w = window_new(&s);
	int64_t hour_us = INT64_C(3600000000);

	window_seal(w);
	w->began_us -= hour_us; /* the last look was then */
	int64_t started_us = w->began_us + 1;
	look(w, "worker:b", 7, started_us);
	w->processes[0].seen_ms -= GONE_MS + 1; /* Redis was away for so long */
	window_seal(w);
	CHECK_INT(w->count, 0);
	look(w, "worker:b", 9, started_us);
	CHECK_INT(rose(w), 7);
	look(w, "worker:b", 10, started_us);
	CHECK_INT(rose(w), 8);
	done(w);
}

TEST(a_counter_that_fell_began_anew)
{
	struct window *w = window_new(&s);

	look(w, "worker:a", 100, 1);
	look(w, "worker:a", 4, 1);
	CHECK_INT(rose(w), 4);
	done(w);
}

TEST(the_oldest_look_outside_the_window_is_where_counting_begins)
{
	struct window *w = window_new(&s);

	look(w, "worker:a", 0, 1);
	look(w, "worker:a", 10, 1);
	w->sights[0].at_ms -= 400 * 1000; /* as if these were minutes ago */
	w->sights[1].at_ms -= 350 * 1000;
	look(w, "worker:a", 12, 1);
	look(w, "worker:a", 13, 1);
	struct vitals v;
	CHECK(window_rise(w, &v));
	CHECK_INT(v.counter[V_M_JOBS_FAILED], 3);
	done(w);
}

TEST(memory_is_compared_with_what_it_was_a_window_ago)
{
	struct window *w = window_new(&s);
	const char *who;

	CHECK(window_redis(w, 100 << 20) == 0);
	CHECK(window_redis(w, 300 << 20) == 0); /* nothing to compare with yet */
	w->redis.marked_ms -= 3601 * 1000;
	CHECK(window_redis(w, 200 << 20) == 100);
	CHECK(window_redis(w, 160 << 20) == 0); /* less than 64 MiB is none */
	CHECK(window_growth(w, &who) == 0);
	CHECK(*who == 0);
	done(w);
}

UNIT_MAIN
