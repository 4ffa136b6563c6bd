/* SPDX-License-Identifier: MIT */
/* redis_copy.h: a whole Redis to a file, and from one server to another.  For
 * commands: these block, and a process with a loop must not call them.
 *
 *   live server --- redis_copy_dump ---> file            one moment of it, as a replica
 *                                                        gets it
 *   server on the file --- redis_copy_all ---> server    key by key, with what is left
 *                                                        of its life */
#ifndef QUEUE_REDIS_COPY_H
#define QUEUE_REDIS_COPY_H

#include <stdint.h>

#include "base/defs.h"

struct redisContext;

/* redis_copy_open connects, authenticates and selects; NULL with words in err. */
struct redisContext *redis_copy_open(const char *url, const char *name, char err[256]);

/* redis_copy_dump writes an RDB file to fd.  The connection is of no use after it. */
int redis_copy_dump(struct redisContext *c, int fd, char err[256]) MUSTCHECK;

/* redis_copy_all copies every key of from's database to that of to, and tells so
 * many at a time.  Keys that are in the way are overwritten. */
int redis_copy_all(struct redisContext *from, struct redisContext *to,
	void (*told)(int64_t keys), int64_t *ret_keys, char err[256]) MUSTCHECK;

#endif
