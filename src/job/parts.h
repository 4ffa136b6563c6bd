/* SPDX-License-Identifier: MIT */
/* parts.h: a long answer, in parts that are pleasant to read on a phone.
 *
 * A part ends where a paragraph does, else a line, else a sentence, else a word; what
 * has none of these (an endless word) is cut between two characters.  Blanks at the
 * cuts and at both ends are dropped, nothing else. */
#ifndef JOB_PARTS_H
#define JOB_PARTS_H

#include <stddef.h>

#include "base/str.h"

struct arena;

enum { PARTS_MAX = 10 }; /* the last holds the rest, however long */

/* parts_split returns how many parts; each but the last of PARTS_MAX has at most
 * chars_max characters (code points).  0: one part, however long.  The slices borrow
 * from text, the array is the arena's. */
size_t
parts_split(struct arena *a, struct str text, size_t chars_max, struct str **ret);

#endif
