/* SPDX-License-Identifier: MIT */
/* store_audit.c: what was decided, listed for people and added to by commands. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/store_priv.h"

enum { LIMIT_MAX = 10000 };

/* No contact is NULL, for the column refers to one. */
int64_t
audit_note(struct sql *db, const struct audit_entry *e)
{
	int r = sql_do(db,
		"INSERT INTO audit (tenant_id, action, actor, contact_id, other_id,"
		" conversation_id, detail, created_us, broadcast_id) VALUES (?1, ?2,"
		" ?3, nullif(?4, 0), nullif(?5, 0), nullif(?6, 0), ?7, ?8,"
		" nullif(?9, 0))",
		SQL_TEXT(e->tenant), SQL_TEXT(e->action), SQL_TEXT(e->actor),
		SQL_NUMBER(e->contact_id), SQL_NUMBER(e->other_id),
		SQL_NUMBER(e->conversation_id), SQL_TEXT(e->detail),
		SQL_NUMBER(clock_wall_us()), SQL_NUMBER(e->broadcast_id));
	return r < 0 ? r : sql_inserted(db);
}

static int
add(struct store *s, struct store_op *op)
{
	struct store_audit_add *a = container_of(op, struct store_audit_add, op);
	struct str tenant = tenant_id(a->tenant);
	struct sql *db = store_db(s);
	struct tenant found;

	int r = tenant_must(db, op, tenant, &found);
	if (r < 0)
		return r;
	int64_t id = audit_note(db,
		&(struct audit_entry){
			.tenant = tenant, .action = a->action, .detail = a->detail});
	return id < 0 ? (int)id : 0;
}

void
store_audit_add(struct store *s, struct store_audit_add *op, struct flow *f)
{
	store_start(s, &op->op, add, f);
}

static void
read_row(struct sql *db, struct arena *a, struct store_audit *row)
{
	row->id = sql_col_number(db, 0);
	row->action = sql_col_text(db, 1, a);
	row->contact_id = sql_col_number(db, 2);
	row->other_id = sql_col_number(db, 3);
	row->detail = sql_col_text(db, 4, a);
	row->created_us = sql_col_number(db, 5);
	row->undone_us = sql_col_number(db, 6);
	row->actor = sql_col_text(db, 7, a);
	row->conversation_id = sql_col_number(db, 8);
}

static int
list(struct store *s, struct store_op *op)
{
	struct store_audit_list *l = container_of(op, struct store_audit_list, op);
	struct str tenant = tenant_id(l->tenant);
	struct sql *db = store_db(s);
	struct tenant found;

	if (l->limit < 1 || l->limit > LIMIT_MAX)
		return store_fail(
			op, ERR_SHAPE, "limit must be from 1 to %d", LIMIT_MAX);
	int r = tenant_must(db, op, tenant, &found);
	if (r < 0)
		return r;
	l->rows = arena_zalloc(op->arena, (size_t)l->limit * sizeof(*l->rows));
	l->count = 0;
	r = sql_row(db,
		"SELECT id, action, contact_id, other_id,"
		" iif(broadcast_id IS NULL, detail, 'broadcast ' || broadcast_id),"
		" created_us, undone_us, actor, conversation_id"
		" FROM audit WHERE tenant_id = ?1 ORDER BY id DESC LIMIT ?2",
		SQL_TEXT(tenant), SQL_NUMBER(l->limit));
	for (; r > 0 && l->count < (size_t)l->limit; r = sql_next(db))
		read_row(db, op->arena, &l->rows[l->count++]);
	return r < 0 ? r : 0;
}

void
store_audit_list(struct store *s, struct store_audit_list *op, struct flow *f)
{
	store_start(s, &op->op, list, f);
}
