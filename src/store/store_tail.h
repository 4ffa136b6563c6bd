/* SPDX-License-Identifier: MIT */
/* store_tail.h: the newest messages of all tenants or of one, to be followed: without
 * what they say. */
#ifndef STORE_TAIL_H
#define STORE_TAIL_H

#include "store/store.h"

struct store_tail_row {
	int64_t id, reply_to;
	struct str tenant, direction, source, kind, chat, provider_message_id, status,
		reason;
	int64_t created_us, updated_us, sent_us;
	int64_t asked_us; /* when the message it replies to was stored; 0: to none */
};

/* store_tail: those above after_id, the newest first, at most limit.  Those of a chat,
 * an address or its part before the @, are looked for among all that are above. */
struct store_tail {
	struct store_op op;
	struct str tenant, chat; /* absent: of all */
	int64_t after_id, limit;
	struct store_tail_row *rows;
	size_t count;
	int64_t newest; /* id of all that there are; 0: none */
};
void store_tail(struct store *s, struct store_tail *op, struct flow *f);

#endif
