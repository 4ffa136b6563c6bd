/* SPDX-License-Identifier: MIT */
/* store_tenants.c: the tenants table.
 *
 * Its columns come from TENANT_FIELDS: reading and writing follow from the rows there.
 * What a value may be is in tenant_values.c.
 *
 * A SECRET is sealed (base/seal.h) where there is a SECRETS_KEY.  One that does not
 * open is an error for whoever would use it (tenant_find), and stays as it is for who
 * only lists or changes the tenant. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/seal.h"
#include "store/tenant_values.h"

/* --- rows ----------------------------------------------------------------- */

#define COLUMN_(kind, name, help) ", " #name
#define SELECT_TENANTS \
	"SELECT id, created_us, prompt_version" TENANT_FIELDS(COLUMN_) " FROM tenants"

/* Whose secret, and which. */
static struct str
place_of(struct arena *a, const struct tenant *t, const struct tenant_field *f)
{
	return arena_printf(a, "%.*s|%s", STR_FMT(t->id), f->name);
}

/* 0, or ERR_SEALED, when all the rest is read. */
static int
read_tenant(struct sql *db, struct arena *a, struct tenant *t)
{
	int err = 0;

	t->id = sql_col_text(db, 0, a);
	t->created_us = sql_col_number(db, 1);
	t->prompt_version = sql_col_number(db, 2);
	for (size_t i = 0; i < TENANT_FIELD_COUNT; i++) {
		void *value = tenant_value(t, &tenant_fields[i]);
		int column = (int)i + 3;

		switch (tenant_fields[i].kind) {
		case TENANT_TEXT:
			*(struct str *)value = sql_col_text(db, column, a);
			break;
		case TENANT_SECRET:
			*(struct str *)value = sql_col_text(db, column, a);
			if (seal_open(a, *(struct str *)value,
				    place_of(a, t, &tenant_fields[i]), value) < 0)
				err = ERR_SEALED;
			break;
		case TENANT_NUMBER:
			*(int64_t *)value = sql_col_number(db, column);
			break;
		case TENANT_REAL:
			*(double *)value = sql_col_real(db, column);
			break;
		}
	}
	return err;
}

int
tenant_find(struct sql *db, struct str id, struct arena *a, struct tenant *ret)
{
	int r = sql_row(db, SELECT_TENANTS " WHERE id = ?1", SQL_TEXT(id));
	int err = r > 0 ? read_tenant(db, a, ret) : 0;

	return err < 0 ? err : r;
}

static int
fail_id(struct store_op *op, int err, struct str id)
{
	return store_fail(op, err, "tenant %.*s: %s",
		tenant_printable(id, TENANT_ID_MAX), id.p, err_text(err));
}

int
tenant_must(struct sql *db, struct store_op *op, struct str id, struct tenant *ret)
{
	int r = tenant_find(db, id, op->arena, ret);

	if (r == 0)
		return fail_id(op, ERR_NOT_FOUND, id);
	if (r == ERR_SEALED)
		return fail_id(op, r, id);
	return r < 0 ? r : 0;
}

static int
insert(struct sql *db, struct str id)
{
	return sql_do(db,
		"INSERT INTO tenants (id, name, created_us)"
		" VALUES (?1, 'Tenant ' || ?1, ?2) ON CONFLICT DO NOTHING",
		SQL_TEXT(id), SQL_NUMBER(clock_wall_us()));
}

static void
seal_secrets(struct arena *a, struct tenant *t)
{
	for (size_t i = 0; seal_ready() && i < TENANT_FIELD_COUNT; i++) {
		struct str *value = tenant_value(t, &tenant_fields[i]);

		if (tenant_fields[i].kind == TENANT_SECRET)
			*value = seal_close(
				a, *value, place_of(a, t, &tenant_fields[i]));
	}
}

static int
update(struct sql *db, const struct tenant *t)
{
#define SQL_SECRET             SQL_TEXT
#define SET_(kind, name, help) #name " = ?, "
#define ARG_(kind, name, help) SQL_##kind(t->name),
	return sql_do(db,
		"UPDATE tenants SET " TENANT_FIELDS(SET_) "id = id WHERE id = ?",
		TENANT_FIELDS(ARG_) SQL_TEXT(t->id));
#undef ARG_
#undef SET_
#undef SQL_SECRET
}

/* --- operations ----------------------------------------------------------- */

