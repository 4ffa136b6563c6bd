/* SPDX-License-Identifier: MIT */
/* rqjob_fuzz.c: any bytes as the data of a job, and as one of its dates.
 *
 * What rqjob.h promises is checked: a call has a name, a list and a dict; in zlib
 * it is the same call; with a byte after the stream it is none; words come with
 * every error. */
#include <assert.h>
#include <stdint.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/rqjob.h"
#include "codec/val.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_packed(struct arena *a, struct str data, const struct rqjob_call *call)
{
	uLongf packed_n = compressBound((uLong)data.n);
	struct rqjob_call again;
	struct buf packed;
	char err[128];

	buf_init(&packed);
	int rc = compress((Bytef *)buf_room(&packed, packed_n), &packed_n,
		(const Bytef *)data.p, (uLong)data.n);
	assert(rc == Z_OK);
	buf_grew(&packed, packed_n);
	assert(rqjob_parse(a, buf_str(&packed), &again, err) == 0);
	assert(str_eq(again.func, call->func) && again.as_json == call->as_json);
	buf_addc(&packed, '\0');
	assert(rqjob_parse(a, buf_str(&packed), &again, err) < 0);
	buf_done(&packed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str data = {(const char *)bytes, n};
	struct rqjob_call call;
	struct arena a;
	char err[128] = "";
	int64_t us;

	arena_init(&a);
	if (rqjob_parse(&a, data, &call, err) < 0) {
		assert(err[0] && memchr(err, '\0', sizeof(err)));
	} else {
		assert(call.func.n > 0);
		assert(call.args->kind == VAL_LIST && call.kwargs->kind == VAL_DICT);
		if (bytes[0] != 0x78)
			check_packed(&a, data, &call);
	}
	if (rqjob_date(data, &us) == 0)
		assert(n >= sizeof("2026-11-24T05:30:12Z") - 1);
	arena_done(&a);
	return 0;
}
