/* SPDX-License-Identifier: MIT */
/* zone.h: a time zone as the list of its changes.
 *
 * The system's zoneinfo is asked once: libc reads a zone only through the environment
 * (TZ), see zone_ready().  What is kept, the offset from UTC and the second of each
 * change, needs neither environment nor lock.
 *
 * A span is a stretch of time with one offset.  At its beginning the local clock
 * jumps from `before` to `offset`: forward, so that local times are left out (a
 * gap), or back, so that some come twice.
 *
 * Known from 1970 to the end of 2099; after that the last offset stays.  Of two
 * changes within one day that undo each other none is seen: no zone has such. */
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

/* zone_ready is called once, before there are threads: what touches the environment
 * later does so in place. */
void zone_ready(void);

/* zone_known returns a zone by name (absent or empty: UTC), read the first time it is
 * asked for (milliseconds) and kept for good; NULL for none.  Any thread. */
const struct zone *zone_known(struct str name);

/* zone_offset is what that zone adds to UTC at that second; 0 for one not known. */
int64_t zone_offset(struct str name, int64_t at);

#endif
