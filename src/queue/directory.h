/* SPDX-License-Identifier: MIT */
/* directory.h: whose a phone at the Cloud API is, for the api, which has no database.
 *
 *   `prosaas tenant`, admin, a job each minute                         api
 *        directory_write ---> prosaas:meta, a hash ---> directory_fetch ---> a copy
 *
 *   prosaas:meta    <phone_number_id> -> {"tenant":"1","app_secret":"sealed:1:..",
 *                                         "verify_token":"sealed:1:.."}
 *
 * Secrets are sealed (base/seal.h): without SECRETS_KEY here, or with another, one does
 * not open and proves nothing.  A copy may be old: who misses something in it fetches
 * again. */
#ifndef QUEUE_DIRECTORY_H
#define QUEUE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/arena.h"
#include "base/str.h"
#include "queue/redis.h"

struct directory_entry {
	struct str phone, tenant;
	struct str app_secret,
		verify_token; /* absent: the tenant has none of its own */
	bool sealed;          /* in a copy: it has one that does not open here */
};

/* directory_write replaces the whole.  Secrets come open; without SECRETS_KEY one is
 * written so that it opens nowhere.  What is made lives in the arena, until done. */
void directory_write(struct redis *r, struct redis_cmd *cmd, struct arena *a,
	const struct directory_entry *entries, size_t count, redis_done *done);

/* A copy, zeroed and with redis set. */
struct directory {
	struct redis *redis;
	/* private */
	struct arena arena;
	struct directory_entry *entries; /* by phone */
	size_t count;
	int64_t fetched_ms; /* 0: there is no copy yet */
	struct redis_cmd cmd;
	STAILQ_HEAD(, directory_wait) waiting;
	bool fetching;
};

struct directory_wait {
	void (*done)(struct directory_wait *w); /* from the loop, once */
	STAILQ_ENTRY(directory_wait) next;
};

/* directory_age_ms is how old the copy is; INT64_MAX: there is none. */
int64_t directory_age_ms(const struct directory *d);

/* directory_fetch brings a new copy; when Redis does not answer the old one stays. */
void directory_fetch(struct directory *d, struct directory_wait *w);

/* Entries are valid until the next fetch. */
const struct directory_entry *
directory_find(const struct directory *d, struct str phone);
const struct directory_entry *directory_at(const struct directory *d, size_t i);

#endif
