/* SPDX-License-Identifier: MIT */
/* store_trace.c: the turns that an id belongs to. */
#include "store/store_trace.h"

#include "base/arena.h"
#include "store/store_priv.h"

static void
read_row(struct sql *db, struct arena *a, struct store_trace_row *r)
{
	int64_t *const numbers[] = {&r->turn_id, &r->conversation_id, &r->id, &r->part,
		&r->attempts, &r->asked_us, &r->answered_us, &r->queued_us,
		&r->claimed_us, &r->created_us, &r->posted_us, &r->sent_us,
		&r->delivered_us, &r->read_us, &r->updated_us};
	struct str *const texts[] = {&r->tenant, &r->state, &r->direction, &r->source,
		&r->kind, &r->status, &r->reason, &r->message_id, &r->key, &r->job_id,
		&r->trace};
	int at = 0;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		*numbers[i] = sql_col_number(db, at++);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = sql_col_text(db, at++, a);
}

/* Of all tenants: who asks has an id and wants to know whose it is.  By its
 * key a reply has an index; all else is looked through, a second or so for a million
 * rows, by a command on a connection of its own that nobody waits for.  Indexes would
 * cost each message more than the few questions are worth. */
static int
start(struct sql *db, struct str id)
{
	return sql_row(db,
		"WITH found(turn) AS ("
		" SELECT turn_id FROM messages WHERE provider_message_id = ?1"
		" OR trace_id = ?1 OR job_id = ?1"
		" UNION SELECT turn_id FROM messages WHERE outbound_key = ?1"
		" LIMIT ?2)"
		" SELECT t.id, m.conversation_id, m.id, m.part, m.attempts, t.asked_us,"
		" t.answered_us, m.queued_us, m.claimed_us, m.created_us, m.posted_us,"
		" m.sent_us, m.delivered_us, m.read_us, m.updated_us, m.tenant_id,"
		" t.state, m.direction, m.source, m.kind, m.status, m.reason,"
		" m.provider_message_id, m.outbound_key, m.job_id, m.trace_id"
		" FROM found JOIN turns AS t ON t.id = found.turn"
		" JOIN messages AS m ON m.turn_id = t.id"
		" ORDER BY t.id, m.direction, m.part, m.id LIMIT ?3",
		SQL_TEXT(id), SQL_NUMBER(TRACE_TURNS_MAX + 1),
		SQL_NUMBER(TRACE_ROWS_MAX + 1));
}

static int
trace(struct store *s, struct store_op *op)
{
	struct store_trace *t = container_of(op, struct store_trace, op);
	struct sql *db = store_db(s);
	int64_t turn = 0, turns = 0;

	t->rows = arena_zalloc(op->arena, TRACE_ROWS_MAX * sizeof(*t->rows));
	t->count = 0;
	t->more = false;
	int r = start(db, t->id);
	for (; r > 0; r = sql_next(db)) {
		turns += sql_col_number(db, 0) != turn;
		turn = sql_col_number(db, 0);
		t->more = turns > TRACE_TURNS_MAX || t->count == TRACE_ROWS_MAX;
		if (t->more)
			break;
		read_row(db, op->arena, &t->rows[t->count++]);
	}
	return r < 0 ? r : 0;
}

void
store_trace(struct store *s, struct store_trace *op, struct flow *f)
{
	store_start(s, &op->op, trace, f);
}
