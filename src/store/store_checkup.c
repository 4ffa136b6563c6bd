/* SPDX-License-Identifier: MIT */
/* store_checkup.c: what a doctor asks the database.
 *
 * On a connection of its own and, but for the one that writes, outside of any
 * transaction: workers go on meanwhile. */
#include "store/store_checkup.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/store_priv.h"

/* The newest rows: a million of them are looked through in a second. */
#define NEWEST "(SELECT coalesce(max(id), 0) - 200000 FROM messages)"

static int
ended(struct sql *db, int r, char err[256])
{
	if (r < 0)
		snprintf(err, 256, "%s", sql_words(db));
	sql_close(db);
	return r < 0 ? r : 0;
}

static int
rewrite_version(struct sql *db)
{
	char pragma[64];

	int r = sql_row(db, "PRAGMA user_version");
	if (r <= 0)
		return r < 0 ? r : ERR_STORE;
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d",
		(int)sql_col_number(db, 0));
	return sql_script(db, pragma);
}

int
checkup_write(const char *database_url, char err[256])
{
	struct sql *db = schema_open(database_url, err);

	if (!db)
		return ERR_STORE;
	int r = sql_script(db, "PRAGMA busy_timeout = 1000"); /* a person waits */
	if (r >= 0)
		r = sql_begin(db);
	if (r < 0)
		return ended(db, r, err);
	r = rewrite_version(db);
	if (r >= 0)
		return ended(db, sql_commit(db), err);
	snprintf(err, 256, "%s", sql_words(db));
	sql_rollback(db);
	sql_close(db);
	return r;
}

static int
inbound_twice(struct sql *db, struct arena *a, struct checkup_rows *rows)
{
	int r = sql_row(db,
		"SELECT count(*), min(id), min(tenant_id) FROM (SELECT max(id) AS id,"
		" tenant_id, max(created_us) AS at FROM messages WHERE id > " NEWEST
		" AND direction = 'in' AND twin_of IS NULL"
		" GROUP BY tenant_id, conversation_id, provider, provider_message_id"
		" HAVING count(*) > 1) WHERE at >= ?1",
		SQL_NUMBER(rows->since_us));

	if (r <= 0)
		return r;
	rows->inbound = sql_col_number(db, 0);
	rows->message = sql_col_number(db, 1);
	if (rows->inbound)
		rows->tenant = sql_col_text(db, 2, a);
	return 0;
}

static int
replies_twice(struct sql *db, struct arena *a, struct checkup_rows *rows)
{
	int r = sql_row(db,
		"SELECT count(*), min(turn_id), min(tenant_id) FROM (SELECT turn_id,"
		" tenant_id, max(created_us) AS at FROM messages WHERE id > " NEWEST
		" AND direction = 'out' AND source = 'bot'"
		" GROUP BY turn_id, tenant_id, part HAVING count(*) > 1) WHERE at >= "
		"?1",
		SQL_NUMBER(rows->since_us));

	if (r <= 0)
		return r;
	rows->replies = sql_col_number(db, 0);
	rows->turn = sql_col_number(db, 1);
	if (rows->replies)
		rows->tenant = sql_col_text(db, 2, a);
	return 0;
}

int
checkup_duplicates(const char *database_url, struct arena *a, struct checkup_rows *rows,
	char err[256])
{
	struct sql *db = schema_open(database_url, err);

	if (!db)
		return ERR_STORE;
	int r = inbound_twice(db, a, rows);
	if (r >= 0)
		r = replies_twice(db, a, rows);
	if (r >= 0)
		r = sql_row(db, "SELECT count(*) FROM messages WHERE id > " NEWEST);
	if (r > 0)
		rows->looked = sql_col_number(db, 0);
	return ended(db, r, err);
}

int
checkup_sound(const char *database_url, struct arena *a, struct str *ret, char err[256])
{
	struct sql *db = schema_open(database_url, err);

	if (!db)
		return ERR_STORE;
	int r = sql_row(db, "PRAGMA quick_check(1)");
	struct str says = r > 0 ? sql_col_text(db, 0, a) : STR("ok");
	*ret = says;
	if (str_eqz(says, "ok"))
		*ret = (struct str){0};
	return ended(db, r, err);
}

int64_t
checkup_size(const char *database_url)
{
	struct str url = str_of(database_url), prefix = STR("sqlite:///");
	struct stat st;

	if (!str_starts(url, prefix) || stat(url.p + prefix.n, &st) < 0)
		return -1;
	return st.st_size;
}
