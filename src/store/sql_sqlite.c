/* SPDX-License-Identifier: MIT */
/* sql_sqlite.c: sql.h on SQLite.
 *
 * WAL: readers of other processes (admin, a shell) never wait for us nor we for
 * them; two writers wait for each other in sql_begin(), which takes the write lock
 * at once, so that no statement inside a transaction meets a lock.  FULL: a commit
 * returns when the log is on disk.
 *
 * Some errors (disk full, I/O) make SQLite roll the whole transaction back on its
 * own; sql_in_transaction() tells. */
#include "store/sql.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/val.h"

enum {
	STATEMENTS_MAX = 512,   /* distinct texts in this folder, with room */
	BUSY_TIMEOUT_MS = 5000, /* another process' transaction takes far less, ... */
	BEGIN_TRIES = 3,        /* ... and after a job's lease (15 s) waiting is vain */
};

struct sql {
	sqlite3 *conn;
	sqlite3_stmt *now; /* the statement under way, or NULL */
	struct {
		const char *literal;
		sqlite3_stmt *stmt;
	} kept[STATEMENTS_MAX];
	size_t kept_count;
	char words[160]; /* of the last error: the connection's own are soon gone */
};

static int
failed(struct sql *db)
{
	snprintf(db->words, sizeof(db->words), "%s", sqlite3_errmsg(db->conn));
	if (sqlite3_extended_errcode(db->conn) == SQLITE_CONSTRAINT_UNIQUE)
		return ERR_EXISTS;
	return ERR_STORE;
}

/* What is deleted is overwritten (secure_delete), so that it is in no free page: erase
 * and retention mean it.
 *
 * The log is checkpointed when it reaches about 16 MB: the default of 4 MB fills
 * in half a second of full load and costs two more waits for the disk each time. */
static const char setup[] = "PRAGMA journal_mode = WAL;"
			    "PRAGMA synchronous = FULL;"
			    "PRAGMA foreign_keys = ON;"
			    "PRAGMA secure_delete = ON;"
			    "PRAGMA wal_autocheckpoint = 4000;"
			    "PRAGMA journal_size_limit = 67108864;";

struct sql *
sql_open(const char *path, char err[256])
{
	struct sql *db = xcalloc(1, sizeof(*db));
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

	int rc = sqlite3_open_v2(path, &db->conn, flags, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(db->conn, BUSY_TIMEOUT_MS);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->conn, setup, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return db;

	snprintf(err, 256, "%s: %s", path, sqlite3_errmsg(db->conn));
	sql_close(db);
	return NULL;
}

void
sql_close(struct sql *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->kept_count; i++)
		sqlite3_finalize(db->kept[i].stmt);
	sqlite3_close(db->conn);
	free(db);
}

void
sql_settle(struct sql *db)
{
	if (db->now)
		sqlite3_reset(db->now);
	db->now = NULL;
}

/* Statements are few and their literals live for ever, so a walk over addresses is
 * the whole cache. */
static sqlite3_stmt *
prepared(struct sql *db, const char *literal)
{
	sqlite3_stmt *stmt;

	for (size_t i = 0; i < db->kept_count; i++)
		if (db->kept[i].literal == literal)
			return db->kept[i].stmt;

	unsigned flags = SQLITE_PREPARE_PERSISTENT;
	int rc = sqlite3_prepare_v3(db->conn, literal, -1, flags, &stmt, NULL);
	if (rc != SQLITE_OK)
		return NULL;
	assert(db->kept_count < STATEMENTS_MAX);
	db->kept[db->kept_count].literal = literal;
	db->kept[db->kept_count].stmt = stmt;
	db->kept_count++;
	return stmt;
}

static int
bind(sqlite3_stmt *stmt, int at, const struct sql_arg *arg)
{
	switch (arg->kind) {
	case SQL_ARG_TEXT:
		return sqlite3_bind_text64(
			stmt, at, arg->text.p, arg->text.n, SQLITE_STATIC, SQLITE_UTF8);
	case SQL_ARG_NUMBER:
		return sqlite3_bind_int64(stmt, at, arg->number);
	case SQL_ARG_REAL:
		return sqlite3_bind_double(stmt, at, arg->real);
	}
	return SQLITE_MISUSE;
}

int
sql_next(struct sql *db)
{
	switch (sqlite3_step(db->now)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return failed(db);
	}
}

