/* SPDX-License-Identifier: MIT */
/* registry.h: what stands in Redis, read for people.
 *
 * Reading never writes (RQ's own counting runs its cleaners). */
#ifndef QUEUE_REGISTRY_H
#define QUEUE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "queue/redis.h"

struct buf;

/* registry_age_s says how many whole seconds ago a date of RQ's was; 0 for one to come
 * and for what is none. */
int64_t registry_age_s(struct str date);

/* registry_stats asks for the counts of all queues in `queues` (comma separated);
 * registry_stats_json then writes the answer's JSON:
 *   {"queues":{"default":{"queued":0,"started":0,...,"oldest_age_seconds":0},...}} */
void registry_stats(
	struct redis *r, struct redis_cmd *cmd, const char *queues, redis_done *done);
void registry_stats_json(
	const struct redisReply *reply, const char *queues, struct buf *out);

/* registry_tenants asks for the same by tenant: `only` one, or with an empty text the
 * `most` that have most queued.  The JSON:
 *   {"tenants":{"1":{"queued":3,"started":1,"oldest_age_seconds":4},...},
 *    "tenants_total":12,"unseen":0}
 * unseen: what was beyond the bounds of script/tenants.lua. */
void registry_tenants(struct redis *r, struct redis_cmd *cmd, const char *queues,
	struct str only, int64_t most, redis_done *done);
void
registry_tenants_json(const struct redisReply *reply, struct str only, struct buf *out);

/* registry_health asks who works and who leads.  The JSON of all:
 *   {"status":"ok","why":[],"scheduler":{"leading":true,"heartbeat_age_seconds":0.4},
 *    "workers":[{"name":...,"state":"idle","queues":"...","heartbeat_age_seconds":1.2}]}
 * "unhealthy" without a worker whose heartbeat is fresh, "degraded" without a leading
 * scheduler.  scheduler_only: {"status","why","leading","heartbeat_age_seconds"}. */
void registry_health(struct redis *r, struct redis_cmd *cmd, redis_done *done);
void registry_health_json(
	const struct redisReply *reply, bool scheduler_only, struct buf *out);

/* registry_dead asks for at most `most` failed jobs of each queue, newest first. */
void registry_dead(struct redis *r, struct redis_cmd *cmd, const char *queues,
	int64_t most, redis_done *done);
void registry_dead_json(const struct redisReply *reply, struct buf *out);

/* registry_job asks for one job (an id of at most 256 bytes); its JSON has the
 * function, the arguments and, for what the door kept, the message's bytes.
 * ERR_NOT_FOUND. */
void
registry_job(struct redis *r, struct redis_cmd *cmd, struct str id, redis_done *done);
int registry_job_json(
	const struct redisReply *reply, struct str id, struct buf *out) MUSTCHECK;

/* registry_trace asks for the jobs of an id: its own, or those that carried the message
 * of that id.  registry_traced reads one, borrowed from the reply: false when there is
 * no such row.  A time of 0 is not known. */
struct registry_traced {
	struct str id, queue, status, tenant, trace, attempt, reason;
	int64_t queued_us, started_us, ended_us;
};
void
registry_trace(struct redis *r, struct redis_cmd *cmd, struct str id, redis_done *done);
bool
registry_traced(const struct redisReply *reply, size_t i, struct registry_traced *ret);

#endif
