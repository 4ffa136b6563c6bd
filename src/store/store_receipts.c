/* SPDX-License-Identifier: MIT */
/* store_receipts.c: what became of a message that we, or a person on our phone, sent.
 *
 *   pending < sending < failed (our word) < sent < failed (WhatsApp's) < delivered <
 * read
 *
 * A status only rises, so receipts may come in any order and more than once.  Our own
 * "failed" is a doubt (no answer of the gateway): a receipt ends it.  WhatsApp's comes
 * after its "sent", and only a sign of life of the other phone is stronger.
 *
 * A receipt, or an echo, that names our outbound key shows that the message left: the
 * reply is sent, and its turn done, whatever the job that posted it gets to know. */
#include "base/clock.h"
#include "base/err.h"
#include "store/store_priv.h"

/* Of a row, and of a word.  The reasons are WHATSAPP_SAYS. */
#define RANK_OF_ROW                                                             \
	"CASE status WHEN 'pending' THEN 1 WHEN 'sending' THEN 2 WHEN 'failed'" \
	" THEN iif(reason GLOB 'whatsapp*', 5, 3) WHEN 'sent' THEN 4"           \
	" WHEN 'delivered' THEN 6 WHEN 'read' THEN 7 END"
#define RANK_OF_WORD                                      \
	"CASE ?3 WHEN 'sent' THEN 4 WHEN 'failed' THEN 5" \
	" WHEN 'delivered' THEN 6 WHEN 'read' THEN 7 ELSE 0 END"

/* The first time counts: in a group many phones send receipts.  A time that is later
 * than the one that is kept says nothing new. */
static int
raise_status(struct sql *db, struct str tenant, int64_t row, struct str status,
	struct str reason, int64_t at_us)
{
	return sql_do(db,
		"UPDATE messages SET"
		" status = iif(" RANK_OF_ROW " < " RANK_OF_WORD ", ?3, status),"
		" reason = iif(" RANK_OF_ROW " < " RANK_OF_WORD ", ?4, reason),"
		" sent_us = iif(?3 = 'failed', sent_us, ifnull(sent_us, ?5)),"
		" delivered_us = iif(?3 = 'delivered', min(ifnull(delivered_us, ?5), "
		"?5),"
		"  delivered_us),"
		" read_us = iif(?3 = 'read', min(ifnull(read_us, ?5), ?5), read_us),"
		" updated_us = ?6"
		" WHERE id = ?2 AND tenant_id = ?1 AND (" RANK_OF_ROW " < " RANK_OF_WORD
		" OR (?3 = 'delivered' AND ifnull(delivered_us > ?5, 1))"
		" OR (?3 = 'read' AND ifnull(read_us > ?5, 1)))",
		SQL_TEXT(tenant), SQL_NUMBER(row), SQL_TEXT(status), SQL_TEXT(reason),
		SQL_NUMBER(at_us), SQL_NUMBER(clock_wall_us()));
}

/* A turn whose replies have all left, or can't, is over. */
static int
end_turn_of(struct sql *db, struct str tenant, int64_t row)
{
	int r = sql_row(db,
		"SELECT turn_id FROM messages WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(row));

	return r <= 0 ? r : turn_end(db, tenant, sql_col_number(db, 0));
}

int
message_seen(struct sql *db, struct str tenant, int64_t row, struct str status,
	struct str reason, int64_t at_us)
{
	int r = raise_status(
		db, tenant, row, status, reason, at_us ? at_us : clock_wall_us());
	if (r <= 0)
		return r;
	r = end_turn_of(db, tenant, row);
	return r < 0 ? r : 1;
}

static int64_t
find_key(struct sql *db, struct str tenant, struct str key)
{
	int r = sql_row(db,
		"SELECT id FROM messages WHERE outbound_key = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_TEXT(key));

	return r > 0 ? sql_col_number(db, 0) : r;
}

int64_t
sent_find(struct sql *db, struct str tenant, struct str provider, int64_t conversation,
	struct str id)
{
	int r = sql_row(db,
		"SELECT id FROM messages WHERE tenant_id = ?1 AND provider = ?2"
		" AND conversation_id = ?3 AND direction = 'out'"
		" AND provider_message_id = ?4 AND twin_of IS NULL",
		SQL_TEXT(tenant), SQL_TEXT(provider), SQL_NUMBER(conversation),
		SQL_TEXT(id));
	if (r == 0)
		return find_key(db, tenant, id);
	return r > 0 ? sql_col_number(db, 0) : r;
}

int
message_note_id(struct sql *db, struct str tenant, int64_t row, struct str id)
{
	int r = sql_do(db,
		"UPDATE messages SET provider_message_id = ?3 WHERE id = ?2"
		" AND tenant_id = ?1 AND provider_message_id IS NULL",
		SQL_TEXT(tenant), SQL_NUMBER(row), SQL_TEXT(id));
	return r == ERR_EXISTS ? 0 : r;
}

static int
receipt(struct store *s, struct store_op *op)
{
	struct store_receipt *c = container_of(op, struct store_receipt, op);
	struct sql *db = store_db(s);
	struct str tenant = tenant_id(c->tenant);

	int64_t conversation = conversation_find(db, op->arena, tenant, c->chat);
	if (conversation < 0)
		return (int)conversation;
	c->row_id = sent_find(db, tenant, c->provider, conversation, c->message_id);
	if (c->row_id == 0 && c->key.n > 0)
		c->row_id = find_key(db, tenant, c->key);
	if (c->row_id <= 0)
		return (int)c->row_id;
	int r = message_seen(db, tenant, c->row_id, c->status, c->reason, c->at_us);
	c->changed = r > 0;
	return r < 0 ? r : message_note_id(db, tenant, c->row_id, c->message_id);
}

void
store_receipt(struct store *s, struct store_receipt *op, struct flow *f)
{
	op->row_id = 0;
	op->changed = false;
	store_start(s, &op->op, receipt, f);
}
