/* SPDX-License-Identifier: MIT */
/* store_messages.c: what was said, listed for people. */
#include "base/arena.h"
#include "base/err.h"
#include "store/store_priv.h"

enum { LIMIT_MAX = 500 };

static void
read_message(struct sql *db, struct arena *a, struct store_message *m)
{
	m->id = sql_col_number(db, 0);
	m->conversation_id = sql_col_number(db, 1);
	m->turn_id = sql_col_number(db, 2);
	m->reply_to = sql_col_number(db, 3);
	m->direction = sql_col_text(db, 4, a);
	m->source = sql_col_text(db, 5, a);
	m->chat = sql_col_text(db, 6, a);
	m->kind = sql_col_text(db, 7, a);
	m->text = sql_col_text(db, 8, a);
	m->status = sql_col_text(db, 9, a);
	m->provider_message_id = sql_col_text(db, 10, a);
	m->outbound_key = sql_col_text(db, 11, a);
	m->reason = sql_col_text(db, 12, a);
	m->created_us = sql_col_number(db, 13);
	m->sent_us = sql_col_number(db, 14);
	m->attempts = sql_col_number(db, 15);
	m->delivered_us = sql_col_number(db, 16);
	m->read_us = sql_col_number(db, 17);
	m->edited_us = sql_col_number(db, 18);
	m->revoked_us = sql_col_number(db, 19);
}

static int
list(struct store *s, struct store_op *op)
{
	struct store_message_list *l = container_of(op, struct store_message_list, op);
	struct sql *db = store_db(s);

	if (l->limit < 1 || l->limit > LIMIT_MAX)
		return store_fail(
			op, ERR_SHAPE, "limit must be from 1 to %d", LIMIT_MAX);
	l->messages = arena_zalloc(op->arena, (size_t)l->limit * sizeof(*l->messages));
	l->count = 0;
	int r = sql_row(db,
		"SELECT id, conversation_id, turn_id, reply_to, direction, source, "
		"chat, kind, body,"
		" status, provider_message_id, outbound_key, reason, created_us, "
		"sent_us, attempts, delivered_us, read_us, edited_us, revoked_us"
		" FROM messages WHERE tenant_id = ?1 AND (?2 IS NULL OR chat = ?2)"
		" AND (?3 = 0 OR id < ?3) ORDER BY id DESC LIMIT ?4",
		SQL_TEXT(tenant_id(l->tenant)), SQL_TEXT(l->chat),
		SQL_NUMBER(l->before_id), SQL_NUMBER(l->limit));
	for (; r > 0 && l->count < (size_t)l->limit; r = sql_next(db))
		read_message(db, op->arena, &l->messages[l->count++]);
	return r < 0 ? r : 0;
}

void
store_message_list(struct store *s, struct store_message_list *op, struct flow *f)
{
	store_start(s, &op->op, list, f);
}
