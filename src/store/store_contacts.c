/* SPDX-License-Identifier: MIT */
/* store_contacts.c: whose conversation a chat address belongs to.
 *
 *   chat, alias ---> names_of ---> lookup ---> nobody: contact_add ---.
 *                    (lid, jid,      |                                v
 *                     phone)         |--> one ----------------> identity_add, missing
 *                                    |                                v
 *                                    `--> two: unite ---------> conversation
 *
 * A person has up to three names in a message: a LID, a JID and the phone that the
 * JID gives.  The first that is known, in that order, says who it is; the others are
 * written down as further names of the same contact.  When they belong to another
 * contact, the two were always one (a late discovery) and are merged
 * (store_merge.c), unless their names contradict it.
 *
 * A group, a channel or another network's address has one name: itself. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "codec/jid.h"
#include "codec/phone.h"
#include "store/store_priv.h"

enum { NAMES_MAX = 3 };

/* In the order in which they are asked; absent what the message does not say. */
struct names {
	struct str lid, jid, phone;
	bool has_writer; /* the push name is the chat's own */
};

/* --- names ---------------------------------------------------------------- */

static void
set_missing(struct str *name, struct str value)
{
	if (!name->p)
		*name = value;
}

static void
set_phone(struct names *n, struct arena *a, int err, const char *phone)
{
	if (err >= 0)
		set_missing(&n->phone, arena_str(a, str_of(phone)));
}

/* One account has one LID and one JID: a second one in the same message is somebody
 * else's. */
static void
add_address(struct names *n, struct arena *a, const struct jid *j)
{
	char phone[PHONE_SIZE];

	if (jid_has_lid(j))
		set_missing(&n->lid, jid_text(a, j));
	if (!jid_has_phone(j) || n->jid.p)
		return;
	n->jid = jid_text(a, j);
	set_phone(n, a, phone_of_user(j->user, phone), phone);
}

/* Only in its own place a number is a phone: bare digits may be a LID's. */
static void
add_alias(struct names *n, struct arena *a, const struct chat_alias *alias)
{
	char phone[PHONE_SIZE];
	struct jid j;

	if (jid_parse(alias->lid, &j) == 0)
		add_address(n, a, &j);
	if (jid_parse(alias->phone, &j) == 0)
		add_address(n, a, &j);
	else
		set_phone(n, a, phone_read(alias->phone, alias->country, phone), phone);
}

static struct names
names_of(struct arena *a, struct str chat, const struct chat_alias *alias)
{
	struct names n = {.has_writer = true};
	struct jid j;

	if (jid_parse(chat, &j) < 0) {
		n.jid = chat;
		return n;
	}
	if (!jid_has_phone(&j) && !jid_has_lid(&j)) {
		n.has_writer = j.kind == JID_BOT || j.kind == JID_OTHER;
		n.jid = jid_text(a, &j);
		return n;
	}
	add_address(&n, a, &j);
	if (alias)
		add_alias(&n, a, alias);
	return n;
}

/* --- contacts ------------------------------------------------------------- */

/* Whom the names belong to, each once, in their order. */
struct found {
	int64_t contacts[NAMES_MAX];
	size_t count;
	size_t names; /* how many names are known */
	bool lid;     /* the LID is one of them */
};

static void
found_add(struct found *f, int64_t contact)
{
	f->names++;
	for (size_t i = 0; i < f->count; i++)
		if (f->contacts[i] == contact)
			return;
	f->contacts[f->count++] = contact;
}

/* Three selects, for with OR SQLite walks through all of the tenant's identities. */
static int
lookup(struct sql *db, struct str tenant, const struct names *n, struct found *ret)
{
	*ret = (struct found){.count = 0};
	int r = sql_row(db,
		"SELECT contact_id, 1 FROM contact_identities"
		" WHERE tenant_id = ?1 AND kind = 'lid' AND value = ?2"
		" UNION ALL SELECT contact_id, 2 FROM contact_identities"
		" WHERE tenant_id = ?1 AND kind = 'jid' AND value = ?3"
		" UNION ALL SELECT contact_id, 3 FROM contact_identities"
		" WHERE tenant_id = ?1 AND kind = 'phone' AND value = ?4"
		" ORDER BY 2",
		SQL_TEXT(tenant), SQL_TEXT(n->lid), SQL_TEXT(n->jid),
		SQL_TEXT(n->phone));
	for (; r > 0; r = sql_next(db)) {
		found_add(ret, sql_col_number(db, 0));
		ret->lid |= sql_col_number(db, 1) == 1;
	}
	return r;
}

static size_t
names_count(const struct names *n)
{
	return (n->lid.p != NULL) + (n->jid.p != NULL) + (n->phone.p != NULL);
}

static int64_t
contact_add(struct sql *db, struct str tenant)
{
	int r = sql_do(db,
		"INSERT INTO contacts (tenant_id, created_us) VALUES (?1, ?2)",
		SQL_TEXT(tenant), SQL_NUMBER(clock_wall_us()));

	return r < 0 ? r : sql_inserted(db);
}

static int
identity_add(struct sql *db, struct str tenant, struct str kind, struct str value,
	int64_t contact)
{
	if (!value.p)
		return 0;
	return sql_do(db,
		"INSERT INTO contact_identities (tenant_id, kind, value, contact_id)"
		" VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
		SQL_TEXT(tenant), SQL_TEXT(kind), SQL_TEXT(value), SQL_NUMBER(contact));
}

