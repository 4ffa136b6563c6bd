/* SPDX-License-Identifier: MIT */
/* csv_fuzz.c: any bytes are rows of cells; each call goes on, lines only rise, and a
 * cell is never longer than what was read. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = {(const char *)data, n};
	struct arena a;
	struct csv c;
	size_t left = n + 1, line = 0;

	arena_init(&a);
	csv_init(&c, text);
	while (csv_next(&c, &a)) {
		size_t bytes = 0;

		assert(c.line > line && c.rest.n < left);
		assert(c.count > 0 && c.count <= CSV_CELLS_MAX);
		for (size_t i = 0; i < c.count; i++)
			bytes += c.cells[i].n;
		assert(bytes <= left - c.rest.n);
		left = c.rest.n;
		line = c.line;
	}
	assert(c.rest.n == 0);
	arena_done(&a);
	return 0;
}
