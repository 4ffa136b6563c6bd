/* SPDX-License-Identifier: MIT */
/* rqcall.h: any call, as the job data of RQ, from JSON that a person wrote.
 *
 * The form is that of rqjob.h, which reads it back. */
#ifndef CODEC_RQCALL_H
#define CODEC_RQCALL_H

#include <stdbool.h>

#include "base/str.h"

struct buf;

/* rqcall_write appends the data of func(*args, **kwargs), where args is the text of a
 * JSON array and kwargs that of an object.  0, ERR_SYNTAX, ERR_LIMIT, or ERR_SHAPE
 * (another kind of JSON); then *out is as before. */
int rqcall_write(struct buf *out, bool as_json, struct str func, struct str args,
	struct str kwargs) MUSTCHECK;

#endif
