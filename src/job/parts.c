/* SPDX-License-Identifier: MIT */
/* parts.c: a long answer, in parts. */
#include "job/parts.h"

#include <stdbool.h>

#include "base/arena.h"
#include "base/defs.h"
#include "base/utf8.h"

/* A cut earlier than a third of what fits makes parts too short to be worth it. */
enum { SHORTEST = 3 };

static bool
is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* --- what ends before byte i ------------------------------------------------ */

typedef bool ends_before(struct str s, size_t i);

static bool
paragraph(struct str s, size_t i)
{
	return i >= 2 && s.p[i - 1] == '\n' && s.p[i - 2] == '\n';
}

static bool
line(struct str s, size_t i)
{
	return s.p[i - 1] == '\n';
}

/* Of many scripts; Latin ones want a blank after it, for "3.5" and "a.b". */
static bool
sentence(struct str s, size_t i)
{
	static const char *const full[] = {"。", "！", "？"};
	static const char *const ends[] = {".", "!", "?", "…", "؟", "।"};
	struct str before = {s.p, i};

	for (size_t k = 0; k < ARRAY_LEN(full); k++)
		if (str_ends(before, str_of(full[k])))
			return true;
	if (i < s.n && !is_blank(s.p[i]))
		return false;
	for (size_t k = 0; k < ARRAY_LEN(ends); k++)
		if (str_ends(before, str_of(ends[k])))
			return true;
	return false;
}

static bool
word(struct str s, size_t i)
{
	return i < s.n && is_blank(s.p[i]);
}

/* --- cutting ---------------------------------------------------------------- */

static size_t
best_cut(struct str s, size_t most)
{
	static ends_before *const ends[] = {paragraph, line, sentence, word};

	for (size_t k = 0; k < ARRAY_LEN(ends); k++)
		for (size_t i = most; i > most / SHORTEST; i--)
			if (ends[k](s, i))
				return i;
	return most;
}

size_t
parts_split(struct arena *a, struct str text, size_t chars_max, struct str **ret)
{
	size_t count = 0;

	text = str_trim(text);
	*ret = arena_alloc(a, PARTS_MAX * sizeof(**ret));
	while (chars_max > 0 && count < PARTS_MAX - 1) {
		size_t most = utf8_first(text, chars_max).n;
		if (most == text.n)
			break;
		size_t cut = best_cut(text, most);
		(*ret)[count++] = str_trim((struct str){text.p, cut});
		text = str_trim((struct str){text.p + cut, text.n - cut});
	}
	(*ret)[count++] = text;
	return count;
}
