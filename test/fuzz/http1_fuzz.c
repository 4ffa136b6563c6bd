/* SPDX-License-Identifier: MIT */
/* http1_fuzz.c: however the bytes are cut, a request reads the same.  The first
 * byte says how large the pieces are. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "codec/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The result of one request: the last return value, and its body in out. */
static int
read_one(struct str bytes, size_t step, struct buf *out)
{
	static struct http1 p;
	size_t from = 0, have = 0;
	bool in_body = false;

	http1_init(&p);
	for (;;) {
		struct str in = {bytes.p + from, have - from}, piece = {NULL, 0};
		size_t before = in.n;
		int r = in_body ? http1_body(&p, &in, &piece) : http1_head(&p, in);

		if (in_body)
			from += before - in.n;
		if (!in_body && r == HTTP1_DONE) {
			from += p.head_len;
			in_body = true;
			r = http1_limit(&p, 4096);
			if (r == 0)
				continue;
		}
		if (r == HTTP1_PIECE) {
			buf_adds(out, piece);
			continue;
		}
		if (r != HTTP1_MORE || have == bytes.n)
			return r;
		have = have + step < bytes.n ? have + step : bytes.n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole, cut;

	if (n < 1)
		return 0;
	struct str bytes = {(const char *)data + 1, n - 1};
	buf_init(&whole);
	buf_init(&cut);
	int a = read_one(bytes, bytes.n ? bytes.n : 1, &whole);
	int b = read_one(bytes, 1 + data[0] % 64, &cut);
	if (a != b || !str_eq(buf_str(&whole), buf_str(&cut)))
		abort();
	buf_done(&whole);
	buf_done(&cut);
	return 0;
}
