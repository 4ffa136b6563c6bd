/* SPDX-License-Identifier: MIT */
/* registry.c: what stands in Redis, read for people. */
#include "queue/registry.h"

#include "base/buf.h"
#include "base/clock.h"
#include "codec/rqjob.h"
#include "codec/val.h"

static int
count_names(const char *queues)
{
	struct str rest = str_of(queues);
	int n = 0;

	while (rest.p)
		n += str_trim(str_cut(&rest, ',')).n > 0;
	return n;
}

void
registry_stats(struct redis *r, struct redis_cmd *cmd, const char *queues, redis_done *done)
{
	struct str rest = str_of(queues);

	redis_eval(r, cmd, SCRIPT_STATS, 0, count_names(queues), done);
	while (rest.p) {
		struct str name = str_trim(str_cut(&rest, ','));

		if (name.n)
			redis_arg(r, name);
	}
}

static int64_t
age_s(struct str enqueued_at)
{
	int64_t at_us, now_us = clock_wall_us();

	if (rqjob_date(enqueued_at, &at_us) < 0 || at_us > now_us)
		return 0;
	return (now_us - at_us) / 1000000;
}

void
registry_stats_json(const struct redisReply *reply, const char *queues, struct buf *out)
{
	static const char *const keys[] = {
		"queued", "started", "finished", "failed", "scheduled", "deferred"};
	struct str rest = str_of(queues);
	size_t row = 0;

	buf_addz(out, "{\"queues\":{");
	while (rest.p) {
		struct str name = str_trim(str_cut(&rest, ','));
		const struct redisReply *counts = redis_at(reply, row);

		if (!name.n)
			continue;
		if (row++ > 0)
			buf_addc(out, ',');
		json_quote(out, name);
		buf_addz(out, ":{");
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			buf_addf(out, "\"%s\":%lld,", keys[i],
				(long long)redis_int(redis_at(counts, i), 0));
		buf_addf(out, "\"oldest_age_seconds\":%lld}",
			(long long)age_s(redis_text(redis_at(counts, ARRAY_LEN(keys)))));
	}
	buf_addz(out, "}}\n");
}