static int
get(struct store *s, struct store_op *op)
{
	struct store_tenant_get *g = container_of(op, struct store_tenant_get, op);

	return tenant_must(store_db(s), op, tenant_id(g->id), &g->found);
}

void
store_tenant_get(struct store *s, struct store_tenant_get *op, struct flow *f)
{
	store_start(s, &op->op, get, f);
}

static int
list(struct store *s, struct store_op *op)
{
	struct store_tenant_list *l = container_of(op, struct store_tenant_list, op);
	struct sql *db = store_db(s);

	int r = sql_row(db, "SELECT count(*) FROM tenants");
	if (r < 0)
		return r;
	size_t count = (size_t)sql_col_number(db, 0);

	l->tenants = arena_zalloc(op->arena, count * sizeof(*l->tenants));
	l->count = 0;
	r = sql_row(db, SELECT_TENANTS " ORDER BY length(id), id"); /* 9 before 10 */
	for (; r > 0 && l->count < count; r = sql_next(db))
		(void)read_tenant(db, op->arena, &l->tenants[l->count++]);
	return r;
}

void
store_tenant_list(struct store *s, struct store_tenant_list *op, struct flow *f)
{
	store_start(s, &op->op, list, f);
}

/* A phone is one tenant's: its messages are. */
static int
phone_is_free(struct sql *db, struct store_op *op, const struct tenant *t)
{
	int r = sql_row(db,
		"SELECT id FROM tenants WHERE meta_phone_number_id = ?1 AND id <> ?2",
		SQL_TEXT(t->meta_phone_number_id), SQL_TEXT(t->id));

	if (r <= 0)
		return r;
	return store_fail(op, ERR_EXISTS, "meta_phone_number_id is that of tenant %.*s",
		STR_FMT(sql_col_text(db, 0, op->arena)));
}

static int
ask_caller(
	struct store_tenant_put *put, const struct tenant *was, const struct tenant *t)
{
	char words[256] = "", before[256];

	if (!put->check || put->check(put->check_arg, t, words) >= 0)
		return 0;
	if (put->check(put->check_arg, was, before) < 0)
		return 0;
	return store_fail(&put->op, ERR_SHAPE, "%s", words);
}

static int
put(struct store *s, struct store_op *op)
{
	struct store_tenant_put *p = container_of(op, struct store_tenant_put, op);
	struct sql *db = store_db(s);
	struct str id = tenant_id(p->id);
	struct tenant was, t = {0};

	if (!tenant_is_id(id))
		return store_fail(op, ERR_SHAPE,
			"a tenant's id is 1 to %d of A-Z a-z 0-9 _ -", TENANT_ID_MAX);
	if (p->create) {
		int added = insert(db, id);
		if (added <= 0)
			return added < 0 ? added : fail_id(op, ERR_EXISTS, id);
	}
	int r = tenant_must(db, op, id, &t);
	if (r == ERR_SEALED)
		r = 0;
	was = t;
	if (r >= 0)
		r = tenant_set(db, p, &t);
	if (r >= 0)
		r = ask_caller(p, &was, &t);
	if (r >= 0)
		r = phone_is_free(db, op, &t);
	if (r < 0)
		return r;
	seal_secrets(op->arena, &t);
	r = update(db, &t);
	return r < 0 ? r : prompt_number(db, id);
}

void
store_tenant_put(struct store *s, struct store_tenant_put *op, struct flow *f)
{
	store_start(s, &op->op, put, f);
}

/* Contacts and conversations go with the tenant (ON DELETE CASCADE). */
static int
drop(struct store *s, struct store_op *op)
{
	struct store_tenant_remove *rm =
		container_of(op, struct store_tenant_remove, op);
	struct sql *db = store_db(s);
	struct str id = tenant_id(rm->id);

	int r = sql_row(db, "SELECT 1 FROM messages WHERE tenant_id = ?1 LIMIT 1",
		SQL_TEXT(id));
	if (r > 0)
		return store_fail(op, ERR_EXISTS,
			"tenant %.*s has messages; pause it instead: status=paused",
			STR_FMT(id));
	if (r < 0)
		return r;
	r = sql_do(db, "DELETE FROM tenants WHERE id = ?1", SQL_TEXT(id));
	return r == 0 ? fail_id(op, ERR_NOT_FOUND, id) : r;
}

void
store_tenant_remove(struct store *s, struct store_tenant_remove *op, struct flow *f)
{
	store_start(s, &op->op, drop, f);
}
