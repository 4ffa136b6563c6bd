/* SPDX-License-Identifier: MIT */
/* survey.h: how the whole stands: one script call that counts what waits, who works and
 * which sessions are up, and collects the vitals of all processes.
 *
 * Schedulers ask, all of them, each few seconds: what is found becomes the gauges of
 * metrics.h (queues, workers, lanes, sessions, memory of Redis), and what the alerts
 * are evaluated from. */
#ifndef QUEUE_SURVEY_H
#define QUEUE_SURVEY_H

#include <stdint.h>

#include "base/str.h"
#include "queue/redis.h"

struct survey {
	int64_t depth, oldest_s; /* of all queues */
	int64_t workers;
	int64_t session_down_s; /* of the session down for longest; 0: all are up */
	struct str session_down, session_state; /* its tenant, and how it stands */
	int64_t redis_memory, redis_memory_max, now_s; /* bytes; Redis's clock */

	/* Lists of the reply: {"<role>:<id>", fields} of each process; name and JSON of
	 * each alert that fires. */
	const struct redisReply *vitals, *firing;
	struct str notice; /* the first to deliver; empty: none */
};

/* survey_ask asks; survey_take reads the answer, borrowing from it, and sets gauges.
 * What has no answer is survey_lost: the gauges are unknown. */
void survey_ask(
	struct redis *r, struct redis_cmd *cmd, const char *queues, redis_done *done);
void
survey_take(const struct redisReply *reply, const char *queues, struct survey *ret);
void survey_lost(void);

#endif
