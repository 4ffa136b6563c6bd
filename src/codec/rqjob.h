/* SPDX-License-Identifier: MIT */
/* rqjob.h: the job data of RQ: (func_name, None, args, kwargs), in pickle or
 * JSON, zlib or not.
 *
 * Source: docs/protocol.md (RQ 1.13 and 2.x: rq/job.py, rq/serializers.py).  Data
 * is written uncompressed (RQ falls back to raw bytes) and read both ways; pickle
 * and JSON are told apart by the bytes. */
#ifndef CODEC_RQJOB_H
#define CODEC_RQJOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;
struct buf;
struct val;

enum { RQJOB_DATA_MAX = 16 << 20 }; /* inflated size of job data */

/* rqjob_webhook appends the data of
 *   func(tenant_id="1", messages=[message], business_id=1)
 * where message is valid JSON text and business_id is None unless the tenant id
 * is a decimal number.  This is how the original's api calls its worker.
 * 0, ERR_SYNTAX or ERR_LIMIT (then *out is as before). */
int rqjob_webhook(struct buf *out, bool as_json, struct str func, struct str tenant,
	struct str message) MUSTCHECK;

struct rqjob_call {
	struct str func;          /* "module.function" */
	const struct val *args;   /* LIST */
	const struct val *kwargs; /* DICT */
	bool as_json;             /* the form it came in: answer in the same */
};

/* rqjob_parse reads job data.  0, ERR_SYNTAX, ERR_SHAPE (not a call, or one of a
 * method), ERR_LIMIT, ERR_UNSAFE, with words in err. */
int rqjob_parse(struct arena *a, struct str data, struct rqjob_call *ret,
	char err[128]) MUSTCHECK;

/* rqjob_arg finds a parameter, given by name or as the at-th positional one; NULL
 * when it is neither. */
const struct val *rqjob_arg(const struct rqjob_call *call, const char *name, size_t at);

/* rqjob_date reads "2026-11-24T05:30:12.345678Z" (0 to 6 fraction digits) as Unix
 * microseconds; ERR_SYNTAX for anything else, empty text included. */
int rqjob_date(struct str text, int64_t *ret_us) MUSTCHECK;

/* rqjob_exc appends base64(zlib(text)): the exc_string of a result stream. */
void rqjob_exc(struct buf *out, struct str text);

/* rqjob_base64 appends base64(bytes): the return_value of a result stream. */
void rqjob_base64(struct buf *out, struct str bytes);

#endif
