/* SPDX-License-Identifier: MIT */
/* store_updates.c: messages that are about another one: edits, revokes, reactions,
 * quotes.
 *
 *   a new row ---> links_make: names a target? ---> find it, reply_to ---.
 *                      |                                                 v
 *                      '-> named by earlier rows? ---> their reply_to --> settle
 *
 * Either may come first.  settle() makes body and times of a message from all edits and
 * revokes that point at it, so their order does not matter: the last edit by its
 * author's clock counts, and nothing after a revoke.
 *
 * Who may change a row: the same side of the same conversation, and in a group the
 * same person (a revoke there may be an admin's: WhatsApp sees to that). */
#include "base/clock.h"
#include "store/store_priv.h"

static bool
is_change(const struct store_load *l)
{
	return str_eqz(l->kind, "edit") || str_eqz(l->kind, "revoke");
}

static struct str
direction(const struct store_load *l)
{
	return l->from_me ? STR("out") : STR("in");
}

/* The row of the message that this one is about: 1 and *ret, 0, or negative. */
static int
find_target(struct sql *db, const struct store_load *l, int64_t *ret)
{
	bool change = is_change(l), same_person = str_eqz(l->kind, "edit");

	int r = sql_row(db,
		"SELECT id FROM messages WHERE tenant_id = ?1 AND provider = ?2"
		" AND conversation_id = ?3 AND direction IN ('in', 'out')"
		" AND provider_message_id = ?4 AND twin_of IS NULL AND id <> ?5"
		" AND (?6 = 0 OR direction = ?7)"
		" AND (?8 = 0 OR participant IS ?9) LIMIT 1",
		SQL_TEXT(tenant_id(l->tenant)), SQL_TEXT(l->provider),
		SQL_NUMBER(l->conversation_id), SQL_TEXT(l->target),
		SQL_NUMBER(l->inbound_id), SQL_NUMBER(change), SQL_TEXT(direction(l)),
		SQL_NUMBER(same_person && !l->from_me), SQL_TEXT(l->participant));
	if (r == 0 && (!change || l->from_me))
		r = sql_row(db,
			"SELECT id FROM messages WHERE outbound_key = ?2"
			" AND tenant_id = ?1 AND conversation_id = ?3",
			SQL_TEXT(tenant_id(l->tenant)), SQL_TEXT(l->target),
			SQL_NUMBER(l->conversation_id));
	if (r > 0)
		*ret = sql_col_number(db, 0);
	return r;
}

static int
point_at(struct sql *db, const struct store_load *l, int64_t target)
{
	return sql_do(db,
		"UPDATE messages SET reply_to = ?3, quoted_text = NULL"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->inbound_id),
		SQL_NUMBER(target));
}

/* Body and times of a message from what points at it.  An edit that can't be read
 * (it has no body) changes nothing. */
static int
settle(struct sql *db, struct str tenant, int64_t row)
{
	return sql_do(db,
		"UPDATE messages SET"
		" body = iif(EXISTS (SELECT 1 FROM messages AS x WHERE x.reply_to = ?2"
		"   AND x.kind = 'revoke'), NULL, ifnull((SELECT x.body FROM messages "
		"AS x"
		"   WHERE x.reply_to = ?2 AND x.kind = 'edit' AND x.body <> ''"
		"   ORDER BY ifnull(x.sent_us, x.created_us) DESC, x.id DESC LIMIT 1), "
		"body)),"
		" spoken = ifnull((SELECT x.spoken FROM messages AS x"
		"   WHERE x.reply_to = ?2 AND x.kind = 'edit' AND x.body <> ''"
		"   ORDER BY ifnull(x.sent_us, x.created_us) DESC, x.id DESC LIMIT 1), "
		"spoken),"
		" edited_us = (SELECT max(ifnull(x.sent_us, x.created_us)) FROM "
		"messages AS x"
		"   WHERE x.reply_to = ?2 AND x.kind = 'edit' AND x.body <> ''),"
		" revoked_us = (SELECT min(ifnull(x.sent_us, x.created_us)) FROM "
		"messages AS x"
		"   WHERE x.reply_to = ?2 AND x.kind = 'revoke'),"
		" updated_us = ?3"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(row), SQL_NUMBER(clock_wall_us()));
}

