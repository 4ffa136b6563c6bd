/* SPDX-License-Identifier: MIT */
/* cli_mask.h: a person's name on a screen that others see, its middle left out. */
#ifndef CLI_MASK_H
#define CLI_MASK_H

#include "base/str.h"

struct arena;

/* cli_mask: "+972501234567" is "+97…67", an address likewise, "Dana" is "D…". */
struct str cli_mask(struct arena *a, struct str s);

#endif
