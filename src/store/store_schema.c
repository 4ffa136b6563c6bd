/* SPDX-License-Identifier: MIT */
/* store_schema.c: where the database is, and which version its tables have.
 *
 *   DATABASE_URL ---> store_path ---> sql_open ---> version_of: good, or a command
 *                       |
 *   store_migrate:  make_file ---> one transaction: each missing schema/NNN_*.sql
 *
 * The version is PRAGMA user_version, which is part of the transaction: a killed
 * migration has not begun.
 *
 * A rollback meets a database that the release after has migrated.  It runs on it:
 * a file may only add what the programs of RELEASED can do without, or says which
 * ones can ("-- reader: N", the oldest schema version whose programs know enough).
 * The database keeps the highest of these numbers, for programs that have never
 * seen the file.  What a file makes unused is dropped a release later. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"
#include "schema.h"
#include "store/store_backup.h"
#include "store/store_priv.h"

enum {
	PATH_SIZE = STORE_PATH_SIZE,
	READER_SINCE = 12, /* the file that made schema_reader */
	/* The schema of the last release: to be raised when the next is cut. */
	RELEASED = 12,
};

const char *
store_url(const struct settings *s, struct arena *a)
{
	if (s->database_url)
		return s->database_url;
	return arena_printf(a, "sqlite:///%s/prosaas.db", s->data_dir).p;
}

/* The number a file's name begins with; files come in order of their names. */
int
store_version(void)
{
	int version = 0;

	for (size_t i = 0; schema_files[i].name; i++)
		version = (int)strtol(schema_files[i].name, NULL, 10);
	return version;
}

/* Words about a URL show its scheme only: the rest may hold a password. */
int
store_path(const char *url, char path[PATH_SIZE], char err[256])
{
	struct str rest = str_of(url), prefix = STR("sqlite:///");
	const char *colon = strstr(url, "://");

	if (!str_starts(rest, prefix)) {
		snprintf(err, 256,
			"DATABASE_URL: %.*s is not supported%s, use sqlite:///path",
			colon ? (int)(colon + 3 - url) : INT_MAX,
			colon ? url : "a value without ://",
			strncmp(url, "postgres", 8) == 0 ? " yet" : "");
		return -EINVAL;
	}
	rest.p += prefix.n;
	rest.n -= prefix.n;
	if (rest.n == 0 || rest.n >= PATH_SIZE || rest.p[0] == ':' ||
		memchr(rest.p, '?', rest.n)) {
		snprintf(err, 256,
			"DATABASE_URL: sqlite:/// needs the path of a file, without "
			"options");
		return -EINVAL;
	}
	memcpy(path, rest.p, rest.n + 1);
	return 0;
}

static int
version_of(struct sql *db, int *ret)
{
	int r = sql_row(db, "PRAGMA user_version");

	*ret = r > 0 ? (int)sql_col_number(db, 0) : 0;
	sql_settle(db);
	return r < 0 ? r : 0;
}

/* The oldest program that the database is for. */
static int
reader_of(struct sql *db, int found)
{
	int oldest = found;

	if (found > READER_SINCE && sql_row(db, "SELECT oldest FROM schema_reader") > 0)
		oldest = (int)sql_col_number(db, 0);
	sql_settle(db);
	return oldest;
}

static int
check_version(struct sql *db, const char *path, char err[256])
{
	int found = 0, wanted = store_version();

	int r = version_of(db, &found);
	if (r < 0) {
		snprintf(err, 256, "%s: %s", path, sql_words(db));
		return r;
	}
	if (found == wanted || (found > wanted && reader_of(db, found) <= wanted))
		return 0;
	if (found < wanted)
		snprintf(err, 256,
			"%s: the database has schema version %d, this program needs "
			"%d: run "
			"`prosaas migrate`",
			path, found, wanted);
	else
		snprintf(err, 256,
			"%s: the database has schema version %d, this program knows "
			"%d: run "
			"a newer prosaas (`prosaas migrate` does not go back)",
			path, found, wanted);
	return ERR_SCHEMA;
}

struct sql *
schema_open(const char *database_url, char err[256])
{
	char path[PATH_SIZE];

	if (store_path(database_url, path, err) < 0)
		return NULL;
	if (access(path, F_OK) < 0) {
		snprintf(err, 256, "%s: %s: run `prosaas migrate` to create it", path,
			strerror(errno));
		return NULL;
	}
	struct sql *db = sql_open(path, err);
	if (db && check_version(db, path, err) < 0) {
		sql_close(db);
		return NULL;
	}
	return db;
}

/* --- migrate -------------------------------------------------------------- */

/* Makes each folder on the way to path that is missing, for the owner only. */
static int
make_folders(const char *path)
{
	char folder[PATH_SIZE];

	for (const char *slash = path; (slash = strchr(slash + 1, '/')) != NULL;) {
		memcpy(folder, path, (size_t)(slash - path));
		folder[slash - path] = '\0';
		if (mkdir(folder, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* The file exists before SQLite opens it, so that nobody ever reads it: its log and
 * shared memory take over its mode. */
static int
make_file(const char *path, char err[256])
{
	int r = make_folders(path);
	int fd = r < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		r = r < 0 ? r : -errno;
		snprintf(err, 256, "%s: %s", path, strerror(-r));
		return r;
	}
	close(fd);
	return 0;
}

static int
run_file(struct sql *db, size_t i)
{
	char pragma[64];

	int r = sql_script(db, schema_files[i].text);
	if (r < 0)
		return r;
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %ld",
		strtol(schema_files[i].name, NULL, 10));
	return sql_script(db, pragma);
}

/* The oldest program that can do with what the file made. */
static long
reader_needed(const char *text)
{
	static const char mark[] = "\n-- reader: ";
	const char *said = strstr(text, mark);

	return said ? strtol(said + sizeof(mark) - 1, NULL, 10) : RELEASED;
}

static int
note_reader(struct sql *db, const char *text)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "UPDATE schema_reader SET oldest = max(oldest, %ld)",
		reader_needed(text));
	return sql_script(db, sql);
}

/* The version is read inside of the transaction: of two that migrate at once, the
 * second finds nothing to do. */
static int
migrate(struct sql *db, int *ret_from)
{
	int r = sql_begin(db);
	if (r < 0)
		return r;

	r = version_of(db, ret_from);
	for (size_t i = 0; r >= 0 && schema_files[i].name; i++) {
		long number = strtol(schema_files[i].name, NULL, 10);

		if (number > *ret_from)
			r = run_file(db, i);
		if (r >= 0 && number > *ret_from && number > READER_SINCE)
			r = note_reader(db, schema_files[i].text);
	}
	if (r >= 0)
		return sql_commit(db);
	sql_rollback(db);
	return r;
}

int
store_migrate(const char *database_url, int *ret_from, int *ret_to, char err[256])
{
	char path[PATH_SIZE];
	int from = 0;

	int r = store_path(database_url, path, err);
	if (r >= 0)
		r = make_file(path, err);
	if (r < 0)
		return r;

	struct sql *db = sql_open(path, err);
	if (!db)
		return ERR_STORE;
	r = sql_script(db, "PRAGMA foreign_keys = OFF");
	if (r >= 0)
		r = migrate(db, &from);
	if (r < 0)
		snprintf(err, 256, "%s: %s", path, sql_words(db));
	else
		r = check_version(
			db, path, err); /* it may be newer than this program */
	sql_close(db);
	if (r < 0)
		return r;
	*ret_from = from;
	*ret_to = store_version();
	return 0;
}
