/* SPDX-License-Identifier: MIT */
/* daytime.h: a time of the day, as people write it: "8:00", "08:30", "24:00". */
#ifndef BASE_DAYTIME_H
#define BASE_DAYTIME_H

#include "base/defs.h"
#include "base/str.h"

enum { DAYTIME_END = 24 * 60 }; /* in minutes: the end of a day */

/* daytime_range reads "22:00-08:00", blanks around the times left out, into minutes
 * from 0 to DAYTIME_END.  ERR_SYNTAX also when both are the same time. */
int daytime_range(struct str text, int *ret_from, int *ret_to) MUSTCHECK;

#endif
