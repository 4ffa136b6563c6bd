/* SPDX-License-Identifier: MIT */
/* checkup.h: what a doctor asks Redis about jobs, and the mending that is safe.
 *
 * The replies are read where they are judged (doctor/work_priv.h); the scripts say what
 * is in them. */
#ifndef QUEUE_CHECKUP_H
#define QUEUE_CHECKUP_H

#include <stdint.h>

#include "base/str.h"
#include "queue/redis.h"

enum {
	CHECKUP_LATE_S = 15, /* a sweep each second and a lease of 15 s leave nothing
				overdue for longer */
	CHECKUP_MOST =
		1000, /* entries looked at per place: bounds the stall of Redis */
	CHECKUP_SCAN = 1000, /* keys looked at a call */
};

/* checkup_look: workers, leader, queues, and what nobody moves (checkup.lua). */
void checkup_look(
	struct redis *r, struct redis_cmd *cmd, const char *queues, redis_done *done);

/* checkup_locks: the dedupe locks among the next keys, and how many have no end; with
 * ttl_s > 0 those get one (endless.lua).  Begin with cursor "0", end when it is again.
 */
void checkup_locks(struct redis *r, struct redis_cmd *cmd, struct str cursor,
	int64_t ttl_s, redis_done *done);

/* checkup_prune drops registrations of workers that are gone (prune.lua). */
void checkup_prune(
	struct redis *r, struct redis_cmd *cmd, const char *queues, redis_done *done);

/* checkup_ended: how many jobs ended since Unix second from_s (ended.lua). */
void checkup_ended(struct redis *r, struct redis_cmd *cmd, const char *queues,
	int64_t from_s, redis_done *done);

#endif
