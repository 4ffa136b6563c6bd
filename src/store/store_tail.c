/* SPDX-License-Identifier: MIT */
/* store_tail.c: the newest messages, to be followed. */
#include "store/store_tail.h"

#include "base/arena.h"
#include "store/store_priv.h"

#define TAIL_ROWS                                                                  \
	"SELECT m.id, m.reply_to, m.tenant_id, m.direction, m.source, m.kind, "    \
	"m.chat, m.provider_message_id, m.status, m.reason, m.created_us, "        \
	"m.updated_us, m.sent_us, q.created_us FROM messages m "                   \
	"LEFT JOIN messages q ON q.tenant_id = m.tenant_id AND q.id = m.reply_to " \
	"WHERE m.id > ?1 AND (?2 IS NULL OR m.chat = ?2 "                          \
	"OR substr(m.chat, 1, length(?2) + 1) = ?2 || '@') "

static void
read_row(struct sql *db, struct arena *a, struct store_tail_row *r)
{
	struct str *const texts[] = {&r->tenant, &r->direction, &r->source, &r->kind,
		&r->chat, &r->provider_message_id, &r->status, &r->reason};
	int64_t *const times[] = {
		&r->created_us, &r->updated_us, &r->sent_us, &r->asked_us};
	int at = 2;

	r->id = sql_col_number(db, 0);
	r->reply_to = sql_col_number(db, 1);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = sql_col_text(db, at++, a);
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		*times[i] = sql_col_number(db, at++);
}

/* Two statements: each walks an index of its own from its end. */
static int
start(struct sql *db, const struct store_tail *t)
{
	if (t->tenant.p)
		return sql_row(db,
			TAIL_ROWS "AND m.tenant_id = ?4 ORDER BY m.id DESC LIMIT ?3",
			SQL_NUMBER(t->after_id), SQL_TEXT(t->chat),
			SQL_NUMBER(t->limit), SQL_TEXT(tenant_id(t->tenant)));
	return sql_row(db, TAIL_ROWS "ORDER BY m.id DESC LIMIT ?3",
		SQL_NUMBER(t->after_id), SQL_TEXT(t->chat), SQL_NUMBER(t->limit));
}

static int
tail(struct store *s, struct store_op *op)
{
	struct store_tail *t = container_of(op, struct store_tail, op);
	struct sql *db = store_db(s);

	t->rows = arena_zalloc(op->arena, (size_t)t->limit * sizeof(*t->rows));
	t->count = 0;
	int r = start(db, t);
	for (; r > 0 && t->count < (size_t)t->limit; r = sql_next(db))
		read_row(db, op->arena, &t->rows[t->count++]);
	if (r >= 0)
		r = sql_row(db, "SELECT max(id) FROM messages");
	if (r > 0)
		t->newest = sql_col_number(db, 0);
	return r < 0 ? r : 0;
}

void
store_tail(struct store *s, struct store_tail *op, struct flow *f)
{
	store_start(s, &op->op, tail, f);
}
