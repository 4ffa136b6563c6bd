/* SPDX-License-Identifier: MIT */
/* store_unmerge.c: two contacts that were merged, and are not one.
 *
 *   read_merge ---> check_later_merges ---> move_back ---> conversation_move_back
 *                                                              `---> return_later
 *
 * The audit knows the rows that the merge moved (store_merge.c).  What came since goes
 * by its address: the turns of those who wrote under a name that went back. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/store_merge_priv.h"

static int
return_identities(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE contact_identities SET contact_id = ?4"
		" WHERE tenant_id = ?1 AND contact_id = ?3 AND (kind, value) IN"
		"  (SELECT what, value FROM audit_moves WHERE audit_id = ?2)",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept),
		SQL_NUMBER(p->gone));
}

static int
return_contact(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE contacts SET merged_into = NULL"
		" WHERE tenant_id = ?1 AND id = ?2",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->gone));
}

static int
return_turns(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE turns SET conversation_id = ?4, seq = (SELECT was FROM "
		"audit_moves"
		"  WHERE audit_id = ?2 AND what = 'turn' AND row_id = turns.id)"
		" WHERE tenant_id = ?1 AND conversation_id = ?3 AND id IN"
		"  (SELECT row_id FROM audit_moves WHERE audit_id = ?2 AND what = "
		"'turn')",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept_conv),
		SQL_NUMBER(p->gone_conv));
}

/* With the messages go those that joined their turns since. */
static int
return_messages(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE messages SET conversation_id = ?4"
		" WHERE tenant_id = ?1 AND conversation_id = ?3 AND (id IN"
		"  (SELECT row_id FROM audit_moves WHERE audit_id = ?2 AND what = "
		"'message')"
		" OR turn_id IN"
		"  (SELECT row_id FROM audit_moves WHERE audit_id = ?2 AND what = "
		"'turn'))",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept_conv),
		SQL_NUMBER(p->gone_conv));
}

static int
call_twins_back(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE messages SET conversation_id = ?3"
		" WHERE tenant_id = ?1 AND conversation_id = ?4 AND id IN"
		"  (SELECT row_id FROM audit_moves WHERE audit_id = ?2 AND what = "
		"'away')",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept_conv),
		SQL_NUMBER(p->gone_conv));
}

static int
unmark_twins(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE messages SET twin_of = NULL"
		" WHERE tenant_id = ?1 AND conversation_id IN (?3, ?4) AND id IN"
		"  (SELECT row_id FROM audit_moves"
		"   WHERE audit_id = ?2 AND what IN ('twin', 'away'))",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept_conv),
		SQL_NUMBER(p->gone_conv));
}

static merge_step *const move_back[] = {
	return_identities, names_unmerge, return_contact};
static merge_step *const conversation_move_back[] = {
	return_messages, return_turns, call_twins_back, unmark_twins};

/* A turn that began after the merge, and who wrote first in it. */
struct later {
	int64_t turn;
	struct str chat;
};

static int
count_later(const struct merging *p)
{
	int r = sql_row(p->db,
		"SELECT count(*) FROM turns WHERE tenant_id = ?1 AND conversation_id = "
		"?3"
		" AND id > (SELECT row_id FROM audit_moves WHERE audit_id = ?2"
		"  AND what = 'last_turn')",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept_conv));
	return r > 0 ? (int)sql_col_number(p->db, 0) : r;
}

static int
list_later(const struct merging *p, struct arena *a, struct later *ret, int max)
{
	int n = 0;

	int r = sql_row(p->db,
		"SELECT t.id, (SELECT m.chat FROM messages AS m WHERE m.turn_id = t.id"
		"  AND m.tenant_id = ?1 ORDER BY m.id LIMIT 1)"
		" FROM turns AS t WHERE t.tenant_id = ?1 AND t.conversation_id = ?3"
		" AND t.id > (SELECT row_id FROM audit_moves WHERE audit_id = ?2"
		"  AND what = 'last_turn') ORDER BY t.id",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept_conv));
	for (; r > 0 && n < max; r = sql_next(p->db), n++)
		ret[n] = (struct later){
			sql_col_number(p->db, 0), sql_col_text(p->db, 1, a)};
	return r < 0 ? r : n;
}

