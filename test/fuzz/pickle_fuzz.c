/* SPDX-License-Identifier: MIT */
/* pickle_fuzz.c: what is read can be pickled, and reads as the same again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/pickle.h"
#include "codec/val.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a;
	struct buf pickle, once, twice;
	struct val *v, *again;
	char why[128];

	arena_init(&a);
	buf_init(&pickle);
	buf_init(&once);
	buf_init(&twice);
	if (pickle_parse(&a, (struct str){(const char *)data, n}, &v, why) == 0) {
		pickle_begin(&pickle);
		pickle_val(&pickle, v);
		pickle_end(&pickle);
		if (pickle_parse(&a, buf_str(&pickle), &again, why) < 0)
			abort();
		val_json(&once, v);
		val_json(&twice, again);
		if (!str_eq(buf_str(&once), buf_str(&twice)))
			abort();
	}
	buf_done(&pickle);
	buf_done(&once);
	buf_done(&twice);
	arena_done(&a);
	return 0;
}
