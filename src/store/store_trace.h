/* SPDX-License-Identifier: MIT */
/* store_trace.h: the turns that a message, a job or a trace belongs to, with all that
 * was said in them and when; never what. */
#ifndef STORE_STORE_TRACE_H
#define STORE_STORE_TRACE_H

#include "store/store.h"

enum { TRACE_TURNS_MAX = 20, TRACE_ROWS_MAX = 500 };

/* A message of one of the turns; of what is not known: absent, 0. */
struct store_trace_row {
	int64_t turn_id, conversation_id, id, part, attempts;
	struct str tenant, state; /* state: of the turn */
	struct str direction, source, kind, status, reason, message_id, key, job_id,
		trace;
	int64_t asked_us, answered_us; /* of the turn */
	int64_t queued_us, claimed_us, created_us, posted_us, sent_us, delivered_us,
		read_us, updated_us;
};

/* store_trace: id is a message id of WhatsApp's or ours, a trace or a job.  The same id
 * may be several tenants', and all are found.  Turn by turn, what came in first. */
struct store_trace {
	struct store_op op;
	struct str id;
	struct store_trace_row *rows;
	size_t count;
	bool more; /* than TRACE_TURNS_MAX or TRACE_ROWS_MAX */
};
void store_trace(struct store *s, struct store_trace *op, struct flow *f);

#endif
