/* SPDX-License-Identifier: MIT */
/* lately.h: what is said once in a while, however often it happens. */
#ifndef BASE_LATELY_H
#define BASE_LATELY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* lately_said: false the first time and when `what` was not said for_ms ago or later;
 * else true: stay quiet.  Of many things the oldest are forgotten, and said again.  One
 * thread. */
bool lately_said(struct str what, int64_t for_ms, int64_t now_ms);

#endif
