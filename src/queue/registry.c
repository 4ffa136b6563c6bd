/* SPDX-License-Identifier: MIT */
/* registry.c: what stands in Redis, read for people. */
#include "queue/registry.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "codec/rqjob.h"
#include "codec/val.h"
#include "queue/lead.h"
#include "queue/live.h"

void
registry_stats(
	struct redis *r, struct redis_cmd *cmd, const char *queues, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_STATS, 0, redis_count_names(queues), done);
	redis_arg_names(r, queues);
}

int64_t
registry_age_s(struct str date)
{
	int64_t at_us, now_us = clock_wall_us();

	if (rqjob_date(date, &at_us) < 0 || at_us > now_us)
		return 0;
	return (now_us - at_us) / 1000000;
}

void
registry_stats_json(const struct redisReply *reply, const char *queues, struct buf *out)
{
	static const char *const keys[] = {"queued", "started", "finished", "failed",
		"scheduled", "deferred", "canceled", "ready", "waiting", "debounced"};
	struct str rest = str_of(queues), name;
	size_t row = 0;

	buf_addz(out, "{\"queues\":{");
	while (str_next(&rest, &name)) {
		const struct redisReply *counts = redis_at(reply, row);

		if (row++ > 0)
			buf_addc(out, ',');
		json_quote(out, name);
		buf_addz(out, ":{");
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			buf_addf(out, "\"%s\":%lld,", keys[i],
				(long long)redis_int(redis_at(counts, i), 0));
		buf_addf(out, "\"oldest_age_seconds\":%lld}",
			(long long)registry_age_s(
				redis_text(redis_at(counts, ARRAY_LEN(keys)))));
	}
	buf_addz(out, "}}\n");
}

void
registry_tenants(struct redis *r, struct redis_cmd *cmd, const char *queues,
	struct str only, int64_t most, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_TENANTS, 0, 2 + redis_count_names(queues), done);
	redis_argi(r, most);
	redis_arg(r, only);
	redis_arg_names(r, queues);
}

static void
tenant_json(struct buf *out, struct str tenant, const struct redisReply *row)
{
	json_quote(out, tenant);
	buf_addf(out, ":{\"queued\":%lld,\"started\":%lld,\"oldest_age_seconds\":%lld}",
		(long long)redis_int(redis_at(row, 1), 0),
		(long long)redis_int(redis_at(row, 2), 0),
		(long long)registry_age_s(redis_text(redis_at(row, 3))));
}

void
registry_tenants_json(const struct redisReply *reply, struct str only, struct buf *out)
{
	const struct redisReply *row;

	buf_addz(out, "{\"tenants\":{");
	if (only.n > 0) /* without jobs it has no row */
		tenant_json(out, only, redis_at(reply, 2));
	for (size_t i = 2; only.n == 0 && (row = redis_at(reply, i)); i++) {
		if (i > 2)
			buf_addc(out, ',');
		tenant_json(out, redis_text(redis_at(row, 0)), row);
	}
	buf_addf(out, "},\"tenants_total\":%lld,\"unseen\":%lld}\n",
		(long long)redis_int(redis_at(reply, 1), 0),
		(long long)redis_int(redis_at(reply, 0), 0));
}

void
registry_health(struct redis *r, struct redis_cmd *cmd, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_HEALTH, 1, 2, done);
	redis_argz(r, LEAD_KEY);
	redis_argi(r, LEAD_LIFE_MS);
}

static int
fresh_workers(const struct redisReply *reply)
{
	int n = 0;

	for (size_t i = 1; redis_at(reply, i); i++)
		n += registry_age_s(redis_text(redis_at(redis_at(reply, i), 2))) <=
		     LIVE_OLD_S;
	return n;
}

static void
worker_json(const struct redisReply *row, struct buf *out)
{
	buf_addz(out, "{\"name\":");
	json_quote(out, redis_text(redis_at(row, 0)));
	buf_addz(out, ",\"state\":");
	json_quote(out, redis_text(redis_at(row, 1)));
	buf_addz(out, ",\"queues\":");
	json_quote(out, redis_text(redis_at(row, 3)));
	buf_addf(out, ",\"heartbeat_age_seconds\":%lld}",
		(long long)registry_age_s(redis_text(redis_at(row, 2))));
}

static void
scheduler_json(int64_t age_ms, struct buf *out)
{
	buf_addf(out, "\"leading\":%s,\"heartbeat_age_seconds\":",
		age_ms >= 0 ? "true" : "false");
	if (age_ms >= 0)
		buf_addf(out, "%.1f", (double)age_ms / 1000);
	else
		buf_addz(out, "null");
}

