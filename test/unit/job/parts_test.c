/* SPDX-License-Identifier: MIT */
#include "job/parts.h"

#include "base/arena.h"
#include "base/buf.h"
#include "unit.h"

static struct arena arena;

/* The parts with " | " between them. */
static struct str
split(const char *text, size_t max)
{
	struct str *parts;
	struct buf b;

	buf_init(&b);
	size_t n = parts_split(&arena, str_of(text), max, &parts);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addz(&b, " | ");
		buf_adds(&b, parts[i]);
	}
	struct str joined = arena_str(&arena, buf_str(&b));
	buf_done(&b);
	return joined;
}

TEST(an_answer_is_cut_where_it_reads_best)
{
	static const struct {
		const char *text;
		size_t max;
		const char *parts;
	} rows[] = {
		{"short", 10, "short"},
		{"exactly 10", 10, "exactly 10"},
		{"one two three. four", 0, "one two three. four"},
		{"  blanks at both ends \n", 100, "blanks at both ends"},
		/* a sentence goes before a word */
		{"We are open. Come by today.", 20, "We are open. | Come by today."},
		{"Really?! Yes. Come by then.", 15, "Really?! Yes. | Come by then."},
		/* a line before a sentence, a paragraph before a line */
		{"One. Two\nthree. Four five", 16, "One. Two | three. Four five"},
		{"Aa aa\n\nBb bb\nCc cc dd", 16, "Aa aa | Bb bb\nCc cc dd"},
		/* no sentence ends in 3.5 or in a.b */
		{"It costs 3.5 euros a.b c", 14, "It costs 3.5 | euros a.b c"},
		/* too early a cut is none */
		{"A. bcdefghij klmnopqrst uvw", 15, "A. bcdefghij | klmnopqrst uvw"},
		{"abcdefghijkl", 5, "abcde | fghij | kl"},
		/* characters, not bytes; other scripts */
		{"שלום. מה שלומך היום", 12, "שלום. | מה שלומך | היום"},
		{"你好。今天好吗？再见", 8, "你好。今天好吗？ | 再见"},
		{"👍👍👍👍", 3, "👍👍👍 | 👍"},
	};

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(split(rows[i].text, rows[i].max), rows[i].parts);
	arena_done(&arena);
}

TEST(there_are_at_most_ten_parts_and_nothing_is_lost)
{
	struct str *parts;
	struct buf b;

	arena_init(&arena);
	buf_init(&b);
	for (int i = 0; i < 1000; i++)
		buf_addc(&b, (char)('a' + i % 26));
	CHECK_INT((int64_t)parts_split(&arena, buf_str(&b), 10, &parts), PARTS_MAX);
	for (int i = 0; i < PARTS_MAX - 1; i++)
		CHECK_INT((int64_t)parts[i].n, 10);
	CHECK_INT((int64_t)parts[PARTS_MAX - 1].n, 1000 - 10 * (PARTS_MAX - 1));
	buf_done(&b);
	arena_done(&arena);
}

TEST(bytes_that_are_no_utf8_are_cut_too)
{
	struct str *parts;

	arena_init(&arena);
	CHECK_INT((int64_t)parts_split(&arena, STR("\x80\x80\x80\x80"), 1, &parts), 1);
	CHECK_INT((int64_t)parts_split(&arena, STR("\xff\xff\xff"), 1, &parts), 3);
	arena_done(&arena);
}

UNIT_MAIN
