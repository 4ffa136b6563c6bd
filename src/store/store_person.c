/* SPDX-License-Identifier: MIT */
/* store_person.c: who is meant, and how much there is of him.
 *
 *   name --> jid_parse ---> contact_of_chat ---.
 *     `----> phone_read --> contact_of_phone --+---> names, counts
 *
 * A bare number is read as a phone, never as a LID: its digits say nothing. */
#include "base/arena.h"
#include "base/err.h"
#include "codec/jid.h"
#include "codec/phone.h"
#include "store/personal.h"
#include "store/store_priv.h"

static int
by_address(struct sql *db, struct store_person *p, const struct jid *j)
{
	char phone[PHONE_SIZE];

	p->who.address = jid_text(p->op.arena, j);
	if (jid_has_phone(j) && phone_of_user(j->user, phone) == 0)
		p->who.phone = arena_str(p->op.arena, str_of(phone));
	p->who.contact_id =
		contact_of_chat(db, p->op.arena, tenant_id(p->tenant), p->who.address);
	return p->who.contact_id < 0 ? (int)p->who.contact_id : 0;
}

/* The address of a phone that nobody has is the likeliest one. */
static int
by_phone(struct sql *db, struct store_person *p, struct str phone)
{
	p->who.phone = arena_str(p->op.arena, phone);
	p->who.address = arena_printf(
		p->op.arena, "%.*s@s.whatsapp.net", (int)phone.n - 1, phone.p + 1);
	p->who.contact_id = contact_of_phone(db, tenant_id(p->tenant), phone);
	return p->who.contact_id < 0 ? (int)p->who.contact_id : 0;
}

int
person_look_up(struct sql *db, struct store_person *p)
{
	char phone[PHONE_SIZE];
	struct tenant t;
	struct jid j;

	int r = tenant_must(db, &p->op, tenant_id(p->tenant), &t);
	if (r < 0)
		return r;
	p->who = (struct store_who){0};
	if (jid_parse(p->name, &j) == 0)
		return by_address(db, p, &j);
	if (phone_read(p->name, t.country, phone) == 0)
		return by_phone(db, p, str_of(phone));
	return store_fail(&p->op, ERR_SHAPE,
		"that is no address (972501234567@s.whatsapp.net, ...@lid) and no "
		"phone%s",
		t.country.n ? ""
			    : " with its country code (the tenant has no country)");
}

/* An address that was given is the only one of somebody unknown. */
#define SELECT_NAMES                                                             \
	" FROM (SELECT kind, value FROM contact_identities WHERE tenant_id = ?1" \
	"  AND contact_id IN person UNION SELECT 'chat', chat FROM messages"     \
	"  WHERE tenant_id = ?1 AND conversation_id IN chats"                    \
	" UNION SELECT 'chat', ?3 WHERE ?2 = 0)"

static int
count_names(struct sql *db, const struct store_person *p)
{
	int r = sql_row(db, WITH_PERSON "SELECT count(*)" SELECT_NAMES,
		PERSON_ARGS(tenant_id(p->tenant), &p->who));
	return r > 0 ? (int)sql_col_number(db, 0) : r;
}

static int
read_names(struct sql *db, struct store_person *p)
{
	int count = count_names(db, p);
	if (count < 0)
		return count;
	p->names = arena_zalloc(p->op.arena, (size_t)count * sizeof(*p->names) + 1);
	p->name_count = 0;
	int r = sql_row(db,
		WITH_PERSON "SELECT kind, value" SELECT_NAMES
			    " ORDER BY kind = 'chat', kind, value",
		PERSON_ARGS(tenant_id(p->tenant), &p->who));
	for (; r > 0 && p->name_count < (size_t)count; r = sql_next(db))
		p->names[p->name_count++] =
			(struct store_name){sql_col_text(db, 0, p->op.arena),
				sql_col_text(db, 1, p->op.arena)};
	return r;
}

static int
read_counts(struct sql *db, struct store_person *p)
{
	int r = sql_row(db,
		WITH_PERSON
		"SELECT (SELECT name FROM contacts WHERE id = ?2),"
		" (SELECT count(*) FROM chats), (SELECT count(*) FROM turns"
		"  WHERE conversation_id IN chats),"
		" ifnull(sum(direction = 'in'), 0), ifnull(sum(direction = 'out'), 0),"
		" min(created_us), max(created_us), (SELECT name_source FROM contacts"
		"  WHERE id = ?2) FROM messages"
		" WHERE tenant_id = ?1 AND conversation_id IN chats",
		PERSON_ARGS(tenant_id(p->tenant), &p->who));
	if (r <= 0)
		return r;
	p->called = sql_col_text(db, 0, p->op.arena);
	p->conversations = sql_col_number(db, 1);
	p->turns = sql_col_number(db, 2);
	p->received = sql_col_number(db, 3);
	p->sent = sql_col_number(db, 4);
	p->first_us = sql_col_number(db, 5);
	p->last_us = sql_col_number(db, 6);
	p->name_source = sql_col_text(db, 7, p->op.arena);
	return 0;
}

static int
person(struct store *s, struct store_op *op)
{
	struct store_person *p = container_of(op, struct store_person, op);
	struct sql *db = store_db(s);

	int r = person_look_up(db, p);
	if (r >= 0)
		r = read_names(db, p);
	if (r >= 0)
		r = read_counts(db, p);
	return r < 0 ? r : 0;
}

void
store_person(struct store *s, struct store_person *op, struct flow *f)
{
	store_start(s, &op->op, person, f);
}
