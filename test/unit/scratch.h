/* SPDX-License-Identifier: MIT */
/* scratch.h: a database of a test's own.
 *
 *   begin();                      with tenants 1 and 2, without a loop
 *   struct store_load l = written("M1", CHAT, "hello");
 *   CHECK_INT(RUN(store_load, &l), 0);
 *   CHECK_INT(number("SELECT count(*) FROM messages"), 1);
 *   end();
 *
 * number() and text() read through a connection of their own: what they see is
 * committed.  script() writes through one.  Tests of migrations take begin() in its
 * pieces; who defines SCRATCH_PIECES, for a store on a loop, gets no more than these.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <sqlite3.h>
#include <unistd.h>

#include "base/arena.h"
#include "store/store.h"
#include "unit.h"

static struct arena arena;
static struct store *store;
static char dir[64], url[128], words[640];

static inline const char *
file(void)
{
	return url + strlen("sqlite:///");
}

static inline sqlite3 *
scratch_connect(void)
{
	sqlite3 *db;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

	CHECK_INT(sqlite3_open_v2(file(), &db, flags, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	return db;
}

static inline struct str
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

static inline long
number(const char *sql)
{
	struct str s = text(sql);

	return s.p ? strtol(s.p, NULL, 10) : 0;
}

static inline void
script(const char *sql)
{
	sqlite3 *db = scratch_connect();

	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		FAIL("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

#ifndef SCRATCH_PIECES
/* Runs an operation as a command does; its error, with its words in words. */
#define RUN(start, o)                                                           \
	((o)->op.arena = &arena, start(store, o, NULL),                         \
		store_run(store, &(o)->op) < 0                                  \
			? (snprintf(words, sizeof(words), "%s", (o)->op.words), \
				  (o)->op.err)                                  \
			: 0)

/* Sets a property of a tenant; without a name adds the tenant. */
static inline int
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
#endif

/* What a customer wrote, as its job loads it; who tests more of it sets more. */
static inline struct store_load
written(const char *id, const char *chat, const char *said)
{
	return (struct store_load){.tenant = STR("1"),
		.provider = STR("baileys"),
		.chat = str_of(chat),
		.message_id = str_of(id),
		.job_id = str_of(id),
		.answerable = true,
		.kind = STR("text"),
		.text = str_of(said),
		.raw = STR("{}"),
		.attempt = 1,
		.history_max = 20};
}

/* --- begin and end ------------------------------------------------------------ */

static inline void
make_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	/* No test can tell memory from disk, but whoever waits for them can. */
	if (!tmp)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(dir, sizeof(dir), "%.40s/scratch.XXXXXX", tmp);
	CHECK(mkdtemp(dir));
	snprintf(url, sizeof(url), "sqlite:///%s/t.db", dir);
	arena_init(&arena);
}

static inline void
migrate(void)
{
	int from, to;

	if (store_migrate(url, &from, &to, words) < 0)
		FAIL("%s", words);
}

static inline void
open_store(struct loop *loop)
{
	store = store_open(loop, url, words);
	if (!store)
		FAIL("%s", words);
}

static inline void
close_store(void)
{
	store_close(store);
	store = NULL;
}

static inline void
remove_dir(void)
{
	char command[128];

	arena_done(&arena);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	CHECK_INT(system(command), 0);
}

#ifndef SCRATCH_PIECES
static inline void
begin(void)
{
	make_dir();
	migrate();
	open_store(NULL);
	CHECK_INT(put_tenant("1", NULL, NULL), 0);
	CHECK_INT(put_tenant("2", NULL, NULL), 0);
}

static inline void
end(void)
{
	close_store();
	remove_dir();
}
#endif

#endif
