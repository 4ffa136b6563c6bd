/* SPDX-License-Identifier: MIT */
/* forget.h: what Redis holds of one person, found and deleted.
 *
 *   forget_hold ---> { forget_scan ---> forget_look  ---> forget_jobs }    jobs
 *                    { forget_scan ---> forget_locks ---> forget_unlock }  dedupe locks
 *               ---> forget_release
 *
 * Between hold and release no job of the person's chats begins: what comes waits.  The
 * hold ends by itself FORGET_HOLD_S after the last call that renews it (forget_hold,
 * forget_look).  Whose a job is, the caller says (job/belongs.h): an address has many
 * spellings.  Each call is one script over one batch, which bounds how long Redis is
 * held. */
#ifndef QUEUE_FORGET_H
#define QUEUE_FORGET_H

#include <stdbool.h>

#include "base/str.h"
#include "queue/redis.h"

enum {
	FORGET_BATCH = 200, /* keys, about, that SCAN looks at in a call */
	FORGET_HOLD_S = 60,
};

/* forget_hold holds lanes for `me`, an id of no job.  Reply: "ok", or "busy ID" when a
 * job of one of them runs. */
void forget_hold(struct redis *r, struct redis_cmd *cmd, struct str me,
	const struct str *lanes, size_t count, redis_done *done);
void forget_release(struct redis *r, struct redis_cmd *cmd, struct str me,
	const struct str *lanes, size_t count, redis_done *done);

/* forget_scan asks for the next keys: begin with cursor "0", end when it is "0" again.
 * The reply is read with redis_at(): 0 is the cursor, 1 the keys. */
void forget_scan(struct redis *r, struct redis_cmd *cmd, struct str cursor,
	const char *pattern, redis_done *done);

/* forget_look asks about jobs by their keys.  forget_job reads row i of the reply; its
 * texts are the reply's.  data and raw are empty when the lane says whose it is. */
struct forget_job {
	struct str id, status, tenant, lane, data, raw;
};
void forget_look(struct redis *r, struct redis_cmd *cmd, struct str me,
	struct str tenant, const struct str *keys, size_t count, redis_done *done);
bool forget_job(const struct redisReply *reply, size_t i, struct forget_job *ret);

/* forget_jobs deletes jobs by their ids; a word for each: "ok", "busy", "gone". */
void forget_jobs(struct redis *r, struct redis_cmd *cmd, const struct str *ids,
	size_t count, redis_done *done);

/* forget_locks asks for the fields of locks: per lock its key and an array.
 * forget_unlock deletes fields, given as pairs key, field; the reply is how many. */
void forget_locks(struct redis *r, struct redis_cmd *cmd, const struct str *keys,
	size_t count, redis_done *done);
void forget_unlock(struct redis *r, struct redis_cmd *cmd, const struct str *pairs,
	size_t count, redis_done *done);

#endif