void
registry_health_json(
	const struct redisReply *reply, bool scheduler_only, struct buf *out)
{
	int64_t age_ms = redis_int(redis_at(reply, 0), -1);
	bool works = scheduler_only || fresh_workers(reply) > 0;

	buf_addf(out, "{\"status\":\"%s\",\"why\":[%s%s%s],",
		!works       ? "unhealthy"
		: age_ms < 0 ? "degraded"
			     : "ok",
		works ? "" : "\"no worker has sent a heartbeat in the last 30 s\"",
		!works && age_ms < 0 ? "," : "",
		age_ms < 0 ? "\"no scheduler leads\"" : "");
	if (scheduler_only) {
		scheduler_json(age_ms, out);
		buf_addz(out, "}\n");
		return;
	}
	buf_addz(out, "\"scheduler\":{");
	scheduler_json(age_ms, out);
	buf_addz(out, "},\"workers\":[");
	for (size_t i = 1; redis_at(reply, i); i++) {
		if (i > 1)
			buf_addc(out, ',');
		worker_json(redis_at(reply, i), out);
	}
	buf_addz(out, "]}\n");
}

void
registry_dead(struct redis *r, struct redis_cmd *cmd, const char *queues, int64_t most,
	redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_DEAD, 0, 1 + redis_count_names(queues), done);
	redis_argi(r, most);
	redis_arg_names(r, queues);
}

void
registry_dead_json(const struct redisReply *reply, struct buf *out)
{
	static const char *const keys[] = {"id", "queue", "reason", "tenant",
		"description", "created_at", "ended_at", "attempts"};

	buf_addz(out, "{\"dead_letters\":[");
	for (size_t i = 0; redis_at(reply, i); i++) {
		for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
			buf_addf(out, "%s\"%s\":",
				k > 0   ? ","
				: i > 0 ? ",{"
					: "{",
				keys[k]);
			json_quote(out, redis_text(redis_at(redis_at(reply, i), k)));
		}
		buf_addc(out, '}');
	}
	buf_addz(out, "]}");
}

void
registry_job(struct redis *r, struct redis_cmd *cmd, struct str id, redis_done *done)
{
	static const char *const fields[] = {"status", "origin", "prosaas_reason",
		"prosaas_tenant", "description", "created_at", "ended_at", "data",
		"prosaas_raw"};
	char key[8 + 256];

	redis_call(r, cmd, "HMGET", 1 + (int)ARRAY_LEN(fields), done);
	snprintf(key, sizeof(key), "rq:job:%.*s", STR_FMT(id));
	redis_argz(r, key);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		redis_argz(r, fields[i]);
}

int
registry_job_json(const struct redisReply *reply, struct str id, struct buf *out)
{
	static const char *const keys[] = {"status", "queue", "reason", "tenant",
		"description", "created_at", "ended_at"};
	struct str data = redis_text(redis_at(reply, 7)),
		   raw = redis_text(redis_at(reply, 8));
	struct rqjob_call call;
	struct arena arena;
	char why[128];

	if (!redis_text(redis_at(reply, 0)).p)
		return ERR_NOT_FOUND;
	buf_addz(out, "{\"id\":");
	json_quote(out, id);
	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		buf_addf(out, ",\"%s\":", keys[k]);
		json_quote(out, redis_text(redis_at(reply, k)));
	}
	if (raw.p) {
		buf_addz(out, ",\"raw\":");
		json_quote(out, raw);
	}
	arena_init(&arena);
	if (rqjob_parse(&arena, data, &call, why) == 0) {
		buf_addz(out, ",\"function\":");
		json_quote(out, call.func);
		buf_addz(out, ",\"kwargs\":");
		val_json(out, call.kwargs);
	} else {
		buf_addz(out, ",\"undecodable\":");
		json_quote(out, str_of(why));
	}
	arena_done(&arena);
	buf_addc(out, '}');
	return 0;
}

void
registry_trace(struct redis *r, struct redis_cmd *cmd, struct str id, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_TRACE, 0, 1, done);
	redis_arg(r, id);
}

bool
registry_traced(const struct redisReply *reply, size_t i, struct registry_traced *ret)
{
	const struct redisReply *row = redis_at(reply, i);
	struct str *const texts[] = {&ret->id, &ret->queue, &ret->status, &ret->tenant,
		&ret->trace, &ret->attempt, &ret->reason};
	int64_t *const times[] = {&ret->queued_us, &ret->started_us, &ret->ended_us};

	if (!row)
		return false;
	for (size_t k = 0; k < ARRAY_LEN(texts); k++)
		*texts[k] = redis_text(redis_at(row, k));
	for (size_t k = 0; k < ARRAY_LEN(times); k++)
		if (rqjob_date(redis_text(redis_at(row, ARRAY_LEN(texts) + k)),
			    times[k]) < 0)
			*times[k] = 0;
	return true;
}
