/* SPDX-License-Identifier: MIT */
/* arena.h: memory that dies all at once.
 *
 * One arena per request and per job attempt.  Nothing in it is freed alone; the
 * life of the whole ends in one place with arena_done().  arena_clear() keeps
 * the first chunk for the next life.  Not for what a peer may size without a
 * limit: check the limit first; allocation itself never fails (it dies). */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct arena {
	/* private */
	struct arena_chunk *chunk;
	size_t used;
};

void arena_init(struct arena *a);
void arena_done(struct arena *a);
void arena_clear(struct arena *a);

/* arena_alloc returns n bytes aligned for any type, not zeroed. */
void *arena_alloc(struct arena *a, size_t n);

/* arena_zalloc returns zeroed bytes. */
void *arena_zalloc(struct arena *a, size_t n);

/* arena_str copies a slice; the copy is terminated as well.  Absent stays absent. */
struct str arena_str(struct arena *a, struct str s);

/* arena_z copies a slice into a C string; absent becomes NULL. */
char *arena_z(struct arena *a, struct str s);

/* arena_join puts slices one after another; unlike printf it passes NUL bytes. */
struct str arena_join(struct arena *a, const struct str *parts, size_t count);

struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);

#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))

#endif