int
sql_start(struct sql *db, const char *literal, const struct sql_arg *args, size_t count)
{
	sql_settle(db);

	sqlite3_stmt *stmt = prepared(db, literal);
	if (!stmt)
		return failed(db);
	assert(sqlite3_bind_parameter_count(stmt) == (int)count - 1);
	for (size_t i = 1; i < count; i++)
		if (bind(stmt, (int)i, &args[i]) != SQLITE_OK)
			return failed(db);
	db->now = stmt;
	return sql_next(db);
}

int
sql_change(
	struct sql *db, const char *literal, const struct sql_arg *args, size_t count)
{
	int r = sql_start(db, literal, args, count);

	return r < 0 ? r : sqlite3_changes(db->conn);
}

int64_t
sql_inserted(struct sql *db)
{
	return sqlite3_last_insert_rowid(db->conn);
}

int
sql_script(struct sql *db, const char *text)
{
	sql_settle(db);
	if (sqlite3_exec(db->conn, text, NULL, NULL, NULL) != SQLITE_OK)
		return failed(db);
	return 0;
}

static bool
is_busy(struct sql *db)
{
	return sqlite3_errcode(db->conn) == SQLITE_BUSY;
}

int
sql_begin(struct sql *db)
{
	int r = ERR_STORE;

	for (int i = 0; i < BEGIN_TRIES; i++) {
		r = sql_row(db, "BEGIN IMMEDIATE");
		if (r >= 0 || !is_busy(db))
			break;
	}
	sql_settle(db);
	return r;
}

int
sql_commit(struct sql *db)
{
	int r = sql_row(db, "COMMIT");

	if (r < 0 && is_busy(db))
		r = sql_row(db, "COMMIT");
	if (r < 0)
		sql_rollback(db);
	sql_settle(db);
	return r;
}

void
sql_rollback(struct sql *db)
{
	sql_settle(db);
	if (sql_in_transaction(db)) /* not, when the error itself ended it */
		sqlite3_exec(db->conn, "ROLLBACK", NULL, NULL, NULL);
}

bool
sql_in_transaction(struct sql *db)
{
	return !sqlite3_get_autocommit(db->conn);
}

struct str
sql_col_text(struct sql *db, int column, struct arena *a)
{
	const void *p = sqlite3_column_text(db->now, column);
	int n = sqlite3_column_bytes(db->now, column);

	return arena_str(a, (struct str){p, (size_t)n});
}

int64_t
sql_col_number(struct sql *db, int column)
{
	return sqlite3_column_int64(db->now, column);
}

double
sql_col_real(struct sql *db, int column)
{
	return sqlite3_column_double(db->now, column);
}

static void
col_json(struct sql *db, int column, struct buf *out)
{
	const void *p;

	switch (sqlite3_column_type(db->now, column)) {
	case SQLITE_NULL:
		buf_addz(out, "null");
		break;
	case SQLITE_INTEGER:
	case SQLITE_FLOAT:
		buf_addz(out, (const char *)sqlite3_column_text(db->now, column));
		break;
	default:
		p = sqlite3_column_text(db->now, column);
		json_quote(out,
			(struct str){p, (size_t)sqlite3_column_bytes(db->now, column)});
	}
}

void
sql_row_json(struct sql *db, struct buf *out)
{
	for (int i = 0; i < sqlite3_column_count(db->now); i++) {
		buf_addc(out, i == 0 ? '{' : ',');
		json_quote(out, str_of(sqlite3_column_name(db->now, i)));
		buf_addc(out, ':');
		col_json(db, i, out);
	}
	buf_addc(out, '}');
}

/* secure_delete leaves what SQLite itself has copied: a page that was split keeps the
 * old bytes of what moved away.  VACUUM writes the file anew. */
int
sql_empty_log(struct sql *db)
{
	sql_settle(db);
	int r = sql_script(db, "VACUUM");
	if (r >= 0)
		r = sql_row(db, "PRAGMA wal_checkpoint(TRUNCATE)");

	if (r > 0 && sql_col_number(db, 0) != 0) {
		snprintf(db->words, sizeof(db->words), "the log is in use");
		r = ERR_STORE;
	}
	sql_settle(db);
	return r < 0 ? r : 0;
}

const char *
sql_words(struct sql *db)
{
	return db->words;
}
