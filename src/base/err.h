/* SPDX-License-Identifier: MIT */
/* err.h: what went wrong, and what can help.
 *
 * Functions return int: 0 or a count is good, negative is an error: -errno, or
 * a code of ERR_MAP.  The third column is the class, so that what becomes of a
 * job is a look-up and not an opinion:
 *
 *   PERMANENT  asking again gives the same        the job fails at once
 *   TRANSIENT  this attempt had bad luck          a retry, which costs an attempt
 *   LIMITED    the peer asks to slow down         the job waits, as long as asked
 *   OPEN       the destination is down, or        the job waits: it is no fault of
 *              refuses whoever comes              its own, and costs no attempt
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

enum err_class { CLASS_PERMANENT, CLASS_TRANSIENT, CLASS_LIMITED, CLASS_OPEN };

#define ERR_MAP(X)                                                            \
	X(ERR_PROTO, "peer broke the protocol", PERMANENT)                    \
	X(ERR_REMOTE, "peer answered with an error of its own", TRANSIENT)    \
	X(ERR_THROTTLED, "peer asks to slow down", LIMITED)                   \
	X(ERR_REFUSED, "peer refused the request", PERMANENT)                 \
	X(ERR_WINDOW, "the customer has not written for too long", PERMANENT) \
	X(ERR_DOUBT, "perhaps sent: its receipt is waited for", LIMITED)      \
	X(ERR_DENIED, "peer does not take our credentials", OPEN)             \
	X(ERR_QUOTA, "what the account may spend is spent", OPEN)             \
	X(ERR_SEALED, "sealed with another SECRETS_KEY, or none", OPEN)       \
	X(ERR_UNAVAILABLE, "peer is not reachable", OPEN)                     \
	X(ERR_OPEN, "destination is resting after failures", OPEN)            \
	X(ERR_LIMIT, "larger than the agreed limit", PERMANENT)               \
	X(ERR_SYNTAX, "not well formed", PERMANENT)                           \
	X(ERR_SHAPE, "well formed, but not of the expected shape", PERMANENT) \
	X(ERR_UNSAFE, "pickle asks to run code", PERMANENT)                   \
	X(ERR_FENCED, "another attempt owns this now", PERMANENT)             \
	X(ERR_NO_TENANT, "unknown_tenant", PERMANENT)                         \
	X(ERR_NO_FUNCTION, "unknown_function", PERMANENT)                     \
	X(ERR_UNPROCESSABLE, "unprocessable", PERMANENT)                      \
	X(ERR_POISON, "poison", PERMANENT)                                    \
	X(ERR_AMBIGUOUS, "ambiguous", PERMANENT)                              \
	X(ERR_NOT_FOUND, "not found", PERMANENT)                              \
	X(ERR_EXISTS, "exists already", PERMANENT)                            \
	X(ERR_SCHEMA, "the database has another schema version", PERMANENT)   \
	X(ERR_STORE, "database error", TRANSIENT)

enum err_code {
	ERR_FIRST_ = -10000, /* below every -errno and every code of libuv */
#define ERR_ENUM_(name, text, class) name,
	ERR_MAP(ERR_ENUM_)
#undef ERR_ENUM_
		ERR_LAST_
};

/* err_text returns words for the operator: static, never NULL. */
const char *err_text(int err);

/* err_class says what can help.  What is no error needs none: CLASS_PERMANENT. */
enum err_class err_class(int err);

/* err_transient says whether the same call may succeed later: all classes but
 * permanent. */
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
