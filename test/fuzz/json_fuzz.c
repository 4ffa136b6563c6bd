/* SPDX-License-Identifier: MIT */
/* json_fuzz.c: what is read can be written, and reads as the same again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"
#include "codec/val.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a;
	struct buf once, twice;
	struct val *v;
	char why[128];

	arena_init(&a);
	buf_init(&once);
	buf_init(&twice);
	if (json_parse(&a, (struct str){(const char *)data, n}, 10000, &v, why) == 0) {
		val_json(&once, v);
		if (json_parse(&a, buf_str(&once), 10000, &v, why) < 0)
			abort();
		val_json(&twice, v);
		if (!str_eq(buf_str(&once), buf_str(&twice)))
			abort();
	}
	buf_done(&once);
	buf_done(&twice);
	arena_done(&a);
	return 0;
}