/* A person has one reaction to a message: a new one, or none, ends the one before. */
static int
end_reaction(struct sql *db, const struct store_load *l)
{
	return sql_do(db,
		"UPDATE messages SET body = NULL, revoked_us = ?7, updated_us = ?7"
		" WHERE tenant_id = ?1 AND conversation_id = ?2 AND target_id = ?3"
		" AND kind = 'reaction' AND direction = ?4 AND participant IS ?5"
		" AND id < ?6 AND revoked_us IS NULL",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id),
		SQL_TEXT(l->target), SQL_TEXT(direction(l)), SQL_TEXT(l->participant),
		SQL_NUMBER(l->inbound_id), SQL_NUMBER(clock_wall_us()));
}

/* What can be changed has left. */
static int
change_target(struct sql *db, const struct store_load *l, int64_t target)
{
	struct str tenant = tenant_id(l->tenant), no_reason = {NULL, 0};

	int r = l->from_me ? message_seen(db, tenant, target, STR("sent"), no_reason, 0)
			   : 0;
	return r < 0 ? r : settle(db, tenant, target);
}

static int
follow_target(struct sql *db, const struct store_load *l)
{
	int64_t target;

	int r = find_target(db, l, &target);
	if (r > 0)
		r = point_at(db, l, target);
	if (r > 0 && is_change(l))
		r = change_target(db, l, target);
	if (r >= 0 && str_eqz(l->kind, "reaction"))
		r = end_reaction(db, l);
	return r;
}

/* What came before the message that it is about, or before its stub had a content. */
static int
be_found(struct sql *db, const struct store_load *l)
{
	int r = sql_do(db,
		"UPDATE messages SET reply_to = ?3, quoted_text = NULL"
		" WHERE tenant_id = ?1 AND conversation_id = ?2 AND target_id = ?4"
		" AND (reply_to IS NULL OR reply_to = ?3) AND id <> ?3"
		" AND (kind NOT IN ('edit', 'revoke') OR direction = ?5)"
		" AND (kind <> 'edit' OR direction = 'out' OR participant IS ?6)",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id),
		SQL_NUMBER(l->inbound_id), SQL_TEXT(l->message_id),
		SQL_TEXT(direction(l)), SQL_TEXT(l->participant));
	return r <= 0 ? r : settle(db, tenant_id(l->tenant), l->inbound_id);
}

int
links_make(struct sql *db, const struct store_load *l)
{
	int r = l->target.p ? follow_target(db, l) : 0;

	return r < 0 ? r : be_found(db, l);
}

int
turn_changed(struct sql *db, const struct store_load *l, int64_t *ret_turn)
{
	if (!is_change(l))
		return 0;
	int r = sql_row(db,
		"SELECT t.id FROM messages AS x JOIN messages AS m ON m.id = x.reply_to"
		" JOIN turns AS t ON t.id = m.turn_id"
		" WHERE x.id = ?2 AND x.tenant_id = ?1 AND m.direction = 'in'"
		" AND t.state IN ('open', 'asked')",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->inbound_id));
	if (r > 0)
		*ret_turn = sql_col_number(db, 0);
	return r;
}

int
turn_is_withdrawn(struct sql *db, struct str tenant, int64_t turn)
{
	int r = sql_row(db,
		"SELECT max(revoked_us) IS NOT NULL AND max(body <> '') IS NOT 1"
		" FROM messages WHERE turn_id = ?2 AND tenant_id = ?1"
		" AND direction = 'in' AND twin_of IS NULL",
		SQL_TEXT(tenant), SQL_NUMBER(turn));
	return r > 0 ? (int)sql_col_number(db, 0) : r;
}
