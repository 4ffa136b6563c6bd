/* SPDX-License-Identifier: MIT */
/* store_merge.c: two contacts that are one.
 *
 *   contact_merge ---> were_parted, contradict: 0
 *        `---> audit_add ---> moves ---> conversation_moves: 1
 *
 * The older contact is kept (one with a conversation before one without).  Its
 * identities, turns and messages become the kept one's; the other's own two rows stay
 * as they are, empty, so that ids in the audit stay true.
 *
 * A message that came under both names has two rows.  The later one is a twin: it
 * names the earlier (twin_of), stands outside of the unique index and outside of the
 * kept conversation, and its turn is ended if nothing else asks in it: the earlier
 * row's turn answers.
 *
 * What is moved is noted first, for store_unmerge.c.  A table that names a contact or a
 * conversation needs its step here and there. */
#include "base/clock.h"
#include "store/store_merge_priv.h"

int
merge_run(const struct merging *p, merge_step *const *steps, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r >= 0; i++)
		r = steps[i](p);
	return r;
}

int64_t
audit_add(struct sql *db, struct str tenant, struct str action, int64_t contact,
	int64_t other)
{
	return audit_note(db, &(struct audit_entry){.tenant = tenant,
				      .action = action,
				      .contact_id = contact,
				      .other_id = other});
}

int
merge_conversations(struct merging *p)
{
	p->kept_conv = conversation_of_contact(p->db, p->tenant, p->kept);
	if (p->kept_conv < 0)
		return (int)p->kept_conv;
	p->gone_conv = conversation_of_contact(p->db, p->tenant, p->gone);
	return p->gone_conv < 0 ? (int)p->gone_conv : 0;
}

/* --- may they? ------------------------------------------------------- */

/* An account has one LID, one JID, one phone: who has another is somebody else, be it
 * that a number went from one person to another. */
static int
contradict(struct sql *db, struct str tenant, const struct merge *m)
{
	return sql_row(db,
		"SELECT 1 FROM contact_identities AS x JOIN contact_identities AS y"
		" ON y.contact_id = ?3 AND y.tenant_id = ?1 AND y.kind = x.kind"
		" AND (x.kind <> 'lid' OR " SERVER_OF("x.value") " = " SERVER_OF(
			"y.value") ")"
				   " WHERE x.contact_id = ?2 AND x.tenant_id = ?1 "
				   "LIMIT 1",
		SQL_TEXT(tenant), SQL_NUMBER(m->kept), SQL_NUMBER(m->gone));
}

static int
were_parted(struct sql *db, struct str tenant, const struct merge *m)
{
	return sql_row(db,
		"SELECT 1 FROM audit WHERE tenant_id = ?1 AND contact_id IN (?2, ?3)"
		" AND other_id IN (?2, ?3) AND action = 'contact.merge'"
		" AND undone_us IS NOT NULL LIMIT 1",
		SQL_TEXT(tenant), SQL_NUMBER(m->kept), SQL_NUMBER(m->gone));
}

/* Once for two contacts, however many messages say it again. */
static int
note_conflict(struct sql *db, struct str tenant, const struct merge *m)
{
	int r = sql_row(db,
		"SELECT 1 FROM audit WHERE tenant_id = ?1 AND contact_id = ?2"
		" AND other_id = ?3 AND action = 'contact.conflict' LIMIT 1",
		SQL_TEXT(tenant), SQL_NUMBER(m->kept), SQL_NUMBER(m->gone));
	if (r != 0)
		return r < 0 ? r : 0;
	int64_t id = audit_add(db, tenant, STR("contact.conflict"), m->kept, m->gone);
	return id < 0 ? (int)id : 0;
}

/* --- note, then move ------------------------------------------------- */

static int
note_identities(const struct merging *p)
{
	return sql_do(p->db,
		"INSERT INTO audit_moves (audit_id, what, value)"
		" SELECT ?2, kind, value FROM contact_identities"
		"  WHERE tenant_id = ?1 AND contact_id = ?3",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->gone));
}

static int
move_identities(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE contact_identities SET contact_id = ?2"
		" WHERE tenant_id = ?1 AND contact_id = ?3",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->kept), SQL_NUMBER(p->gone));
}

/* Who has opted out has done so under any name. */
static int
keep_opt_out(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE contacts SET opted_out_us = (SELECT max(opted_out_us)"
		" FROM contacts WHERE tenant_id = ?1 AND id IN (?2, ?3))"
		" WHERE tenant_id = ?1 AND id = ?2",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->kept), SQL_NUMBER(p->gone));
}

static int
leave_contact(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE contacts SET merged_into = ?2"
		" WHERE tenant_id = ?1 AND id = ?3",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->kept), SQL_NUMBER(p->gone));
}

/* Row ids count up: the lower one came first. */
static int
note_twins(const struct merging *p)
{
	return sql_do(p->db,
		"INSERT INTO audit_moves (audit_id, what, row_id, was)"
		" SELECT ?2, iif(g.id > k.id, 'twin', 'away'), iif(g.id > k.id, g.id, "
		"k.id),"
		"  iif(g.id > k.id, k.id, g.id)"
		" FROM messages AS g JOIN messages AS k ON k.tenant_id = ?1"
		"  AND k.conversation_id = ?3 AND k.provider = g.provider"
		"  AND k.direction = g.direction"
		"  AND k.provider_message_id = g.provider_message_id AND k.twin_of IS "
		"NULL"
		" WHERE g.tenant_id = ?1 AND g.conversation_id = ?4 AND g.twin_of IS "
		"NULL",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept_conv),
		SQL_NUMBER(p->gone_conv));
}

