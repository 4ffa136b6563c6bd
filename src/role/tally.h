/* SPDX-License-Identifier: MIT */
/* tally.h: how many jobs of each tenant run here.  Tenants with none are forgotten. */
#ifndef ROLE_TALLY_H
#define ROLE_TALLY_H

#include <stddef.h>

#include "base/str.h"

struct tally_row {
	struct str tenant;
	int count;
};

struct tally { /* zeroed is empty; callers may read */
	struct tally_row *rows;
	size_t n, room;
};

void tally_add(struct tally *t, struct str tenant);
void tally_sub(struct tally *t, struct str tenant); /* was added before */

#endif
