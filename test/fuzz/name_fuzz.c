/* SPDX-License-Identifier: MIT */
/* name_fuzz.c: any bytes as a name, and as a text with placeholders for it.
 *
 * Checked is what the headers promise: a name is within its bounds, has no control
 * character and no mark of direction, and is itself when it is read again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "codec/name.h"
#include "codec/placeholder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_clean(struct str name)
{
	static const char *const marks[] = {
		"\u202a", "\u202e", "\u2066", "\u2069", "\u200e", "\u200f", "  "};

	assert(name.n >= 2 && name.n <= NAME_SIZE && name.p[0] != ' ');
	assert(name.p[name.n - 1] != ' ');
	for (size_t i = 0; i < name.n; i++)
		assert((uint8_t)name.p[i] >= 0x20 && name.p[i] != 0x7f);
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		assert(!memmem(name.p, name.n, marks[i], strlen(marks[i])));
	assert(name_first(name).n + name_last(name).n <= name.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str all = {(const char *)data, n}, text = all, wrong = {NULL, 0};
	struct str raw = str_cut(&text, '\n');
	char room[NAME_SIZE], again[NAME_SIZE];
	struct buf out;

	struct str name = name_read(raw, room);
	if (name.p) {
		check_clean(name);
		assert(str_eq(name_read(name, again), name));
	}
	if (placeholder_check(text, &wrong) < 0)
		assert(wrong.n > 2 && wrong.p[0] == '{');
	buf_init(&out);
	placeholder_fill(&out, text, name, STR("Customer"));
	buf_done(&out);
	return 0;
}
