/* SPDX-License-Identifier: MIT */
/* store_groups.c: whether a message in a group is for us.
 *
 * It is when it mentions the tenant, or quotes a message of ours.  The tenant has up to
 * two names there, a LID and a number: own_number, and those that messages from its own
 * phone in any group showed (own_names). */
#include "base/arena.h"
#include "base/err.h"
#include "codec/jid.h"
#include "codec/phone.h"
#include "store/store_priv.h"

/* The canonical address; absent for what is none of a person. */
static struct str
person(struct arena *a, struct str address)
{
	struct jid j;

	if (jid_parse(address, &j) < 0 || (!jid_has_lid(&j) && !jid_has_phone(&j)))
		return (struct str){NULL, 0};
	return jid_text(a, &j);
}

static int
learn(struct sql *db, const struct store_load *l, struct str address)
{
	struct str name = person(l->op.arena, address);

	if (!name.p)
		return 0;
	return sql_do(db,
		"INSERT INTO own_names (tenant_id, value) VALUES (?1, ?2)"
		" ON CONFLICT DO NOTHING",
		SQL_TEXT(tenant_id(l->tenant)), SQL_TEXT(name));
}

static bool
is_own_number(const struct store_load *l, struct str name)
{
	char own[PHONE_SIZE], phone[PHONE_SIZE];
	struct jid j;

	return l->found.own_number.n && jid_parse(name, &j) == 0 && jid_has_phone(&j) &&
	       phone_of_user(j.user, phone) == 0 &&
	       phone_read(l->found.own_number, l->found.country, own) == 0 &&
	       strcmp(own, phone) == 0;
}

static int
is_own(struct sql *db, const struct store_load *l, struct str address)
{
	struct str name = person(l->op.arena, address);

	if (!name.p)
		return 0;
	if (is_own_number(l, name))
		return 1;
	return sql_row(db,
		"SELECT 1 FROM own_names WHERE tenant_id = ?1 AND value = ?2",
		SQL_TEXT(tenant_id(l->tenant)), SQL_TEXT(name));
}

static int
is_mentioned(struct sql *db, const struct store_load *l)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->mention_count; i++)
		r = is_own(db, l, l->mentions[i]);
	return r;
}

/* A kind that is plain quotes its target; a reaction has one too, and is no question.
 */
static int
is_quoted(struct sql *db, const struct store_load *l)
{
	if (!l->is_plain || !l->target.n)
		return 0;
	int r = is_own(db, l, l->quoted_by);
	if (r != 0)
		return r;
	int64_t row = sent_find(
		db, tenant_id(l->tenant), l->provider, l->conversation_id, l->target);
	return row < 0 ? (int)row : row > 0;
}

int
group_hears(struct sql *db, struct store_load *l)
{
	int r = 0;

	if (l->from_me) {
		r = learn(db, l, l->participant);
		return r < 0 ? r : learn(db, l, l->own_alt);
	}
	if (l->answerable && str_eqz(l->found.groups, "mentioned")) {
		r = is_mentioned(db, l);
		if (r == 0)
			r = is_quoted(db, l);
	}
	l->answerable = r > 0;
	return r < 0 ? r : 0;
}
