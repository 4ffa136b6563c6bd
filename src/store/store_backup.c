/* SPDX-License-Identifier: MIT */
/* store_backup.c: the whole database to a file and back. */
#include "store/store_backup.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/store_priv.h"

/* VACUUM INTO reads in one transaction: others may write meanwhile.  What was deleted
 * is not in the copy. */
int
store_backup(const char *path, const char *to, char err[256])
{
	struct sql *db = sql_open(path, err);

	if (!db)
		return ERR_STORE;
	int r = sql_do(db, "VACUUM INTO ?1", SQL_TEXT(str_of(to)));
	if (r < 0)
		snprintf(err, 256, "%s to %s: %s", path, to, sql_words(db));
	sql_close(db);
	return r < 0 ? r : 0;
}

int
store_backup_check(const char *path, int *ret_schema, char err[256])
{
	struct str said = STR("");
	struct arena a;
	struct sql *db = sql_open(path, err);

	if (!db)
		return ERR_STORE;
	arena_init(&a);
	int r = sql_row(db, "PRAGMA integrity_check(1)");
	if (r > 0)
		said = sql_col_text(db, 0, &a);
	sql_settle(db);
	if (r > 0 && str_eqz(said, "ok"))
		r = sql_row(db, "PRAGMA user_version");
	else if (r > 0)
		r = ERR_STORE;
	if (r > 0)
		*ret_schema = (int)sql_col_number(db, 0);
	else
		snprintf(err, 256, "%s: %.*s", path,
			STR_FMT(said.n > 0 ? said : str_of(sql_words(db))));
	sql_settle(db);
	arena_done(&a);
	sql_close(db);
	return r > 0 ? 0 : ERR_STORE;
}
