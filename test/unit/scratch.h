/* SPDX-License-Identifier: MIT */
/* scratch.h: a database of a test's own, with tenants 1 and 2, without a loop.
 *
 *   scratch_begin();
 *   CHECK_INT(RUN(store_tenant_get, &get), 0);
 *   CHECK_INT(number("SELECT count(*) FROM messages"), 0);
 *   scratch_end();
 *
 * number() and text() read through a connection of their own: what they see is
 * committed.  script() writes through one. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <sqlite3.h>
#include <unistd.h>

#include "base/arena.h"
#include "store/store.h"
#include "unit.h"

static struct arena arena;
static struct store *store;
static char scratch_dir[64], scratch_url[128], words[640];

static sqlite3 *
scratch_connect(void)
{
	sqlite3 *db;
	const char *path = scratch_url + strlen("sqlite:///");

	CHECK_INT(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	return db;
}

static struct str
text(const char *sql)
{
	sqlite3 *db = scratch_connect();
	sqlite3_stmt *stmt;
	struct str ret = {NULL, 0};

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		FAIL("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		ret = arena_str(
			&arena, str_of((const char *)sqlite3_column_text(stmt, 0)));
	if (sqlite3_finalize(stmt) != SQLITE_OK)
		FAIL("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
	return ret;
}

static int64_t
number(const char *sql)
{
	struct str s = text(sql);

	return s.p ? strtoll(s.p, NULL, 10) : 0;
}

static void
script(const char *sql)
{
	sqlite3 *db = scratch_connect();

	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		FAIL("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* Runs an operation; its error, with its words in words. */
#define RUN(start, o)                                                           \
	((o)->op.arena = &arena, start(store, o, NULL),                         \
		store_run(store, &(o)->op) < 0                                  \
			? (snprintf(words, sizeof(words), "%s", (o)->op.words), \
				  (o)->op.err)                                  \
			: 0)

/* Sets a property of tenant 1; without a name adds the tenant. */
static int
put_tenant(const char *id, const char *name, const char *value)
{
	struct str n = str_of(name), v = str_of(value);
	struct store_tenant_put put = {.id = str_of(id),
		.create = !name,
		.names = &n,
		.values = &v,
		.count = name != NULL};

	return RUN(store_tenant_put, &put);
}

static void
scratch_begin(void)
{
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	int from, to;
	char err[256];

	snprintf(scratch_dir, sizeof(scratch_dir), "%s/scratch.XXXXXX", tmp);
	CHECK(mkdtemp(scratch_dir));
	snprintf(scratch_url, sizeof(scratch_url), "sqlite:///%s/t.db", scratch_dir);
	arena_init(&arena);
	if (store_migrate(scratch_url, &from, &to, err) < 0)
		FAIL("%s", err);
	store = store_open(NULL, scratch_url, err);
	if (!store)
		FAIL("%s", err);
	CHECK_INT(put_tenant("1", NULL, NULL), 0);
	CHECK_INT(put_tenant("2", NULL, NULL), 0);
}

static void
scratch_end(void)
{
	char command[128];

	store_close(store);
	arena_done(&arena);
	snprintf(command, sizeof(command), "rm -r %s", scratch_dir);
	CHECK_INT(system(command), 0);
}

#endif
