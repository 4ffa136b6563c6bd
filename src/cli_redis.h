/* SPDX-License-Identifier: MIT */
/* cli_redis.h: Redis for a command: asks one thing at a time and waits.
 *
 *   cli_redis_open ---> { begin a command on c->cmd ---> cli_redis_wait } ---> close
 *
 * cli_redis_run() is that for a whole row of a command.
 * The reply is read in the function given to cli_redis_wait(): it is freed after. */
#ifndef CLI_REDIS_H
#define CLI_REDIS_H

#include "base/str.h"
#include "net/loop.h"
#include "queue/redis.h"
#include "role/home.h"

struct settings;

struct cli_redis {
	struct redis *redis;
	struct redis_cmd cmd; /* begin it with cli_redis_done */
	struct loop loop;     /* for a command that goes on and on: it runs it itself */
	/* private */
	uv_timer_t tick;
	void (*take)(void *arg, const struct redisReply *reply);
	void *arg;
	int err;
	bool interrupted;
	char url[HOME_URL_SIZE];
};

/* cli_redis_url is REDIS_URL, or the private server of an `all` that runs on DATA_DIR.
 * 0, or -1 after one line on stderr. */
int cli_redis_url(const struct settings *s, char ret[HOME_URL_SIZE]) MUSTCHECK;

/* cli_redis_open connects to it.  0, or -1 after one line on stderr.  *c must stay
 * where it is. */
int cli_redis_open(struct cli_redis *c, const struct settings *s) MUSTCHECK;
void cli_redis_close(struct cli_redis *c);

/* cli_redis_run connects, has the function of a row run, and closes: the status. */
int cli_redis_run(struct cli_redis *c, const struct settings *s, int (*run)(void *into),
	void *into);

redis_done cli_redis_done;

/* cli_redis_wait waits for the command begun, and gives its reply to take, if any.  0,
 * or -1 after one line on stderr.  A signal is obeyed by the wait after: the command
 * that is out is answered before, so that what is told is what was done.  A second
 * signal ends the process. */
int cli_redis_wait(struct cli_redis *c,
	void (*take)(void *arg, const struct redisReply *reply), void *arg) MUSTCHECK;

/* cli_redis_show is the same for the last command of a row: the status. */
int cli_redis_show(struct cli_redis *c,
	void (*take)(void *arg, const struct redisReply *reply), void *arg);

#endif
