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

enum {
	RQJOB_DATA_MAX = 16 << 20,  /* bytes of job data, once inflated */
	RQJOB_VALUES_MAX = 1000000, /* in it, keys too */
	RQJOB_FRAME_VALUES = 11,    /* of which stand around the message of a webhook */
	RQJOB_FRAME_DEPTH = 3,      /* call, kwargs, messages; as many as at the door */
	RQJOB_MESSAGE_VALUES_MAX = RQJOB_VALUES_MAX - RQJOB_FRAME_VALUES,
};

/* rqjob_webhook appends the data of
 *   func(tenant_id="1", messages=[message], business_id=1)
 * where business_id is None unless the tenant id is a decimal number.  This is
 * how the original's api calls its worker.  The tenant's id is one (tenant.h);
 * the message is any text and checked here: what is written, rqjob_parse() reads.
 * 0, ERR_SYNTAX (not one JSON value) or ERR_LIMIT (then *out is as before). */
int rqjob_webhook(struct buf *out, bool as_json, struct str func, struct str tenant,
	struct str message) MUSTCHECK;

/* rqjob_write appends the data of func(**kwargs); kwargs is a DICT. */
void
rqjob_write(struct buf *out, bool as_json, struct str func, const struct val *kwargs);

struct rqjob_call {
	struct str func;          /* "module.function", never empty */
	const struct val *args;   /* LIST */
	const struct val *kwargs; /* DICT */
	bool as_json;             /* the form it came in: answer in the same */
};

/* rqjob_parse reads job data: in zlib, with nothing after its end, or not; JSON
 * when the first byte that is no blank is "[", pickle when the first byte is 80.
 * 0, ERR_SYNTAX, ERR_SHAPE (not a call, or one of a method), ERR_LIMIT, ERR_UNSAFE,
 * with words in err. */
int rqjob_parse(struct arena *a, struct str data, struct rqjob_call *ret,
	char err[128]) MUSTCHECK;

/* rqjob_arg finds a parameter, given by name or as the at-th positional one; NULL
 * when it is neither. */
const struct val *rqjob_arg(const struct rqjob_call *call, const char *name, size_t at);

/* rqjob_tenant is the parameter tenant_id, the first one, a text or a number, as
 * tenant_id() has it; absent when there is none. */
struct str rqjob_tenant(struct arena *a, const struct rqjob_call *call);

/* rqjob_value appends what a job returned, in the form of its call. */
void rqjob_value(struct buf *out, bool as_json, const struct val *v);

/* rqjob_date reads "2026-11-24T05:30:12.345678Z" (0 to 6 fraction digits) as Unix
 * microseconds; ERR_SYNTAX for anything else, empty text included. */
int rqjob_date(struct str text, int64_t *ret_us) MUSTCHECK;

/* rqjob_exc appends base64(zlib(text)): the exc_string of a result stream.  It is
 * for words of ours or a traceback, not for anything of a peer's size. */
void rqjob_exc(struct buf *out, struct str text);

/* rqjob_exc_text reads it back; what is longer than RQJOB_EXC_MAX is cut off.  0 or
 * ERR_SYNTAX. */
enum { RQJOB_EXC_MAX = 64 << 10 };
int rqjob_exc_text(struct arena *a, struct str exc, struct str *ret) MUSTCHECK;

/* rqjob_base64 appends base64(bytes): the return_value of a result stream. */
void rqjob_base64(struct buf *out, struct str bytes);

#endif
