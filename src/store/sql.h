/* SPDX-License-Identifier: MIT */
/* sql.h: one database connection, as the operations of this folder see it.
 *
 * A seam inside the store: operations speak SQL with ?1, ?2 ... and know no
 * driver; sql_sqlite.c is the one behind it.  One thread at a time.
 *
 *   int r = sql_row(db, "SELECT id FROM tenants WHERE id = ?1", SQL_TEXT(id));
 *
 * The SQL must be a string literal: a statement is prepared once and found again
 * by the address of its text.  At most one statement is under way: the row of
 * sql_row() or sql_next() is good until the next sql_ call but sql_col_*(), so
 * nothing needs closing.  Texts given as arguments must stay until then. */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/str.h"

struct arena;
struct buf;
struct sql;

struct sql_arg {
	enum { SQL_ARG_TEXT, SQL_ARG_NUMBER, SQL_ARG_REAL } kind;
	struct str text; /* absent is NULL */
	int64_t number;
	double real;
};

#define SQL_TEXT(s)   ((struct sql_arg){.kind = SQL_ARG_TEXT, .text = (s)})
#define SQL_NUMBER(v) ((struct sql_arg){.kind = SQL_ARG_NUMBER, .number = (v)})
#define SQL_REAL(v)   ((struct sql_arg){.kind = SQL_ARG_REAL, .real = (v)})

/* The first argument of the array is a dummy: C has no empty one. */
#define SQL_ARGS_(...)                                           \
	(const struct sql_arg[]){{SQL_ARG_NUMBER}, __VA_ARGS__}, \
		ARRAY_LEN(((const struct sql_arg[]){{SQL_ARG_NUMBER}, __VA_ARGS__}))

/* sql_open opens an existing database file.  NULL with words in err. */
struct sql *sql_open(const char *path, char err[256]);
void sql_close(struct sql *db);

/* sql_begin starts a transaction that may write, waiting for other processes that
 * do.  sql_commit: when it fails, nothing of the transaction is left. */
int sql_begin(struct sql *db) MUSTCHECK;
int sql_commit(struct sql *db) MUSTCHECK;
void sql_rollback(struct sql *db);

/* sql_in_transaction: false after an error that ended the transaction. */
bool sql_in_transaction(struct sql *db);

/* sql_row starts a statement.  1: there is a row; 0: none; or ERR_STORE. */
#define sql_row(db, literal, ...) sql_start((db), "" literal, SQL_ARGS_(__VA_ARGS__))
int sql_next(struct sql *db) MUSTCHECK;

/* sql_do runs a statement that returns no rows: how many rows it changed, ERR_EXISTS
 * when a unique index forbids it (trying again can't help), or ERR_STORE. */
#define sql_do(db, literal, ...) sql_change((db), "" literal, SQL_ARGS_(__VA_ARGS__))
int64_t sql_inserted(struct sql *db); /* id of the row inserted last */

/* sql_settle ends the statement under way: a row is not kept locked. */
void sql_settle(struct sql *db);

/* sql_script runs several statements; for migrations. */
int sql_script(struct sql *db, const char *text) MUSTCHECK;

/* Columns of the row, from 0.  Text is copied into the arena; NULL is absent, 0. */
struct str sql_col_text(struct sql *db, int column, struct arena *a);
int64_t sql_col_number(struct sql *db, int column);
double sql_col_real(struct sql *db, int column);

/* sql_row_json appends the row as a JSON object, a member for each column. */
void sql_row_json(struct sql *db, struct buf *out);

/* sql_empty_log writes the database file anew, which takes as long and as much room as
 * that is large, and empties the write-ahead log, so that what was deleted is in
 * neither.  0, or ERR_STORE when others, who read or write all the time, kept it from
 * ending. */
int sql_empty_log(struct sql *db) MUSTCHECK;

/* sql_words says what the last error was. */
const char *sql_words(struct sql *db);

/* Behind the macros. */
int sql_start(struct sql *db, const char *literal, const struct sql_arg *args,
	size_t count) MUSTCHECK;
int sql_change(struct sql *db, const char *literal, const struct sql_arg *args,
	size_t count) MUSTCHECK;

#endif
