/* SPDX-License-Identifier: MIT */
/* vitals.c: how this process fares, told; how another does, read. */
#include "queue/vitals.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/process.h"
#include "net/loop.h"
#include "queue/redis.h"

static const struct {
	const char *name;
	enum metric metric;
} counters[] =
	{
#define VITAL_ROW_(m) {#m, m},
		VITAL_COUNTERS(VITAL_ROW_)},
  histograms[] = {VITAL_HISTOGRAMS(VITAL_ROW_)};
#undef VITAL_ROW_

/* The first time soon: what is seen first is where the counting begins. */
enum { FIRST_MS = 50, MEMORY_STEP_BITS = 20 };

struct teller {
	struct redis *redis;
	struct redis_cmd cmd;
	uv_timer_t tick;
	char who[320];
	int64_t started_us;
	int64_t told_ms;
	struct buf what;
	uint8_t told[DIGEST_SIZE]; /* what had happened then */
	bool telling;
};

/* --- telling --------------------------------------------------------------- */

static void
add(struct buf *out, const char *name, int64_t v)
{
	buf_addf(out, "\n%s %lld", name, (long long)v);
}

static void
add_histogram(struct buf *out, const char *name, enum metric m)
{
	int64_t bucket[METRIC_BUCKETS], rest = metric_get(m);

	metric_buckets(m, bucket);
	buf_addf(out, "\n%s", name);
	for (size_t i = 0; i < METRIC_BUCKETS; i++) {
		rest -= bucket[i];
		buf_addf(out, " %lld", (long long)bucket[i]);
	}
	buf_addf(out, " %lld", (long long)rest);
}

static void
on_told(struct redis_cmd *cmd)
{
	struct teller *t = container_of(cmd, struct teller, cmd);

	t->telling = false;
	if (cmd->err == 0)
		uv_timer_set_repeat(&t->tick, VITALS_EVERY_MS);
	else
		t->told_ms = 0;
}

/* Whether what is to be told is new, or was told long ago: an idle process asks little
 * of Redis.  Memory is news by the MiB. */
static bool
is_due(struct teller *t, size_t when)
{
	struct str lines = buf_str(&t->what);
	int64_t memory = metric_get(M_PROCESS_MEMORY) >> MEMORY_STEP_BITS;
	struct str happened[] = {{lines.p + when, lines.n - when},
		{(const char *)&memory, sizeof(memory)}};
	uint8_t digest[DIGEST_SIZE];
	int64_t now_ms = clock_mono_ms();

	digest_sha256(happened, ARRAY_LEN(happened), digest);
	if (t->told_ms > 0 && now_ms - t->told_ms < VITALS_IDLE_MS &&
		memcmp(digest, t->told, sizeof(digest)) == 0)
		return false;
	memcpy(t->told, digest, sizeof(digest));
	t->told_ms = now_ms;
	return true;
}

static void
on_tick(uv_timer_t *timer)
{
	struct teller *t = timer->data;

	if (t->telling || !redis_ready(t->redis))
		return;
	process_measure();
	buf_clear(&t->what, 1 << 14);
	buf_addf(&t->what, "%lld", (long long)clock_wall_us() / 1000000);
	size_t when = buf_len(&t->what);
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		add(&t->what, counters[i].name, metric_get(counters[i].metric));
	for (size_t i = 0; i < ARRAY_LEN(histograms); i++)
		add_histogram(&t->what, histograms[i].name, histograms[i].metric);
	if (!is_due(t, when))
		return;
	add(&t->what, "started_us", t->started_us);
	add(&t->what, "memory", metric_get(M_PROCESS_MEMORY));
	t->telling = true;
	redis_call(t->redis, &t->cmd, "HSET", 3, on_told);
	redis_argz(t->redis, "prosaas:vitals");
	redis_argz(t->redis, t->who);
	redis_arg(t->redis, buf_str(&t->what));
}

void
vitals_new(struct loop *l, struct redis *r, const char *role)
{
	struct teller *t = xcalloc(1, sizeof(*t));
	char host[256] = "host", hex[8 + 1];

	gethostname(host, sizeof(host) - 1);
	digest_random_hex(sizeof(hex) - 1, hex);
	snprintf(t->who, sizeof(t->who), "%s:%s-%d-%s", role, host, (int)getpid(), hex);
	t->redis = r;
	t->started_us = clock_wall_us();
	buf_init(&t->what);
	uv_timer_init(&l->uv, &t->tick);
	t->tick.data = t;
	uv_timer_start(&t->tick, on_tick, FIRST_MS, FIRST_MS);
}

/* --- reading ---------------------------------------------------------------- */

static void
read_buckets(struct str text, int64_t ret[METRIC_BUCKETS + 1])
{
	for (size_t i = 0; i <= METRIC_BUCKETS && text.p; i++)
		if (str_int(str_cut(&text, ' '), &ret[i]) < 0)
			ret[i] = 0;
}

static void
read_line(struct str name, struct str value, struct vitals *ret)
{
	int64_t v;

	for (size_t i = 0; i < ARRAY_LEN(histograms); i++)
		if (str_eqz(name, histograms[i].name))
			read_buckets(value, ret->bucket[i]);
	if (str_int(value, &v) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		if (str_eqz(name, counters[i].name))
			ret->counter[i] = v;
	if (str_eqz(name, "started_us"))
		ret->started_us = v;
	else if (str_eqz(name, "memory"))
		ret->memory = v;
}

void
vitals_read(struct str told, struct vitals *ret)
{
	*ret = (struct vitals){0};
	str_cut(&told, '\n'); /* when: for survey.lua */
	while (told.p) {
		struct str value = str_cut(&told, '\n');
		struct str name = str_cut(&value, ' ');

		read_line(name, value, ret);
	}
}

double
vitals_quantile_ms(
	const struct vitals *v, enum vital_histogram h, double q, int64_t least)
{
	const int64_t *bucket = v->bucket[h];
	int64_t all = 0, below = 0, from_us = 0;

	for (size_t i = 0; i <= METRIC_BUCKETS; i++)
		all += bucket[i];
	if (all < least)
		return NAN;
	double rank = q * (double)all;
	for (int i = 0; i < METRIC_BUCKETS; i++) {
		int64_t to_us = metric_bound_us(i);

		if (bucket[i] > 0 && (double)(below + bucket[i]) >= rank)
			return ((double)from_us + (double)(to_us - from_us) *
							  (rank - (double)below) /
							  (double)bucket[i]) /
			       1000;
		below += bucket[i];
		from_us = to_us;
	}
	return (double)from_us / 1000;
}
