/* SPDX-License-Identifier: MIT */
/* a_store.h: a database of its own for a test, with tenant 1.
 *
 *   begin();
 *   CHECK_INT(RUN(store_load, &l), 0);          as a command does, without a loop
 *   CHECK_INT(number("SELECT count(*) FROM messages"), 1);
 *   end();
 *
 * number() and text() read through a connection of their own: what they see is
 * committed. */
#ifndef A_STORE_H
#define A_STORE_H

#include <sqlite3.h>
#include <unistd.h>

#include "base/arena.h"
#include "store/store.h"

static struct arena arena;
static struct store *store;
static char dir[64], url[128], words[256];

static struct str
text(const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;
	struct str ret = {NULL, 0};

	CHECK_INT(sqlite3_open(url + strlen("sqlite:///"), &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
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

static long
number(const char *sql)
{
	struct str s = text(sql);

	return s.p ? strtol(s.p, NULL, 10) : 0;
}

#define RUN(start, o)                                                           \
	((o)->op.arena = &arena, start(store, o, NULL),                         \
		store_run(store, &(o)->op) < 0                                  \
			? (snprintf(words, sizeof(words), "%s", (o)->op.words), \
				  (o)->op.err)                                  \
			: 0)

static void
begin(void)
{
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	struct store_tenant_put put = {.id = STR("1"), .create = true};
	int from, to;

	snprintf(dir, sizeof(dir), "%s/store_test.XXXXXX", tmp);
	CHECK(mkdtemp(dir));
	snprintf(url, sizeof(url), "sqlite:///%s/t.db", dir);
	arena_init(&arena);
	if (store_migrate(url, &from, &to, words) < 0)
		FAIL("%s", words);
	store = store_open(NULL, url, words);
	if (!store)
		FAIL("%s", words);
	CHECK_INT(RUN(store_tenant_put, &put), 0);
}

static void
end(void)
{
	char command[128];

	store_close(store);
	arena_done(&arena);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	CHECK_INT(system(command), 0);
}

#endif
