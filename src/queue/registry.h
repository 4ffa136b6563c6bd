/* SPDX-License-Identifier: MIT */
/* registry.h: what stands in Redis, read for people.
 *
 * Reading never writes (RQ's own counting runs its cleaners). */
#ifndef QUEUE_REGISTRY_H
#define QUEUE_REGISTRY_H

#include "base/str.h"
#include "queue/redis.h"

struct buf;

/* registry_stats asks for the counts of all queues in `queues` (comma separated);
 * registry_stats_json then writes the answer's JSON:
 *   {"queues":{"default":{"queued":0,"started":0,...,"oldest_age_seconds":0},...}} */
void registry_stats(struct redis *r, struct redis_cmd *cmd, const char *queues, redis_done *done);
void registry_stats_json(const struct redisReply *reply, const char *queues, struct buf *out);

#endif
