/* SPDX-License-Identifier: MIT */
/* lead.h: one of several schedulers leads, and acts.
 *
 *   standby ---> leading ---> standby        script/lead.lua, every LEAD_EVERY_MS
 *
 * The leader key holds a random token and lives LEAD_LIFE_MS; only its owner may
 * extend it.  An act (script/sweep.lua) checks the token and does its work in one
 * script: two may think they lead, only one can act.  A killed leader is followed
 * within LEAD_LIFE_MS + LEAD_EVERY_MS; one that stops resigns and is followed at
 * once.  */
#ifndef QUEUE_LEAD_H
#define QUEUE_LEAD_H

#include <stdbool.h>
#include <stdint.h>

struct lead;
struct loop;
struct settings;

#define LEAD_KEY "prosaas:leader:scheduler"

enum {
	LEAD_LIFE_MS = 10000,
	LEAD_EVERY_MS = 1000,
	LEAD_CRASHES_MAX = 5, /* then a job is poison */
};

struct lead_events {
	void (*leads)(void *arg, bool leading); /* changed */
	void (*swept)(void *arg, int64_t moved, int64_t returned, int64_t poisoned,
		int64_t mended);
};

struct lead *lead_new(struct loop *l, const struct settings *s,
	const struct lead_events *events, void *arg);
bool lead_ready(const struct lead *l);
const char *lead_trouble(const struct lead *l);

/* lead_quit gives the leadership up and calls done. */
void lead_quit(struct lead *l, void (*done)(void *), void *arg);

#endif