static int
identities_add(
	struct sql *db, struct str tenant, const struct names *n, int64_t contact)
{
	int r = identity_add(db, tenant, STR("lid"), n->lid, contact);
	if (r >= 0)
		r = identity_add(db, tenant, STR("jid"), n->jid, contact);
	if (r >= 0)
		r = identity_add(db, tenant, STR("phone"), n->phone, contact);
	return r;
}

/* Merges what the names have found into one: its id.  When that can't be, the first,
 * and *ret_refused is set. */
static int64_t
unite(struct sql *db, struct str tenant, const struct found *f,
	struct chat_alias *alias, bool *ret_refused)
{
	int64_t contact = f->contacts[0];

	for (size_t i = 1; i < f->count; i++) {
		struct merge m = {contact, f->contacts[i], 0};

		int r = contact_merge(db, tenant, &m);
		if (r < 0)
			return r;
		if (r == 0)
			*ret_refused = true;
		else if (alias)
			alias->merge_id = m.audit_id;
		contact = r > 0 ? m.kept : contact;
	}
	return contact;
}

/* Of the same server: a LID and a Cloud API's id are no rivals. */
static int
has_lid(struct sql *db, struct str tenant, int64_t contact, struct str lid)
{
	return sql_row(db,
		"SELECT 1 FROM contact_identities WHERE contact_id = ?2"
		" AND tenant_id = ?1 AND kind = 'lid'"
		" AND " SERVER_OF("value") " = " SERVER_OF("?3") " LIMIT 1",
		SQL_TEXT(tenant), SQL_NUMBER(contact), SQL_TEXT(lid));
}

/* A phone that goes to another account brings the account's LID: a new LID never joins
 * a contact that has one.  Its messages are somebody else's, and so is the history. */
static int64_t
stranger_make(struct sql *db, struct str tenant, const struct names *n)
{
	int64_t id = contact_add(db, tenant);
	if (id < 0)
		return id;
	int r = identity_add(db, tenant, STR("lid"), n->lid, id);
	return r < 0 ? r : id;
}

static int64_t
contact_make(struct sql *db, struct str tenant, const struct names *n,
	struct chat_alias *alias)
{
	struct found f;
	bool refused = false;

	int r = lookup(db, tenant, n, &f);
	if (r < 0)
		return r;
	int64_t id = f.count > 0 ? unite(db, tenant, &f, alias, &refused)
				 : contact_add(db, tenant);
	if (id < 0 || refused || f.names == names_count(n))
		return id;
	r = n->lid.p && !f.lid ? has_lid(db, tenant, id, n->lid) : 0;
	if (r != 0)
		return r < 0 ? r : stranger_make(db, tenant, n);
	r = identities_add(db, tenant, n, id);
	return r < 0 ? r : id;
}

/* --- conversations -------------------------------------------------------- */

int64_t
conversation_of_contact(struct sql *db, struct str tenant, int64_t contact)
{
	int r = sql_row(db,
		"SELECT id FROM conversations WHERE contact_id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(contact));
	return r > 0 ? sql_col_number(db, 0) : r;
}

int64_t
contact_of_chat(struct sql *db, struct arena *a, struct str tenant, struct str chat)
{
	struct names n = names_of(a, chat, NULL);
	struct found f;

	int r = lookup(db, tenant, &n, &f);
	if (r < 0 || f.count == 0)
		return r;
	return f.contacts[0];
}

int64_t
contact_of_phone(struct sql *db, struct str tenant, struct str phone)
{
	int r = sql_row(db,
		"SELECT contact_id FROM contact_identities"
		" WHERE tenant_id = ?1 AND kind = 'phone' AND value = ?2",
		SQL_TEXT(tenant), SQL_TEXT(phone));

	return r > 0 ? sql_col_number(db, 0) : r;
}

int64_t
conversation_find(struct sql *db, struct arena *a, struct str tenant, struct str chat)
{
	int64_t contact = contact_of_chat(db, a, tenant, chat);

	return contact > 0 ? conversation_of_contact(db, tenant, contact) : contact;
}

/* The key is the first of the names: that one is surely this contact's. */
static int64_t
conversation_add(
	struct sql *db, struct str tenant, const struct names *n, int64_t contact)
{
	struct str key = n->lid.p ? n->lid : n->jid;

	int r = sql_do(db,
		"INSERT INTO conversations (tenant_id, canonical_key, contact_id,"
		" created_us) VALUES (?1, ?2, ?3, ?4)",
		SQL_TEXT(tenant), SQL_TEXT(key), SQL_NUMBER(contact),
		SQL_NUMBER(clock_wall_us()));
	return r < 0 ? r : sql_inserted(db);
}

int64_t
conversation_make(struct sql *db, struct arena *a, struct str tenant, struct str chat,
	const struct called *called, struct chat_alias *alias)
{
	struct names n = names_of(a, chat, alias);

	int64_t contact = contact_make(db, tenant, &n, alias);
	if (contact < 0)
		return contact;
	int r = called && n.has_writer ? contact_call(db, a, tenant, contact, called)
				       : 0;
	if (r < 0)
		return r;
	int64_t id = conversation_of_contact(db, tenant, contact);
	return id == 0 ? conversation_add(db, tenant, &n, contact) : id;
}
