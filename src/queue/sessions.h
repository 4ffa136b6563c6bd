/* SPDX-License-Identifier: MIT */
/* sessions.h: the WhatsApp sessions of all tenants, as their gateways told.
 *
 *   gateway ---> sessions_tell ---> prosaas:session:<tenant>, prosaas:sessions
 *                    |
 *                    `-- connected again: the tenant's jobs that wait are due now, and
 *                        SESSIONS_RESUME tells workers to try its gateway at once
 *
 * Nothing is held back because of what is said here: what pauses a tenant's lanes is
 * its gateway refusing a send (client/breaker.h).  A word that never comes, or comes
 * late, costs a minute of waiting, no message. */
#ifndef QUEUE_SESSIONS_H
#define QUEUE_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "queue/redis.h"

struct buf;

#define SESSIONS_RESUME "prosaas:resume" /* a channel; the payload is the tenant */

struct sessions_word { /* borrowed */
	struct str tenant;
	struct str said, reason; /* as the gateway puts it */
	struct str name;         /* of the account; may be absent */
};

/* sessions_tell keeps it; redis_int() of the reply: how many jobs it resumed, -1 when
 * the state is as it was. */
void sessions_tell(struct redis *r, struct redis_cmd *cmd,
	const struct sessions_word *w, redis_done *done);

/* One that is not connected; borrowed from the reply. */
struct sessions_down {
	struct str tenant, state, reason, said;
	int64_t seconds; /* since when */
};

/* How many of prosaas:sessions, as HGETALL gives it, are in a state. */
int64_t sessions_count(const struct redisReply *all, const char *state);

/* Of the reply to sessions_read(): all of them, for sessions_count(); the i-th of those
 * that are not connected, longest first, false when there is none. */
const struct redisReply *sessions_all(const struct redisReply *reply);
bool sessions_down(const struct redisReply *reply, size_t i, struct sessions_down *ret);

/* sessions_read asks for all; sessions_json then writes
 *   {"sessions":{"connected":3,"qr":1,...},"down":[{"tenant":"7","state":"qr",
 *    "seconds":90,"reason":"logged_out","said":"disconnected"},...]}
 * down: what is not connected, longest first, at most `most`. */
void
sessions_read(struct redis *r, struct redis_cmd *cmd, int64_t most, redis_done *done);
void sessions_json(const struct redisReply *reply, struct buf *out);

#endif