static int
move_turn_back(const struct merging *p, int64_t turn)
{
	int r = sql_do(p->db,
		"UPDATE messages SET conversation_id = ?3"
		" WHERE tenant_id = ?1 AND turn_id = ?2",
		SQL_TEXT(p->tenant), SQL_NUMBER(turn), SQL_NUMBER(p->gone_conv));
	if (r < 0)
		return r;
	return sql_do(p->db,
		"UPDATE turns SET conversation_id = ?3, seq = 1 + (SELECT"
		"  ifnull(max(seq), 0) FROM turns WHERE tenant_id = ?1"
		"  AND conversation_id = ?3) WHERE tenant_id = ?1 AND id = ?2",
		SQL_TEXT(p->tenant), SQL_NUMBER(turn), SQL_NUMBER(p->gone_conv));
}

/* The identities are back: whom a chat belongs to is answered anew. */
static int
return_later(const struct merging *p, struct arena *a)
{
	int count = count_later(p);
	if (count <= 0)
		return count;
	struct later *turns = arena_alloc(a, (size_t)count * sizeof(*turns));
	count = list_later(p, a, turns, count);

	for (int i = 0; i < count; i++) {
		int64_t whose = contact_of_chat(p->db, a, p->tenant, turns[i].chat);
		if (whose < 0)
			return (int)whose;
		int r = whose == p->gone ? move_turn_back(p, turns[i].turn) : 0;
		if (r < 0)
			return r;
	}
	return count < 0 ? count : 0;
}

static int
read_merge(struct merging *p, struct store_op *op)
{
	int r = sql_row(p->db,
		"SELECT contact_id, other_id, undone_us FROM audit"
		" WHERE tenant_id = ?1 AND id = ?2 AND action = 'contact.merge'",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit));
	if (r <= 0)
		return r < 0 ? r : store_fail(op, ERR_NOT_FOUND, "no such merge");
	p->kept = sql_col_number(p->db, 0);
	p->gone = sql_col_number(p->db, 1);
	if (sql_col_number(p->db, 2) > 0)
		return store_fail(op, ERR_EXISTS, "that merge is undone already");
	return 0;
}

/* What a later merge moved on lies elsewhere now. */
static int
check_later_merges(const struct merging *p, struct store_op *op)
{
	int r = sql_row(p->db,
		"SELECT max(id) FROM audit WHERE tenant_id = ?1 AND id > ?2"
		" AND action = 'contact.merge' AND undone_us IS NULL"
		" AND (contact_id = ?3 OR other_id = ?3)",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept));
	if (r <= 0)
		return r;
	int64_t later = sql_col_number(p->db, 0);
	return later == 0 ? 0
			  : store_fail(op, ERR_EXISTS, "undo merge %lld first",
				    (long long)later);
}

static int
end_merge(const struct merging *p)
{
	int r = sql_do(p->db,
		"UPDATE audit SET undone_us = ?3 WHERE tenant_id = ?1 AND id = ?2",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(clock_wall_us()));
	if (r < 0)
		return r;
	int64_t id =
		audit_add(p->db, p->tenant, STR("contact.unmerge"), p->kept, p->gone);
	return id < 0 ? (int)id : 0;
}

static int
unmerge(struct store *s, struct store_op *op)
{
	struct store_unmerge *u = container_of(op, struct store_unmerge, op);
	struct merging p = {.db = store_db(s),
		.tenant = tenant_id(u->tenant),
		.audit = u->merge_id};

	int r = read_merge(&p, op);
	if (r >= 0)
		r = check_later_merges(&p, op);
	if (r >= 0)
		r = merge_conversations(&p);
	if (r >= 0)
		r = merge_run(&p, move_back, ARRAY_LEN(move_back));
	if (r >= 0 && p.gone_conv)
		r = merge_run(
			&p, conversation_move_back, ARRAY_LEN(conversation_move_back));
	if (r >= 0 && p.gone_conv)
		r = return_later(&p, op->arena);
	if (r < 0)
		return r;
	u->contact_id = p.gone;
	u->conversation_id = p.gone_conv;
	return end_merge(&p);
}

void
store_unmerge(struct store *s, struct store_unmerge *op, struct flow *f)
{
	store_start(s, &op->op, unmerge, f);
}
