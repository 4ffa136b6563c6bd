/* SPDX-License-Identifier: MIT */
/* redis.h: one connection to Redis, pipelined, that comes back.
 *
 *   connecting ---> greeting ---> ready ---> lost ---> (delay) ---> connecting
 *                 AUTH, SELECT,          every command in flight ends
 *                 SCRIPT LOAD            with ERR_UNAVAILABLE or -ETIMEDOUT
 *
 * Commands are written at the end of the loop's turn, in one write.  Each has a
 * deadline; a reply that is late closes the connection, since what arrives after
 * could no longer be told apart.  A lost answer means the command ran or not.
 * Reconnecting waits 25 ms to 1 s, doubling, with full jitter.
 *
 * A command: embed struct redis_cmd, then
 *
 *   redis_eval(r, &cmd, SCRIPT_CLAIM, 3, done);    3 arguments follow
 *   redis_arg(r, STR("...")); redis_argz(...); redis_argi(...);
 *
 * done is called exactly once, from the loop; cmd.reply (hiredis) is freed after
 * it returns.  When not ready, done comes soon with ERR_UNAVAILABLE.
 *
 * A connection with channels is subscribed to them, again after each reconnect,
 * and may send nothing but PING.
 *
 * REDIS_URL: redis://[user:password@]host[:port][/db] or unix://path[?db=n]. */
#ifndef QUEUE_REDIS_H
#define QUEUE_REDIS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/str.h"

struct loop;
struct redis;
struct redis_cmd;
struct redisReply;

/* Each script is a file of its own, script/<name>.lua. */
/* clang-format off */
#define SCRIPT_MAP(X) \
	X(SCRIPT_ENQUEUE, enqueue) \
	X(SCRIPT_CLAIM, claim) \
	X(SCRIPT_RENEW, renew) \
	X(SCRIPT_FINISH, finish) \
	X(SCRIPT_PEEK, peek) \
	X(SCRIPT_ABSORB, absorb) \
	X(SCRIPT_BURY, bury) \
	X(SCRIPT_LEAD, lead) \
	X(SCRIPT_RESIGN, resign) \
	X(SCRIPT_SWEEP, sweep) \
	X(SCRIPT_CRON, cron) \
	X(SCRIPT_SLOTS, slots) \
	X(SCRIPT_STATS, stats) \
	X(SCRIPT_TENANTS, tenants) \
	X(SCRIPT_SURVEY, survey) \
	X(SCRIPT_INCIDENT, incident) \
	X(SCRIPT_INCIDENTS, incidents) \
	X(SCRIPT_DEAD, dead) \
	X(SCRIPT_HEALTH, health) \
	X(SCRIPT_JOBS, jobs) \
	X(SCRIPT_SHOW, show) \
	X(SCRIPT_RETRY, retry) \
	X(SCRIPT_CANCEL, cancel) \
	X(SCRIPT_DISCARD, discard) \
	X(SCRIPT_SUBMIT, submit) \
	X(SCRIPT_QUEUES, queues) \
	X(SCRIPT_RESTORE, restore) \
	X(SCRIPT_HOLD, hold) \
	X(SCRIPT_LOOK, look) \
	X(SCRIPT_FORGET, forget) \
	X(SCRIPT_LOCKS, locks) \
	X(SCRIPT_UNLOCK, unlock) \
	X(SCRIPT_SESSION, session) \
	X(SCRIPT_SESSIONS, sessions) \
	X(SCRIPT_RELEASE, release) \
	X(SCRIPT_CHECKUP, checkup) \
	X(SCRIPT_ENDLESS, endless) \
	X(SCRIPT_PRUNE, prune) \
	X(SCRIPT_DIRECTORY, directory) \
	X(SCRIPT_ENDED, ended) \
	X(SCRIPT_TRACE, trace)
/* clang-format on */

enum redis_script {
#define SCRIPT_ENUM_(id, name) id,
	SCRIPT_MAP(SCRIPT_ENUM_)
#undef SCRIPT_ENUM_
		SCRIPT_COUNT
};

typedef void redis_done(struct redis_cmd *cmd);

struct redis_cmd {
	int err;                  /* 0: there is a reply and it is not an error;
				     ERR_REMOTE: reply is Redis's error; else no reply */
	struct redisReply *reply; /* freed after done returns */
	/* private */
	redis_done *done;
	int64_t began_us, deadline_ms;
	bool blocks;
	struct redis *r;
	STAILQ_ENTRY(redis_cmd) next;
};

struct redis_options {
	const char *url;
	const char *name;    /* CLIENT SETNAME; no blanks */
	int64_t deadline_ms; /* of a command, unless redis_deadline() says otherwise */
	void (*on_ready)(void *arg); /* NULL: not told */
	bool no_scripts;             /* redis_eval() is never called: none is loaded */
	bool starting;               /* it may not listen yet, which is no news */
	const char *const
		*channels; /* NULL-terminated, at most REDIS_CHANNELS; NULL: none */
	void (*on_message)(void *arg, struct str channel, struct str payload);
	void *arg;
};

enum { REDIS_CHANNELS = 4 };

/* redis_url_check says what is wrong with a URL, or returns 0. */
int redis_url_check(const char *url, char err[256]) MUSTCHECK;

/* redis_new begins to connect.  url and name are borrowed for its life. */
struct redis *redis_new(struct loop *l, const struct redis_options *o);

bool redis_ready(const struct redis *r);

/* redis_trouble says why it is not ready; "" when it is. */
const char *redis_trouble(const struct redis *r);

void redis_call(struct redis *r, struct redis_cmd *cmd, const char *name, int args,
	redis_done *done);
void redis_eval(struct redis *r, struct redis_cmd *cmd, enum redis_script script,
	int keys, int args, redis_done *done);
void redis_arg(struct redis *r, struct str s);
void redis_argz(struct redis *r, const char *z);
void redis_argi(struct redis *r, int64_t v);
void redis_arg_date(struct redis *r, int64_t wall_us); /* in RQ's form */
void redis_arg_list(struct redis *r, const struct str *texts, size_t count);

/* redis_args_raw appends whole arguments that redis_format() made. */
void redis_args_raw(struct redis *r, struct str raw);
struct buf;
void redis_format(struct buf *out, struct str s);
void redis_format_int(struct buf *out, int64_t v);

/* A list of names as in RQ_QUEUES, blanks and empty ones left out: how many, and
 * each as an argument. */
int redis_count_names(const char *names);
void redis_arg_names(struct redis *r, const char *names);

/* redis_deadline gives the command just begun another deadline, in ms from now. */
void redis_deadline(struct redis_cmd *cmd, int64_t ms);

/* redis_blocks says that the command just begun waits in Redis for something to come:
 * how long that takes is no latency. */
void redis_blocks(struct redis_cmd *cmd);

/* redis_close ends the connection for good: commands in flight end, nothing is
 * called after they did. */
void redis_close(struct redis *r);

/* What a reply says, NULL-safe: the text of a string, the integer of a number. */
struct str redis_text(const struct redisReply *reply);
int64_t redis_int(const struct redisReply *reply, int64_t otherwise);

/* Element i of an array reply; NULL when there is none. */
const struct redisReply *redis_at(const struct redisReply *reply, size_t i);

#endif
