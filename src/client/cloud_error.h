/* SPDX-License-Identifier: MIT */
/* cloud_error.h: what the Cloud API's error codes mean for a message of ours.
 *
 * Meta asks to go by the code, not by the HTTP status: a throttled call is 400. */
#ifndef CLIENT_CLOUD_ERROR_H
#define CLIENT_CLOUD_ERROR_H

#include <stdint.h>

#include "client/breaker.h"

struct cloud_error {
	int64_t first, last; /* codes */
	int err;
	enum breaker_outcome outcome; /* for the tenant's number as a whole */
	int after_s;       /* stay away so long when the answer names no time; 0: as
			      others do */
	const char *words; /* what it is, and what the operator can do */
};

/* cloud_error_of returns the row of a code, or NULL: then the HTTP status counts. */
const struct cloud_error *cloud_error_of(int64_t code);

#endif
