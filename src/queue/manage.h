/* SPDX-License-Identifier: MIT */
/* manage.h: what a person does to jobs and queues.
 *
 * Each function begins one command whose reply is read with the words beside it.
 * What changes a job is one script a call: a job is moved whole or not at all, and
 * is never in none of its places.  Many ids go in batches of MANAGE_BATCH, which
 * bounds how long Redis is held. */
#ifndef QUEUE_MANAGE_H
#define QUEUE_MANAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "queue/redis.h"

struct arena;

enum {
	MANAGE_BATCH = 200, /* ids a call */
	MANAGE_PAGE = 500,  /* jobs looked at a call */
};

/* manage_is_id says whether RQ 2 would take it: A-Z a-z 0-9 _ -, at most 200. */
bool manage_is_id(struct str id);

/* --- looking -------------------------------------------------------------- */

struct manage_find {
	struct str queue;
	const char *status;        /* of RQ */
	struct str tenant, reason; /* absent: any; a reason is one that begins so */
	bool newest_first;
};

struct manage_row {
	struct str id, queue, status, tenant, reason, attempts, created_at, ended_at,
		description;
};

/* manage_find asks for the page of one queue's jobs that begins at offset.
 * manage_page returns the offset of the next, -1 at the end; its rows are read
 * with manage_row, which copies into the arena: false when there is no such row. */
void manage_find(struct redis *r, struct redis_cmd *cmd, const struct manage_find *f,
	int64_t offset, redis_done *done);
int64_t manage_page(const struct redisReply *reply);
bool manage_row(const struct redisReply *reply, size_t i, struct arena *a,
	struct manage_row *ret);

/* manage_show asks for one job; see script/show.lua for the reply. */
void
manage_show(struct redis *r, struct redis_cmd *cmd, struct str id, redis_done *done);

/* manage_queues asks for the counts of all queues; see script/queues.lua. */
void manage_queues(
	struct redis *r, struct redis_cmd *cmd, const char *names, redis_done *done);

/* --- changing ------------------------------------------------------------- */

/* At most MANAGE_BATCH ids; the reply is an array of one text an id, which begins
 * with "ok ", or says in its first word why not (see the scripts). */
void manage_retry(struct redis *r, struct redis_cmd *cmd, const struct str *ids,
	size_t count, int64_t retries, redis_done *done);
void manage_cancel(struct redis *r, struct redis_cmd *cmd, const struct str *ids,
	size_t count, redis_done *done);
void manage_discard(struct redis *r, struct redis_cmd *cmd, const struct str *ids,
	size_t count, redis_done *done);

struct manage_job {
	struct str id, queue, tenant; /* tenant: absent for none */
	struct str lane;              /* absent: it waits for nobody */
	struct str description, data;
	struct str parent;          /* the job it waits for; absent: none */
	int64_t due_s;              /* Unix seconds; 0: at once */
	int64_t timeout_s, retries; /* retries < 0: the field is not written */
};

/* manage_submit writes a job; the reply is a text: "queued", "scheduled",
 * "deferred", "exists", "no parent", or "error ...". */
void manage_submit(struct redis *r, struct redis_cmd *cmd, const struct manage_job *j,
	redis_done *done);

/* manage_restore puts a queue back as RQ alone would have it (act), or counts what
 * that would move.  Refused while a worker of ours lives, unless forced. */
void manage_restore(struct redis *r, struct redis_cmd *cmd, struct str queue, bool act,
	bool force, redis_done *done);

#endif
