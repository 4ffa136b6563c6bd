/* SPDX-License-Identifier: MIT */
/* vcard.h: the lines of a vCard (RFC 6350; WhatsApp writes 3.0, RFC 2426).
 *
 *   item1.TEL;waid=972501234567:+972 50-123-4567
 *         ^^^ ^^^^^^^^^^^^^^^^^ ^^^^^^^^^^^^^^^^ name, params, value
 *
 * Folded lines are not joined: names and numbers are short. */
#ifndef JOB_VCARD_H
#define JOB_VCARD_H

#include <stdbool.h>

#include "base/str.h"

struct vcard_line {
	struct str name, params, value; /* borrowed; the name without its group */
};

/* vcard_next takes the next line off *card; false at the end. */
bool vcard_next(struct str *card, struct vcard_line *ret);

/* vcard_phone returns the number of a TEL line: the WhatsApp id when WhatsApp has
 * put one there (digits, *ret_waid true), else what was typed.  Absent for any
 * other line. */
struct str vcard_phone(const struct vcard_line *line, bool *ret_waid);

#endif
