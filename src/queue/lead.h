/* SPDX-License-Identifier: MIT */
/* lead.h: one of several schedulers leads, and acts.
 *
 *   standby ---> leading ---> standby        script/lead.lua, every LEAD_EVERY_MS
 *
 * The leader key holds a random token and lives LEAD_LIFE_MS; only its owner may
 * extend it.  An act (script/sweep.lua) checks the token and does its work in one
 * script: two may think they lead, only one can act.  A killed leader is followed
 * within LEAD_LIFE_MS + LEAD_EVERY_MS; one that stops resigns and is followed at
 * once.  At first and each hour it also drops the names of killed workers (prune.lua).
 *
 * All schedulers, leading or not, note in one key that they run.  So each knows
 * since when there was always one: what came due later is late, not missed
 * (cron.h).  */
#ifndef QUEUE_LEAD_H
#define QUEUE_LEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "queue/redis.h"

struct lead;
struct loop;
struct settings;

#define LEAD_KEY         "prosaas:leader:scheduler"
#define LEAD_RUNNING_KEY "prosaas:scheduler:running" /* hash: since, seen (ms) */

enum {
	LEAD_LIFE_MS = 10000,
	LEAD_EVERY_MS = 1000,
	LEAD_GAP_MS = 5000,   /* a look each second: after this none ran */
	LEAD_CRASHES_MAX = 5, /* then a job is poison */
};

struct lead_events {
	void (*leads)(void *arg, bool leading); /* changed */
	void (*swept)(void *arg, int64_t moved, int64_t returned, int64_t poisoned,
		int64_t mended);
};

struct lead *lead_new(struct loop *l, const struct settings *s,
	const struct lead_events *events, void *arg);
const char *lead_trouble(const struct lead *l);

/* lead_running_ms: for how long there was always a scheduler that reached Redis. */
int64_t lead_running_ms(const struct lead *l);

/* For acts in other files: the connection, and the token to check in the script. */
struct redis *lead_redis(struct lead *l);
const char *lead_token(const struct lead *l);

/* lead_quit gives the leadership up and calls done. */
void lead_quit(struct lead *l, void (*done)(void *), void *arg);

/* --- once ---------------------------------------------------------------------
 *
 * One sweep by who is no scheduler, while none leads (`prosaas doctor --fix`): take,
 * whose reply's first is 1 when it leads; sweep, whose reply are the counts of swept;
 * resign.  Each begins a command. */

/* Ours in RQ's scheduler locks, above any process id.  One for all our schedulers: the
 * token says which of them acts, and its successor must not wait until a dead leader's
 * locks run out. */
#define LEAD_RQ_OWNER "1073741824"

struct lead_once {
	const struct settings *s;
	char token[33];
	struct buf exc; /* private */
};

void lead_once_init(struct lead_once *o, const struct settings *s);
void lead_once_done(struct lead_once *o);
void lead_once_take(
	struct lead_once *o, struct redis *r, struct redis_cmd *cmd, redis_done *done);
void lead_once_sweep(
	struct lead_once *o, struct redis *r, struct redis_cmd *cmd, redis_done *done);
void lead_once_resign(
	struct lead_once *o, struct redis *r, struct redis_cmd *cmd, redis_done *done);

#endif
