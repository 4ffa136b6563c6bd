/* SPDX-License-Identifier: MIT */
/* zone.h: a time zone as the list of its changes.
 *
 * The system's zoneinfo is read as it is, not through libc: that reads a zone only
 * through the environment (TZ), which belongs to the whole process.  What is kept, the
 * offset from UTC and the second of each change, is never written again.
 *
 * A span is a stretch of time with one offset.  At its beginning the local clock
 * jumps from `before` to `offset`: forward, so that local times are left out (a
 * gap), or back, so that some come twice.
 *
 * Known from 1970 to the end of 2099; after that the last offset stays. */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdint.h>

#include "base/str.h"

struct arena;
struct zone;

struct zone_span {
	int64_t from, to;       /* Unix seconds, to not included */
	int64_t offset, before; /* seconds to add to UTC: in it, and until it began */
};

/* zone_load reads an IANA zone ("Europe/Berlin") into the arena.  "UTC" needs no
 * zoneinfo.  ERR_SYNTAX (no name of a zone) or ERR_NOT_FOUND, with words in err. */
int
zone_load(struct arena *a, struct str name, struct zone **ret, char err[128]) MUSTCHECK;

/* zone_span_at returns the span that `at` is in. */
struct zone_span zone_span_at(const struct zone *z, int64_t at);

#endif