static int
mark_twins(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE messages SET twin_of = (SELECT was FROM audit_moves"
		"  WHERE audit_id = ?2 AND what IN ('twin', 'away') AND row_id = "
		"messages.id)"
		" WHERE tenant_id = ?1 AND conversation_id IN (?3, ?4) AND id IN"
		"  (SELECT row_id FROM audit_moves"
		"   WHERE audit_id = ?2 AND what IN ('twin', 'away'))",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept_conv),
		SQL_NUMBER(p->gone_conv));
}

static int
end_twins_turns(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE turns SET state = 'done', updated_us = ?3 WHERE tenant_id = ?1"
		" AND state IN ('open', 'asked') AND id IN (SELECT m.turn_id"
		"  FROM audit_moves AS v JOIN messages AS m ON m.id = v.row_id"
		"  WHERE v.audit_id = ?2 AND v.what IN ('twin', 'away'))"
		" AND NOT EXISTS (SELECT 1 FROM messages AS m WHERE m.turn_id = "
		"turns.id"
		"  AND m.direction = 'in' AND m.twin_of IS NULL)",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(clock_wall_us()));
}

static int
note_rows(const struct merging *p)
{
	return sql_do(p->db,
		"INSERT INTO audit_moves (audit_id, what, row_id, was)"
		" SELECT ?2, 'turn', id, seq FROM turns"
		"  WHERE tenant_id = ?1 AND conversation_id = ?4"
		" UNION ALL SELECT ?2, 'message', id, NULL FROM messages"
		"  WHERE tenant_id = ?1 AND conversation_id = ?4 AND twin_of IS NULL"
		" UNION ALL SELECT ?2, 'last_turn', ifnull(max(id), 0), NULL FROM turns"
		"  WHERE tenant_id = ?1 AND conversation_id IN (?3, ?4)",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept_conv),
		SQL_NUMBER(p->gone_conv));
}

static int
move_turns(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE turns SET conversation_id = ?2, seq = seq + (SELECT"
		"  ifnull(max(seq), 0) FROM turns WHERE tenant_id = ?1"
		"  AND conversation_id = ?2)"
		" WHERE tenant_id = ?1 AND conversation_id = ?3",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->kept_conv),
		SQL_NUMBER(p->gone_conv));
}

static int
send_twins_away(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE messages SET conversation_id = ?4 WHERE tenant_id = ?1"
		" AND conversation_id = ?3 AND id IN (SELECT row_id FROM audit_moves"
		"  WHERE audit_id = ?2 AND what = 'away')",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept_conv),
		SQL_NUMBER(p->gone_conv));
}

static int
move_messages(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE messages SET conversation_id = ?2 WHERE tenant_id = ?1"
		" AND conversation_id = ?3 AND twin_of IS NULL",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->kept_conv),
		SQL_NUMBER(p->gone_conv));
}

/* A person who answers one name answers the other: the bot is silent as long.  Read is
 * what was read under both. */
static int
keep_pause(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE conversations SET (human_until_us, muted_us, closed_said_us,"
		"  last_read_us) = (SELECT max(human_until_us), max(muted_us),"
		"  max(closed_said_us),"
		"  iif(count(last_read_us) = 2, min(last_read_us), NULL) FROM "
		"conversations WHERE tenant_id = ?1 AND id IN (?2, ?3))"
		" WHERE tenant_id = ?1 AND id = ?2",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->kept_conv),
		SQL_NUMBER(p->gone_conv));
}

static merge_step *const moves[] = {
	note_identities, move_identities, names_merge, keep_opt_out, leave_contact};
static merge_step *const conversation_moves[] = {note_twins, mark_twins,
	end_twins_turns, note_rows, move_turns, send_twins_away, move_messages,
	keep_pause};

static bool
is_wrong_way(const struct merging *p)
{
	if (!p->kept_conv != !p->gone_conv)
		return !p->kept_conv;
	return p->gone < p->kept;
}

static void
turn_round(struct merging *p)
{
	struct merging was = *p;

	p->kept = was.gone;
	p->gone = was.kept;
	p->kept_conv = was.gone_conv;
	p->gone_conv = was.kept_conv;
}

static int
merge(struct merging *p)
{
	int r = merge_conversations(p);
	if (r < 0)
		return r;
	if (is_wrong_way(p))
		turn_round(p);
	p->audit = audit_add(p->db, p->tenant, STR("contact.merge"), p->kept, p->gone);
	if (p->audit < 0)
		return (int)p->audit;
	r = merge_run(p, moves, ARRAY_LEN(moves));
	if (r >= 0 && p->gone_conv)
		r = merge_run(p, conversation_moves, ARRAY_LEN(conversation_moves));
	if (r >= 0)
		r = sessions_merge(p->db, p->tenant,
			&(struct merge){.kept = p->kept, .gone = p->gone}, p->kept_conv,
			p->gone_conv);
	return r;
}

int
contact_merge(struct sql *db, struct str tenant, struct merge *m)
{
	struct merging p = {
		.db = db, .tenant = tenant, .kept = m->kept, .gone = m->gone};

	int r = were_parted(db, tenant, m);
	if (r != 0)
		return r < 0 ? r : 0;
	r = contradict(db, tenant, m);
	if (r != 0)
		return r < 0 ? r : note_conflict(db, tenant, m);
	r = merge(&p);
	if (r < 0)
		return r;
	*m = (struct merge){p.kept, p.gone, p.audit};
	return 1;
}
