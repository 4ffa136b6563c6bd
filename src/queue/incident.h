/* SPDX-License-Identifier: MIT */
/* incident.h: alerts that fire, as Redis keeps them, so that a new leader repeats none.
 *
 *   prosaas:alerts          hash: name -> what is known, JSON, while it fires
 *   prosaas:alerts:log      list: the same of each change, the newest first, 100
 *   prosaas:alerts:outbox   list: notices to deliver, the oldest first
 *
 * script/incident.lua makes a change and its notice in one step, and only the first who
 * asks for it makes it. */
#ifndef QUEUE_INCIDENT_H
#define QUEUE_INCIDENT_H

#include "base/str.h"
#include "queue/redis.h"

struct buf;

/* Who may make a change, besides a leader's token. */
#define INCIDENT_NOBODY "nobody" /* while no scheduler leads */
#define INCIDENT_ANYONE "anyone"

struct incident {
	const char *who, *name;
	bool firing;
	struct str entry, notice; /* JSON; an empty notice: none */
};

/* incident_change: the reply is 1 when this call changed it, 0 when it was so already,
 * -1 when `who` may not. */
void incident_change(struct redis *r, struct redis_cmd *cmd, const struct incident *i,
	redis_done *done);

/* incident_first asks for the first notice (a string or nil), incident_delivered takes
 * it from the outbox. */
void incident_first(struct redis *r, struct redis_cmd *cmd, redis_done *done);
void incident_delivered(
	struct redis *r, struct redis_cmd *cmd, struct str notice, redis_done *done);

/* incident_list asks; the JSON of the answer: {"alerts":[...],"recent":[...]}. */
void incident_list(struct redis *r, struct redis_cmd *cmd, redis_done *done);
void incident_list_json(const struct redisReply *reply, struct buf *out);

#endif
