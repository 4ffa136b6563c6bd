/* SPDX-License-Identifier: MIT */
/* price.h: AI_PRICES: "model=in/out, model=in/out", money for a million tokens. */
#ifndef JOB_PRICE_H
#define JOB_PRICE_H

#include <stdint.h>

#include "base/str.h"

/* price_micros is the cost of a request in millionths of the currency; 0 for a model
 * without price. */
int64_t price_micros(struct str prices, struct str model, int64_t in, int64_t out);

/* price_check: 0, or ERR_SYNTAX and *ret_wrong, the entry that is none. */
int price_check(struct str prices, struct str *ret_wrong);

#endif
