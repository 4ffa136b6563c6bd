/* SPDX-License-Identifier: MIT */
/* name.c: what people are called.
 *
 *   name_read:  character --> left out, a space, or kept ---> name or no name?
 *
 * Letters are told from signs by a short list of ranges and not by Unicode's tables:
 * a rare sign that passes for a letter makes an odd name, no more. */
#include "codec/name.h"

#include <stdint.h>
#include <string.h>

#include "base/defs.h"
#include "base/utf8.h"

enum {
	LETTERS_MIN = 2,
	DIGITS_MAX = 6,      /* more are a phone */
	IDEOGRAPHS = 0x2e80, /* from here on one may be a whole name */
};

/* --- sources -------------------------------------------------------------- */

static const struct {
	const char *word;
	double confidence_min;
} sources[] = {
#define NAME_ROW_(id, word, confidence_min) {word, confidence_min},
	NAME_SOURCES(NAME_ROW_)
#undef NAME_ROW_
};

const char *
name_source_word(enum name_source source)
{
	return sources[source].word;
}

int
name_rank(struct str source)
{
	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (str_eqz(source, sources[i].word))
			return (int)i + 1;
	return 0;
}

bool
name_may_replace(struct str held, enum name_source by, double confidence)
{
	return confidence >= sources[by].confidence_min &&
	       (int)by + 1 >= name_rank(held);
}

/* --- characters ----------------------------------------------------------- */

struct range {
	uint32_t from, to;
};

/* In order. */
static const struct range blanks[] = {{0x09, 0x0d}, {0x20, 0x20}, {0x85, 0x85},
	{0xa0, 0xa0}, {0x1680, 0x1680}, {0x2000, 0x200a}, {0x2028, 0x2029},
	{0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};

/* Controls, and what is not seen but turns or hides what is.  The two joiners stay:
 * Persian is written with one, families of emoji with the other. */
static const struct range unseen[] = {{0x00, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad},
	{0x61c, 0x61c}, {0x180e, 0x180e}, {0x200b, 0x200b}, {0x200e, 0x200f},
	{0x202a, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb},
	{0xfffe, 0xffff}, {0xe0000, 0xe0fff}};

static const struct range digits[] = {{'0', '9'}, {0x660, 0x669}, {0x6f0, 0x6f9},
	{0x966, 0x96f}, {0xff10, 0xff19}, {0x1d7ce, 0x1d7ff}};

/* Punctuation, signs, marks above and below letters, arrows, emoji, private use. */
static const struct range signs[] = {{0x00, 0x40}, {0x5b, 0x60}, {0x7b, 0xa9},
	{0xab, 0xb4}, {0xb6, 0xb9}, {0xbb, 0xbf}, {0xd7, 0xd7}, {0xf7, 0xf7},
	{0x2b0, 0x36f}, {0x591, 0x5cf}, {0x5f3, 0x5f4}, {0x600, 0x61f}, {0x64b, 0x66d},
	{0x1ab0, 0x1aff}, {0x2000, 0x2bff}, {0x2e00, 0x2e7f}, {0x3000, 0x3004},
	{0x3008, 0x3020}, {0x3030, 0x3030}, {0xe000, 0xf8ff}, {0xfe00, 0xfe6f},
	{0xff00, 0xff20}, {0xff3b, 0xff40}, {0xff5b, 0xff65}, {0xffe0, 0xffff},
	{0x1f000, 0x1fbff}, {0xe0000, 0x10ffff}};

static bool
is_in(uint32_t c, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count && c >= ranges[i].from; i++)
		if (c <= ranges[i].to)
			return true;
	return false;
}
#define IS_IN(c, ranges) is_in(c, ranges, ARRAY_LEN(ranges))

/* Takes the first character off s; n 0: a byte that begins none is left out. */
static uint32_t
take_char(struct str *s, size_t *ret_n)
{
	size_t n = utf8_len(s->p, s->p + s->n);
	uint32_t c = (uint8_t)s->p[0];

	if (n > 1)
		c &= 0xffu >> (n + 1);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((uint8_t)s->p[i] & 0x3f);
	*s = (struct str){s->p + (n ? n : 1), s->n - (n ? n : 1)};
	*ret_n = n;
	return c;
}

/* --- a name --------------------------------------------------------------- */

/* What phones and programs send for want of a name. */
static const char *const placeholders[] = {"unknown", "whatsapp", "whatsapp user",
	"whatsapp business", "user", "customer", "client", "guest", "anonymous", "test",
	"null", "undefined", "none", "no name", "לקוח", "לקוחה", "משתמש", "אורח",
	"ללא שם", "לא ידוע"};

struct reading {
	char *room;
	size_t n, chars;
	size_t from, to; /* of the letters in it, for what stands around them */
	int letters, digits;
	bool blank; /* before the next character */
};

static void
add_char(struct reading *r, const char *p, size_t n, uint32_t c)
{
	bool digit = IS_IN(c, digits), letter = !digit && !IS_IN(c, signs);

	if (r->blank)
		r->room[r->n++] = ' ';
	r->chars += 1 + r->blank;
	r->blank = false;
	memcpy(r->room + r->n, p, n);
	if (letter && r->letters == 0)
		r->from = r->n;
	r->n += n;
	if (letter)
		r->to = r->n;
	r->letters += letter ? c < IDEOGRAPHS ? 1 : LETTERS_MIN : 0;
	r->digits += digit;
}

static bool
is_name(const struct reading *r)
{
	struct str bare = {r->room + r->from, r->to - r->from};

	if (r->letters < LETTERS_MIN || r->digits > DIGITS_MAX)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(placeholders); i++)
		if (str_ieq(bare, str_of(placeholders[i])))
			return false;
	return true;
}

struct str
name_read(struct str raw, char room[NAME_SIZE])
{
	struct reading r = {.room = room};

	while (raw.n > 0) {
		const char *p = raw.p;
		size_t n;
		uint32_t c = take_char(&raw, &n);

		if (IS_IN(c, blanks))
			r.blank = r.n > 0;
		else if (n == 0 || IS_IN(c, unseen) || (c == '~' && r.n == 0))
			continue;
		else if (r.chars + 1 + r.blank > NAME_CHARS)
			break;
		else
			add_char(&r, p, n, c);
	}
	return is_name(&r) ? (struct str){room, r.n} : (struct str){NULL, 0};
}

struct str
name_first(struct str name)
{
	name = str_trim(name);
	return str_cut(&name, ' ');
}

struct str
name_last(struct str name)
{
	name = str_trim(name);
	str_cut(&name, ' ');
	return str_trim(name);
}
