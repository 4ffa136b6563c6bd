/* SPDX-License-Identifier: MIT */
/* err.h: what went wrong, and whether trying again can help.
 *
 * Functions return int: 0 or a count is good, negative is an error: -errno, or
 * a code of ERR_MAP.  The third column is the retry policy, so that it is a
 * look-up and not an opinion: the worker retries a job whose error is
 * transient and fails a job whose error is not.
 *
 * Three kinds of trouble, three words: warn and go on; die() when the
 * environment is wrong, at start-up only; assert() when we are wrong, kept in
 * release builds.
 *
 * To add an error: one row here.  Nothing else lists them. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/defs.h"

#define ERR_MAP(X)                                                        \
	X(ERR_PROTO, "peer broke the protocol", false)                    \
	X(ERR_REMOTE, "peer answered with an error of its own", true)     \
	X(ERR_THROTTLED, "peer asks to slow down", true)                  \
	X(ERR_REFUSED, "peer refused the request", false)                 \
	X(ERR_UNAVAILABLE, "peer is not reachable", true)                 \
	X(ERR_LIMIT, "larger than the agreed limit", false)               \
	X(ERR_SYNTAX, "not well formed", false)                           \
	X(ERR_SHAPE, "well formed, but not of the expected shape", false) \
	X(ERR_UNSAFE, "pickle asks to run code", false)                   \
	X(ERR_FENCED, "another attempt owns this now", false)             \
	X(ERR_NO_TENANT, "unknown_tenant", false)                         \
	X(ERR_NO_FUNCTION, "unknown_function", false)                     \
	X(ERR_UNPROCESSABLE, "unprocessable", false)                      \
	X(ERR_POISON, "poison", false)                                    \
	X(ERR_AMBIGUOUS, "ambiguous", false)                              \
	X(ERR_NOT_FOUND, "not found", false)                              \
	X(ERR_EXISTS, "exists already", false)                            \
	X(ERR_SCHEMA, "the database has another schema version", false)   \
	X(ERR_STORE, "database error", true)

enum err_code {
	ERR_FIRST_ = -10000, /* below every -errno and every code of libuv */
#define ERR_ENUM_(name, text, again) name,
	ERR_MAP(ERR_ENUM_)
#undef ERR_ENUM_
		ERR_LAST_
};

/* err_text returns words for the operator: static, never NULL. */
const char *err_text(int err);

/* err_transient says whether the same call may succeed later. */
bool err_transient(int err);

/* die prints "prosaas: ..." to stderr and exits with status 1. */
NORETURN void die(const char *fmt, ...) PRINTF(1, 2);

/* Allocations of start-up and of fixed size: they do not return on failure.
 * What a peer can size has its limit checked first. */
void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t n);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

#endif
