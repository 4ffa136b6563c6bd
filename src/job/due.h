/* SPDX-License-Identifier: MIT */
/* due.h: when a message that is no answer may go, and when it goes again. */
#ifndef JOB_DUE_H
#define JOB_DUE_H

#include <stdint.h>

struct outbox_row;
struct tenant;

/* due_allowed returns the first time at or after at_us that is not within the tenant's
 * quiet hours, on its clock. */
int64_t due_allowed(const struct tenant *t, int64_t at_us);

/* due_next returns the slot after now of a row with a schedule: whatever was missed
 * meanwhile is left out.  0: it does not come again. */
int64_t due_next(const struct outbox_row *row, int64_t now_us);

#endif
