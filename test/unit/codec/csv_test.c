/* SPDX-License-Identifier: MIT */
/* csv_test.c: rows of cells. */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "codec/csv.h"

/* "line:cell|cell" for each row. */
static const struct row {
	const char *text, *rows;
} rows[] = {
	{"", ""},
	{"\n\n , \n", ""},
	{"a,b", "1:a|b "},
	{"a,b\n", "1:a|b "},
	{"a,b\r\nc,d\r\n", "1:a|b 2:c|d "},
	{" a , b \n\n\nc", "1:a|b 4:c "},
	{"a,,\n", "1:a|| "},
	{"\"a, b\",c", "1:a, b|c "},
	{"\"a \"\"x\"\"\",c", "1:a \"x\"|c "},
	{"\"a\nb\",c\nd", "1:a\nb|c 3:d "},
	{"\"a\" junk,c", "1:a|c "},
	{"\"never closed,c\nd", "1:never closed,c\nd "},
	{"a\"b,c", "1:a\"b|c "},
	{"\"\"\n1", "2:1 "},
	{"\xef\xbb\xbfphone;name\n1;2,5", "1:phone|name 2:1|2,5 "},
	{"שם,1", "1:שם|1 "},
};

TEST(rows_are_read_with_their_lines)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena a;
		struct csv c;
		struct buf out;

		arena_init(&a);
		buf_init(&out);
		csv_init(&c, str_of(rows[i].text));
		while (csv_next(&c, &a)) {
			buf_addf(&out, "%zu:", c.line);
			for (size_t k = 0; k < c.count; k++) {
				buf_addz(&out, k ? "|" : "");
				buf_adds(&out, c.cells[k]);
			}
			buf_addc(&out, ' ');
		}
		CHECK_STR(buf_str(&out), rows[i].rows);
		buf_done(&out);
		arena_done(&a);
	}
}

TEST(a_row_of_too_many_cells_is_cut)
{
	char text[3 * CSV_CELLS_MAX];
	struct arena a;
	struct csv c;

	memset(text, ',', sizeof(text));
	text[0] = 'x';
	text[sizeof(text) - 1] = '\n';
	arena_init(&a);
	csv_init(&c, (struct str){text, sizeof(text)});
	CHECK(csv_next(&c, &a));
	CHECK_INT(c.count, CSV_CELLS_MAX);
	CHECK(!csv_next(&c, &a));
	arena_done(&a);
}

UNIT_MAIN
