/* SPDX-License-Identifier: MIT */
/* store_backup.h: the whole database to a file and back.  For commands: these block.
 * Paths are those of files; where a database is, its URL says. */
#ifndef STORE_STORE_BACKUP_H
#define STORE_STORE_BACKUP_H

#include "base/defs.h"

enum { STORE_PATH_SIZE = 1024 };

/* store_path gives the file of a DATABASE_URL; negative with words in err. */
int store_path(
	const char *database_url, char ret[STORE_PATH_SIZE], char err[256]) MUSTCHECK;

/* store_backup writes one moment of a database that others may be using to a new
 * file. */
int store_backup(const char *path, const char *to, char err[256]) MUSTCHECK;

/* store_backup_check says whether a file is a sound database, and its schema. */
int store_backup_check(const char *path, int *ret_schema, char err[256]) MUSTCHECK;

/* store_version is the schema of this program. */
int store_version(void);

#endif
