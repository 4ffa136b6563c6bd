/* SPDX-License-Identifier: MIT */
/* utf8.h: how long a character is, and where so many end.
 *
 * Strict: nothing overlong, nothing above U+10FFFF, no surrogates.  The three
 * bytes a lone surrogate has in WTF-8 are asked for by a function of their own,
 * because only text that came from escapes or from pickle may hold them. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

static inline bool
utf8_follows(uint8_t b)
{
	return (b & 0xc0) == 0x80;
}

/* utf8_len returns the bytes of the character at p, 0 when it is not valid or
 * cut off by end.  p < end. */
static inline size_t
utf8_len(const char *p, const char *end)
{
	const uint8_t *s = (const uint8_t *)p;
	size_t n = (size_t)(end - p);

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4 || n < 2 || !utf8_follows(s[1]))
		return 0;
	if (s[0] < 0xe0)
		return 2;
	if (n < 3 || !utf8_follows(s[2]))
		return 0;
	if (s[0] < 0xf0) {
		bool overlong = s[0] == 0xe0 && s[1] < 0xa0;
		bool surrogate = s[0] == 0xed && s[1] >= 0xa0;

		return overlong || surrogate ? 0 : 3;
	}
	if (n < 4 || !utf8_follows(s[3]))
		return 0;

	bool overlong = s[0] == 0xf0 && s[1] < 0x90;
	bool too_high = s[0] == 0xf4 && s[1] >= 0x90;
	return overlong || too_high ? 0 : 4;
}

/* utf8_surrogate says whether the three bytes of a surrogate stand at p. */
static inline bool
utf8_surrogate(const char *p, const char *end)
{
	const uint8_t *s = (const uint8_t *)p;

	return end - p >= 3 && s[0] == 0xed && s[1] >= 0xa0 && s[1] <= 0xbf &&
	       utf8_follows(s[2]);
}

/* wtf8_len is utf8_len that lets lone surrogates pass. */
static inline size_t
wtf8_len(const char *p, const char *end)
{
	return utf8_surrogate(p, end) ? 3 : utf8_len(p, end);
}

/* utf8_count is how many characters s has; of what is not valid, how many bytes begin
 * one. */
static inline size_t
utf8_count(struct str s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; i++)
		count += !utf8_follows((uint8_t)s.p[i]);
	return count;
}

/* utf8_first is the first `chars` characters; all of s when there are not more.  A byte
 * that begins none (10xxxxxx) belongs to the character before. */
static inline struct str
utf8_first(struct str s, size_t chars)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; i++)
		if (!utf8_follows((uint8_t)s.p[i]) && count++ == chars)
			return (struct str){s.p, i};
	return s;
}

/* utf8_cut is what fits into max bytes, whole characters only. */
static inline struct str
utf8_cut(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max > 0 && utf8_follows((uint8_t)s.p[max]))
		max--;
	return (struct str){s.p, max};
}

#endif
