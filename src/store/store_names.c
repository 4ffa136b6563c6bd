/* SPDX-License-Identifier: MIT */
/* store_names.c: what a contact is called.
 *
 *   as it came ---> name_read ---> name_may_replace ---> contacts.name, name_source
 *
 * Which source may replace which is in codec/name.h. */
#include "base/arena.h"
#include "base/err.h"
#include "codec/name.h"
#include "store/store_merge_priv.h"

static int
write_name(struct sql *db, struct str tenant, int64_t contact, struct str name,
	struct str source)
{
	return sql_do(db,
		"UPDATE contacts SET name = ?3, name_source = ?4 WHERE tenant_id = ?1"
		" AND id = ?2 AND (name IS NOT ?3 OR name_source IS NOT ?4)",
		SQL_TEXT(tenant), SQL_NUMBER(contact), SQL_TEXT(name),
		SQL_TEXT(source));
}

static int
read_source(struct sql *db, struct arena *a, struct str tenant, int64_t contact,
	struct str *ret)
{
	int r = sql_row(db,
		"SELECT name_source FROM contacts WHERE tenant_id = ?1 AND id = ?2",
		SQL_TEXT(tenant), SQL_NUMBER(contact));

	*ret = r > 0 ? sql_col_text(db, 0, a) : (struct str){0};
	return r;
}

int
contact_call(struct sql *db, struct arena *a, struct str tenant, int64_t contact,
	const struct called *c)
{
	char room[NAME_SIZE];
	struct str held, name = name_read(c->name, room);

	if (!name.p)
		return 0;
	int r = read_source(db, a, tenant, contact, &held);
	if (r <= 0 || !name_may_replace(held, c->source, c->confidence))
		return r < 0 ? r : 0;
	return write_name(
		db, tenant, contact, name, str_of(name_source_word(c->source)));
}

/* --- two that become one, and two again --------------------------------------- */

static int
note(const struct merging *p)
{
	return sql_do(p->db,
		"INSERT INTO audit_moves (audit_id, what, value)"
		" SELECT ?2, 'name', name FROM contacts WHERE id = ?4 AND tenant_id = "
		"?1"
		" UNION ALL SELECT ?2, 'name_source', name_source FROM contacts"
		"  WHERE id = ?4 AND tenant_id = ?1"
		" UNION ALL SELECT ?2, 'name_was', name FROM contacts"
		"  WHERE id = ?3 AND tenant_id = ?1 AND name IS NOT NULL"
		" UNION ALL SELECT ?2, 'name_source_was', name_source FROM contacts"
		"  WHERE id = ?3 AND tenant_id = ?1 AND name_source IS NOT NULL",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept),
		SQL_NUMBER(p->gone));
}

static int
take(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE contacts SET (name, name_source) = (SELECT"
		"  max(iif(what = 'name', value, NULL)),"
		"  max(iif(what = 'name_source', value, NULL))"
		"  FROM audit_moves WHERE audit_id = ?2)"
		" WHERE tenant_id = ?1 AND id = ?3",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept));
}

int
names_merge(const struct merging *p)
{
	struct str kept, gone = {NULL, 0};
	struct arena a;

	arena_init(&a);
	int r = read_source(p->db, &a, p->tenant, p->kept, &kept);
	if (r > 0)
		r = read_source(p->db, &a, p->tenant, p->gone, &gone);
	bool better = r > 0 && name_rank(gone) > name_rank(kept);
	arena_done(&a);
	if (r < 0 || !better)
		return r < 0 ? r : 0;
	r = note(p);
	return r < 0 ? r : take(p);
}

/* A name that came since stays.  Merges of the release before have noted a push name
 * alone. */
int
names_unmerge(const struct merging *p)
{
	return sql_do(p->db,
		"UPDATE contacts SET (name, name_source) = (SELECT"
		"  max(iif(what = 'name_was', value, NULL)),"
		"  max(iif(what = 'name_source_was', value, NULL))"
		"  FROM audit_moves WHERE audit_id = ?2)"
		" WHERE tenant_id = ?1 AND id = ?3 AND (name, name_source) = (SELECT"
		"  max(iif(what = 'name', value, NULL)),"
		"  ifnull(max(iif(what = 'name_source', value, NULL)), 'push')"
		"  FROM audit_moves WHERE audit_id = ?2)",
		SQL_TEXT(p->tenant), SQL_NUMBER(p->audit), SQL_NUMBER(p->kept));
}

/* --- by a person at the business ---------------------------------------------- */

static int
put(struct sql *db, struct store_person_name *n, int64_t contact)
{
	struct str tenant = tenant_id(n->who.tenant);
	struct called c = {.name = n->name, .source = NAME_USER, .confidence = 1};
	char room[NAME_SIZE];

	if (str_trim(n->name).n == 0) /* what others say counts again */
		return write_name(
			db, tenant, contact, (struct str){0}, (struct str){0});
	if (!name_read(n->name, room).p)
		return store_fail(&n->who.op, ERR_SHAPE,
			"that is no name: it needs two letters and at most six "
			"digits, and must not stand for one (Customer, Unknown ...)");
	return contact_call(db, n->who.op.arena, tenant, contact, &c);
}

static int
person_name(struct store *s, struct store_op *op)
{
	struct store_person_name *n =
		container_of(op, struct store_person_name, who.op);
	struct sql *db = store_db(s);

	int r = person_look_up(db, &n->who);
	int64_t contact = n->who.who.contact_id;
	if (r >= 0 && contact == 0)
		return store_fail(op, ERR_NOT_FOUND,
			"nobody of that name has written, or was written to");
	if (r >= 0)
		r = put(db, n, contact);
	n->changed = r > 0;
	if (r <= 0)
		return r;
	int64_t id =
		audit_note(db, &(struct audit_entry){.tenant = tenant_id(n->who.tenant),
				       .action = STR("contact.name"),
				       .actor = n->actor,
				       .contact_id = contact});
	return id < 0 ? (int)id : 0;
}

void
store_person_name(struct store *s, struct store_person_name *op, struct flow *f)
{
	store_start(s, &op->who.op, person_name, f);
}
