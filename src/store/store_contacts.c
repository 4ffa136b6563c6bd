/* SPDX-License-Identifier: MIT */
/* store_contacts.c: whose conversation a chat address belongs to.
 *
 * A person's address is user[_agent][:device]@server.  Without agent and device, and
 * with c.us read as s.whatsapp.net, it is the canonical key of the conversation:
 *
 *   972501234567:3@c.us   key 972501234567@s.whatsapp.net   identities jid, phone
 *   71234567890@lid       key 71234567890@lid               identity lid (no phone!)
 *   1203630...@g.us       key as it is                      identity jid
 *
 * A contact is found by any of its identities, so that a lid and a phone which are
 * once known to be one person stay one. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/store_priv.h"

struct address {
	struct str user, server, key;
};

static struct str
before(struct str s, char sep)
{
	return str_cut(&s, sep);
}

static bool
has_devices(struct str server)
{
	return str_eqz(server, "s.whatsapp.net") || str_eqz(server, "lid");
}

static struct address
address_of(struct arena *a, struct str chat)
{
	struct address to = {.server = chat, .key = chat};

	to.user = str_cut(&to.server, '@');
	if (str_eqz(to.server, "c.us"))
		to.server = STR("s.whatsapp.net");
	if (!has_devices(to.server))
		return to; /* a group or another network's: nothing to strip */
	to.user = before(before(to.user, ':'), '_');
	to.key = arena_printf(a, "%.*s@%.*s", STR_FMT(to.user), STR_FMT(to.server));
	return to;
}

static bool
is_phone(const struct address *to)
{
	return str_eqz(to->server, "s.whatsapp.net") && to->user.n > 0;
}

/* In a group or channel the name is the writer's, not the chat's. */
static bool
is_person(const struct address *to)
{
	return !str_eqz(to->server, "g.us") && !str_eqz(to->server, "broadcast") &&
	       !str_eqz(to->server, "newsletter");
}

int64_t
conversation_find(struct sql *db, struct arena *a, struct str tenant, struct str chat)
{
	struct address to = address_of(a, chat);

	int r = sql_row(db,
		"SELECT id FROM conversations WHERE tenant_id = ?1 AND canonical_key = "
		"?2",
		SQL_TEXT(tenant), SQL_TEXT(to.key));
	return r > 0 ? sql_col_number(db, 0) : r;
}

/* Two selects, for with OR SQLite walks through all of the tenant's identities. */
static int64_t
contact_find(struct sql *db, struct str tenant, const struct address *to)
{
	struct str phone = is_phone(to) ? to->user : (struct str){NULL, 0};

	int r = sql_row(db,
		"SELECT contact_id FROM contact_identities"
		" WHERE tenant_id = ?1 AND kind = 'phone' AND value = ?2"
		" UNION ALL SELECT contact_id FROM contact_identities"
		" WHERE tenant_id = ?1 AND kind IN ('jid', 'lid') AND value = ?3",
		SQL_TEXT(tenant), SQL_TEXT(phone), SQL_TEXT(to->key));
	return r > 0 ? sql_col_number(db, 0) : r;
}

static int
identity_add(struct sql *db, struct str tenant, struct str kind, struct str value,
	int64_t contact)
{
	return sql_do(db,
		"INSERT INTO contact_identities (tenant_id, kind, value, contact_id)"
		" VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
		SQL_TEXT(tenant), SQL_TEXT(kind), SQL_TEXT(value), SQL_NUMBER(contact));
}

static int64_t
contact_make(struct sql *db, struct str tenant, const struct address *to)
{
	int64_t id = contact_find(db, tenant, to);
	if (id < 0)
		return id;
	if (id == 0) {
		int r = sql_do(db,
			"INSERT INTO contacts (tenant_id, created_us) VALUES (?1, ?2)",
			SQL_TEXT(tenant), SQL_NUMBER(clock_wall_us()));
		if (r < 0)
			return r;
		id = sql_inserted(db);
	}

	bool lid = str_eqz(to->server, "lid");
	int r = identity_add(db, tenant, lid ? STR("lid") : STR("jid"), to->key, id);
	if (r >= 0 && is_phone(to))
		r = identity_add(db, tenant, STR("phone"), to->user, id);
	return r < 0 ? r : id;
}

static int64_t
make(struct sql *db, struct str tenant, const struct address *to)
{
	int64_t contact = contact_make(db, tenant, to);
	if (contact < 0)
		return contact;

	int r = sql_do(db,
		"INSERT INTO conversations (tenant_id, canonical_key, contact_id, "
		"created_us)"
		" VALUES (?1, ?2, ?3, ?4)",
		SQL_TEXT(tenant), SQL_TEXT(to->key), SQL_NUMBER(contact),
		SQL_NUMBER(clock_wall_us()));
	return r < 0 ? r : sql_inserted(db);
}

static int
name_contact(struct sql *db, struct str tenant, int64_t conversation, struct str name)
{
	return sql_do(db,
		"UPDATE contacts SET push_name = ?3 WHERE tenant_id = ?1 AND push_name "
		"IS NULL"
		" AND id = (SELECT contact_id FROM conversations WHERE id = ?2)",
		SQL_TEXT(tenant), SQL_NUMBER(conversation), SQL_TEXT(name));
}

int64_t
conversation_make(struct sql *db, struct arena *a, struct str tenant, struct str chat,
	struct str push_name)
{
	struct address to = address_of(a, chat);

	int64_t id = conversation_find(db, a, tenant, chat);
	if (id == 0)
		id = make(db, tenant, &to);
	if (id <= 0 || push_name.n == 0 || !is_person(&to))
		return id;
	int r = name_contact(db, tenant, id, push_name);
	return r < 0 ? r : id;
}
