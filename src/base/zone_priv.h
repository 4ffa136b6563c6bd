/* SPDX-License-Identifier: MIT */
/* zone_priv.h: the changes of a zone, as its file says them. */
#ifndef BASE_ZONE_PRIV_H
#define BASE_ZONE_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/str.h"

enum { ZONE_CHANGES_MAX = 1024 }; /* Morocco has 250 until 2100 */

/* Before any change; leaves room to add offsets. */
#define ZONE_FOR_EVER (INT64_MAX / 4)

struct zone_changes {
	size_t count; /* at least one: the first is the offset of 1970 */
	struct zone_change {
		int64_t at, offset;
	} items[ZONE_CHANGES_MAX];
};

/* zone_add notes the offset from `at` on, if that is later than the last change and
 * another offset.  In order of time. */
void zone_add(struct zone_changes *c, int64_t at, int64_t offset);

/* zone_rule_add adds what a rule as in POSIX's TZ ("CET-1CEST,M3.5.0,M10.5.0/3") says
 * about the time from `from` (not before 1970) to the end of 2099.  ERR_SYNTAX. */
int zone_rule_add(struct zone_changes *c, struct str rule, int64_t from) MUSTCHECK;

/* zone_file_read reads a file of tzdata (RFC 8536).  ERR_SYNTAX. */
int zone_file_read(struct zone_changes *c, struct str bytes) MUSTCHECK;

#endif
