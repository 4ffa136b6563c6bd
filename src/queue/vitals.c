/* SPDX-License-Identifier: MIT */
/* vitals.c: how this process fares, told; how another does, read. */
#include "queue/vitals.h"

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
enum { FIRST_MS = 50 };

struct teller {
	struct redis *redis;
	struct redis_cmd cmd;
	uv_timer_t tick;
	char who[320];
	int64_t started_us;
	struct buf args;
	bool telling;
};

/* --- telling --------------------------------------------------------------- */

static void
add(struct buf *out, const char *name, int64_t v)
{
	redis_format(out, str_of(name));
	redis_format_int(out, v);
}

static void
add_histogram(struct buf *out, const char *name, enum metric m)
{
	int64_t bucket[METRIC_BUCKETS], rest = metric_get(m);
	char text[24 * (METRIC_BUCKETS + 1)];
	size_t n = 0;

	metric_buckets(m, bucket);
	for (size_t i = 0; i < METRIC_BUCKETS; i++) {
		rest -= bucket[i];
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, "%lld ", (long long)bucket[i]);
	}
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%lld", (long long)rest);
	redis_format(out, str_of(name));
	redis_format(out, (struct str){text, n});
}

static void
on_told(struct redis_cmd *cmd)
{
	struct teller *t = container_of(cmd, struct teller, cmd);

	t->telling = false;
	if (cmd->err == 0)
		uv_timer_set_repeat(&t->tick, VITALS_EVERY_MS);
}

static void
on_tick(uv_timer_t *timer)
{
	struct teller *t = timer->data;

	if (t->telling || !redis_ready(t->redis))
		return;
	t->telling = true;
	process_measure();
	buf_clear(&t->args, 1 << 14);
	add(&t->args, "started_us", t->started_us);
	add(&t->args, "memory", metric_get(M_PROCESS_MEMORY));
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		add(&t->args, counters[i].name, metric_get(counters[i].metric));
	for (size_t i = 0; i < ARRAY_LEN(histograms); i++)
		add_histogram(&t->args, histograms[i].name, histograms[i].metric);
	redis_eval(t->redis, &t->cmd, SCRIPT_VITALS, 0,
		2 + 2 * (2 + V_COUNTERS + V_HISTOGRAMS), on_told);
	redis_argz(t->redis, t->who);
	redis_argi(t->redis, VITALS_LIFE_S);
	redis_args_raw(t->redis, buf_str(&t->args));
}

void
vitals_new(struct loop *l, struct redis *r, const char *role)
{
	struct teller *t = xcalloc(1, sizeof(*t));
	char host[256] = "host", hex[9];
	uint8_t dice[4];

	gethostname(host, sizeof(host) - 1);
	digest_random(dice, sizeof(dice));
	digest_hex(dice, sizeof(dice), hex);
	snprintf(t->who, sizeof(t->who), "%s:%s-%d-%s", role, host, (int)getpid(), hex);
	t->redis = r;
	t->started_us = clock_wall_us();
	buf_init(&t->args);
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
read_field(struct str name, struct str value, struct vitals *ret)
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
vitals_read(const struct redisReply *fields, struct vitals *ret)
{
	*ret = (struct vitals){0};
	for (size_t i = 0; redis_at(fields, i + 1); i += 2)
		read_field(redis_text(redis_at(fields, i)),
			redis_text(redis_at(fields, i + 1)), ret);
}
