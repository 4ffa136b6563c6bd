/* SPDX-License-Identifier: MIT */
/* cli_backup_priv.h: what backup and restore share. */
#ifndef CLI_BACKUP_PRIV_H
#define CLI_BACKUP_PRIV_H

#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "cli_words.h"
#include "role/home.h"
#include "store/store_backup.h"

enum { BACKUP_FORMAT = 1 };

#define BACKUP_DATABASE "prosaas.db"
#define BACKUP_REDIS    "redis.rdb"
#define BACKUP_MANIFEST "manifest.json"

struct settings;
struct redisContext;

struct backup {
	const struct settings *s;
	struct cli_words words; /* one: the folder */
	bool force;
	struct arena arena;
	char err[256];
	char database[STORE_PATH_SIZE]; /* the live one */
	char url[HOME_URL_SIZE];        /* of the live Redis */
	int schema;
	int64_t redis_db, keys;
};

/* backup_command is a command of one row, DIR [--force], whose function gets a struct
 * backup. */
int backup_command(const char *name, const struct cli_row *only,
	const struct settings *s, int argc, char **argv);

/* backup_path is DIR/name, in the arena. */
const char *backup_path(struct backup *b, const char *name);

/* backup_find fills database; false with words when there is none that we know. */
bool backup_find(struct backup *b);

/* backup_fail says err on stderr: CLI_FAILED. */
int backup_fail(const struct backup *b);

/* A redis-server of our own, on a unix socket, for as long as a command runs. */
struct redis_server {
	pid_t pid;
	char url[HOME_URL_SIZE];
	struct redisContext *c;
};

/* redis_server_start starts one in dir with further words (NULL-terminated), and
 * waits until it has read what is there.  0, or negative with words in err. */
int redis_server_start(struct redis_server *server, const char *dir, const char *socket,
	const char *const *more, char err[256]) MUSTCHECK;
void redis_server_stop(struct redis_server *server);

#endif
