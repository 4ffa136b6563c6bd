/* SPDX-License-Identifier: MIT */
/* keyword.c: a message that is nothing but one word of a list. */
#include "codec/keyword.h"

/* Beside blanks and ASCII punctuation.  Phones add direction marks by themselves. */
static const char *const ignored[] = {
	"\u200e", /* left-to-right mark */
	"\u200f", /* right-to-left mark */
	"\u00a0", /* no-break space */
	"\u00a1", /* inverted exclamation mark */
	"\u2026", /* ellipsis */
	"\u3002", /* ideographic full stop */
	"\uff01", /* fullwidth exclamation mark */
};

static bool
is_blank_or_punctuation(char c)
{
	bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
	bool digit = c >= '0' && c <= '9';

	return (unsigned char)c < 0x80 && !letter && !digit;
}

/* How many bytes at this end are ignored. */
static size_t
ignored_at(struct str s, bool at_end)
{
	if (s.n > 0 && is_blank_or_punctuation(s.p[at_end ? s.n - 1 : 0]))
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
		struct str mark = str_of(ignored[i]);

		if (at_end ? str_ends(s, mark) : str_starts(s, mark))
			return mark.n;
	}
	return 0;
}

static struct str
bare(struct str s)
{
	size_t n;

	while ((n = ignored_at(s, false)) > 0)
		s = (struct str){s.p + n, s.n - n};
	while ((n = ignored_at(s, true)) > 0)
		s.n -= n;
	return s;
}

bool
keyword_is(struct str text, struct str list)
{
	struct str said = bare(text), word;

	while (said.n && str_next(&list, &word))
		if (str_ieq(said, bare(word)))
			return true;
	return false;
}
