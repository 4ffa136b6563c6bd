/* SPDX-License-Identifier: MIT */
/* store_export.c: all that the database holds of one person, as JSON.
 *
 *   {"tenant":"1","exported_at":"...","contacts":[{...}],...}    a member a table of
 *   personal.h, in it the rows with every column */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "codec/val.h"
#include "store/personal.h"
#include "store/store_priv.h"

/* Finds the rows of one table. */
typedef int export_rows(struct sql *db, struct str tenant, const struct store_who *who);

#define EXPORT_(table, condition)                                                \
	static int rows_of_##table(                                              \
		struct sql *db, struct str tenant, const struct store_who *who)  \
	{                                                                        \
		return sql_row(db,                                               \
			WITH_PERSON "SELECT * FROM " #table " WHERE " condition, \
			PERSON_ARGS(tenant, who));                               \
	}
PERSONAL_TABLES(EXPORT_)
#undef EXPORT_

static const struct {
	const char *table;
	export_rows *rows;
} tables[] = {
#define ROW_(table, condition) {#table, rows_of_##table},
	PERSONAL_TABLES(ROW_)
#undef ROW_
};

static int
add_table(struct sql *db, struct store_export *e, size_t i)
{
	const char *comma = "";

	buf_addf(e->out, ",\"%s\":[", tables[i].table);
	int r = tables[i].rows(db, tenant_id(e->tenant), &e->who);
	for (; r > 0; r = sql_next(db)) {
		buf_addz(e->out, comma);
		sql_row_json(db, e->out);
		comma = ",";
		e->rows++;
	}
	buf_addc(e->out, ']');
	return r;
}

/* The list ends with the person: a reader begins there. */
static int
export_person(struct store *s, struct store_op *op)
{
	struct store_export *e = container_of(op, struct store_export, op);
	char now[CLOCK_ISO_SIZE];
	int r = 0;

	e->rows = 0;
	clock_iso(now, clock_wall_us());
	buf_addz(e->out, "{\"tenant\":");
	json_quote(e->out, tenant_id(e->tenant));
	buf_addf(e->out, ",\"exported_at\":\"%s\"", now);
	for (size_t i = ARRAY_LEN(tables); i-- > 0 && r >= 0;)
		r = add_table(store_db(s), e, i);
	buf_addz(e->out, "}\n");
	return r;
}

void
store_export(struct store *s, struct store_export *op, struct flow *f)
{
	store_start(s, &op->op, export_person, f);
}
