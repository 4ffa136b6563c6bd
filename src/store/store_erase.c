/* SPDX-License-Identifier: MIT */
/* store_erase.c: a person is forgotten.
 *
 *   add_totals, add_hashes ---> blank_quotes ---> erase_all (personal.h) ---> add_audit
 *
 * All in one transaction.  Whoever works a message of his meanwhile finds his turn gone
 * and fails; the command holds his chats so that nobody does (queue/forget.h).  Who
 * writes again is a new contact. */
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "store/personal.h"
#include "store/store_priv.h"

/* Deletes the rows of one table: how many. */
typedef int erase_rows(struct sql *db, struct str tenant, const struct store_who *who);

#define ERASE_(table, condition)                                                \
	static int erase_##table(                                               \
		struct sql *db, struct str tenant, const struct store_who *who) \
	{                                                                       \
		return sql_do(db,                                               \
			WITH_PERSON "DELETE FROM " #table " WHERE " condition,  \
			PERSON_ARGS(tenant, who));                              \
	}
PERSONAL_TABLES(ERASE_)
#undef ERASE_

static const struct {
	const char *table;
	erase_rows *erase;
} tables[] = {
#define ROW_(table, condition) {#table, erase_##table},
	PERSONAL_TABLES(ROW_)
#undef ROW_
};

/* What it has cost stays known. */
static int
add_totals(struct sql *db, const struct store_erase *e, struct buf *out)
{
	int r = sql_row(db,
		WITH_PERSON
		"SELECT (SELECT count(*) FROM messages WHERE tenant_id = ?1"
		"  AND conversation_id IN chats), count(*), ifnull(sum(tokens_in), 0),"
		" ifnull(sum(tokens_out), 0) FROM turns"
		" WHERE tenant_id = ?1 AND conversation_id IN chats",
		PERSON_ARGS(tenant_id(e->tenant), &e->who));
	if (r <= 0)
		return r;
	buf_addf(out, "messages=%lld turns=%lld tokens_in=%lld tokens_out=%lld of",
		(long long)sql_col_number(db, 0), (long long)sql_col_number(db, 1),
		(long long)sql_col_number(db, 2), (long long)sql_col_number(db, 3));
	return 0;
}

static int
add_hashes(struct sql *db, const struct store_erase *e, struct buf *out)
{
	struct arena *a = e->op.arena;

	int r = sql_row(db, WITH_PERSON "SELECT value FROM names ORDER BY value",
		PERSON_ARGS(tenant_id(e->tenant), &e->who));
	for (; r > 0; r = sql_next(db)) {
		struct str name[] = {tenant_id(e->tenant), sql_col_text(db, 0, a)};
		char id[DIGEST_ID_SIZE];

		digest_id(name, ARRAY_LEN(name), id);
		buf_addf(out, " %s", id);
	}
	return r;
}

static int
add_audit(struct sql *db, const struct store_erase *e, struct str detail)
{
	int64_t id =
		audit_note(db, &(struct audit_entry){.tenant = tenant_id(e->tenant),
				       .action = STR("person.erase"),
				       .actor = e->actor,
				       .detail = detail});
	return id < 0 ? (int)id : 0;
}

/* Others in a group may have quoted them: of a message that is known (reply_to), or of
 * one that is not, whose author is in the JSON alone. */
static int
blank_quotes(struct sql *db, const struct store_erase *e)
{
	return sql_do(db,
		WITH_PERSON
		"UPDATE messages SET reply_to = NULL, quoted_text = NULL, raw = NULL"
		" WHERE tenant_id = ?1 AND id NOT IN said AND id IN ("
		" SELECT id FROM messages WHERE reply_to IN said UNION"
		" SELECT id FROM messages AS m WHERE m.tenant_id = ?1"
		"  AND m.quoted_text IS NOT NULL AND EXISTS (SELECT 1 FROM names"
		"   WHERE instr(m.raw, ltrim(substr(value, 1,"
		"    instr(value || '@', '@') - 1), '+'))))",
		PERSON_ARGS(tenant_id(e->tenant), &e->who));
}

static int
erase_all(struct sql *db, struct store_erase *e)
{
	e->rows = 0;
	e->table_count = ARRAY_LEN(tables);
	e->tables = arena_zalloc(e->op.arena, e->table_count * sizeof(*e->tables));
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		int n = tables[i].erase(db, tenant_id(e->tenant), &e->who);
		if (n < 0)
			return n;
		e->tables[i] = (struct store_erased){tables[i].table, n};
		e->rows += n;
	}
	return 0;
}

static int
erase(struct store *s, struct store_op *op)
{
	struct store_erase *e = container_of(op, struct store_erase, op);
	struct sql *db = store_db(s);
	struct buf detail;

	buf_init(&detail);
	int r = add_totals(db, e, &detail);
	if (r >= 0)
		r = add_hashes(db, e, &detail);
	if (r >= 0)
		r = blank_quotes(db, e);
	if (r >= 0)
		r = erase_all(db, e);
	if (r >= 0 && (e->rows > 0 || e->elsewhere))
		r = add_audit(db, e, buf_str(&detail));
	buf_done(&detail);
	return r;
}

void
store_erase(struct store *s, struct store_erase *op, struct flow *f)
{
	store_start(s, &op->op, erase, f);
}

int
store_empty_log(struct store *s, char err[256])
{
	int r = sql_empty_log(store_db(s));

	if (r < 0)
		snprintf(err, 256, "%s", sql_words(store_db(s)));
	return r;
}
