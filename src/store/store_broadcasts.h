/* SPDX-License-Identifier: MIT */
/* store_broadcasts.h: one text to many people, at a pace.
 *
 *   draft ---start---> running ---all are over---> done
 *     |                |  ^  |
 *     |          pause |  |  | cancel
 *     |                v  |  v
 *     '--cancel--> paused ---cancel---> cancelled
 *                     start or resume
 *
 * A recipient is pending until store_outbox_due makes a row of the outbox for him;
 * whatever becomes of that row is what became of him.  Pausing and cancelling take back
 * each row that is not being sent yet, in the same transaction. */
#ifndef STORE_STORE_BROADCASTS_H
#define STORE_STORE_BROADCASTS_H

#include "store/store.h"

enum {
	BROADCAST_RATE_MAX = 1000, /* a minute */
	BROADCAST_RECIPIENTS_MAX = 100000,
};

struct broadcast {
	int64_t id, rate_per_min, next_us, created_us;
	struct str name, text, status;
	int64_t total, sent, failed, skipped, queued, pending;
};

struct broadcast_recipient {
	struct str to, name; /* as store_outbox_add takes them; name may be absent */
	const char *wrong;   /* result: why he can't be written to; NULL: he can */
	bool known;          /* result: he is in the list before */
};

/* store_broadcast_add: a draft.  A recipient who stands there twice, under whatever
 * spelling or name of his, is taken once and counted.  With one who is wrong nothing is
 * added (ERR_SHAPE) unless skip_wrong. */
struct store_broadcast_add {
	struct store_op op;
	struct str tenant, name, text;
	struct str content; /* as in struct store_outbox_add */
	int64_t rate_per_min;
	struct broadcast_recipient *recipients;
	size_t count;
	bool skip_wrong;

	int64_t id;
	size_t wrong, twice; /* how many */
};
void
store_broadcast_add(struct store *s, struct store_broadcast_add *op, struct flow *f);

/* store_broadcast_act: start, pause, resume or cancel.  What it is already it stays;
 * ERR_EXISTS with words when it can't become that. */
struct store_broadcast_act {
	struct store_op op;
	struct str tenant, act;
	int64_t id;

	struct str status;  /* now */
	int64_t taken_back; /* messages that were to go next and do not */
};
void
store_broadcast_act(struct store *s, struct store_broadcast_act *op, struct flow *f);

/* store_broadcast_list: id 0: all, the newest first, at most limit; else that one, or
 * ERR_NOT_FOUND. */
struct store_broadcast_list {
	struct store_op op;
	struct str tenant;
	int64_t id, limit;

	struct broadcast *rows;
	size_t count;
};
void
store_broadcast_list(struct store *s, struct store_broadcast_list *op, struct flow *f);

#endif
