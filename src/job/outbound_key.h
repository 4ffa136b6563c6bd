/* SPDX-License-Identifier: MIT */
/* outbound_key.h: the key that makes a message of ours one: 3EB0 and 18 hex digits, in
 * the form of a WhatsApp message id.
 *
 * It is a hash of what the message is for.  Never of row numbers alone, which a new
 * database gives again while a gateway remembers the old ones. */
#ifndef JOB_OUTBOUND_KEY_H
#define JOB_OUTBOUND_KEY_H

#include <stddef.h>

#include "base/str.h"

struct arena;

/* outbound_key is in the arena. */
struct str outbound_key(struct arena *a, const struct str *parts, size_t count);

#endif
