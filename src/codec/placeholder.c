/* SPDX-License-Identifier: MIT */
/* placeholder.c: words in braces that stand for the customer's own.
 *
 *   text ---> next_part: what stands before a placeholder, and the placeholder */
#include "codec/placeholder.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/name.h"

static struct str
whole(struct str name)
{
	return name;
}

static const struct row {
	const char *word;
	struct str (*of)(struct str name);
	bool optional; /* nothing is said where there is none */
} rows[] = {
	{"name", whole, false},
	{"first_name", name_first, false},
	{"last_name", name_last, true},
	{"שם", whole, false},
	{"שם פרטי", name_first, false},
	{"שם משפחה", name_last, true},
};

/* What the text begins with: a placeholder, a mistake (row NULL), or neither (n 0). */
struct part {
	struct str word; /* braces included */
	const struct row *row;
};

static bool
has_braces(struct str s, size_t at, size_t n, char brace)
{
	for (size_t i = 0; i < n; i++)
		if (at + i >= s.n || s.p[at + i] != brace)
			return false;
	return true;
}

static struct part
known_at(struct str s, size_t braces)
{
	for (size_t i = 0; i < ARRAY_LEN(rows) && has_braces(s, 0, braces, '{'); i++) {
		size_t n = strlen(rows[i].word), end = braces + n;

		if (s.n > end && memcmp(s.p + braces, rows[i].word, n) == 0 &&
			has_braces(s, end, braces, '}'))
			return (struct part){{s.p, end + braces}, &rows[i]};
	}
	return (struct part){{s.p, 0}, NULL};
}

static bool
is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static struct part
part_at(struct str s)
{
	struct part p = known_at(s, 2);
	size_t n = 1;

	if (!p.row)
		p = known_at(s, 1);
	if (p.row || s.n == 0 || s.p[0] != '{')
		return p;
	while (n < s.n && is_word_char(s.p[n]))
		n++;
	if (n > 1 && n < s.n && s.p[n] == '}')
		p.word.n = n + 1;
	return p;
}

/* Takes what stands before the next part, and it (n 0: there is none). */
static struct str
next_part(struct str *text, struct part *ret)
{
	size_t at = 0;

	*ret = (struct part){0};
	while (at < text->n && ret->word.n == 0) {
		*ret = part_at((struct str){text->p + at, text->n - at});
		at += ret->word.n == 0;
	}
	struct str before = {text->p, at};
	at += ret->word.n;
	*text = (struct str){text->p + at, text->n - at};
	return before;
}

int
placeholder_check(struct str text, struct str *ret_wrong)
{
	struct part part;

	while (text.n > 0) {
		next_part(&text, &part);
		if (part.word.n > 0 && !part.row) {
			*ret_wrong = part.word;
			return ERR_SHAPE;
		}
	}
	return 0;
}

void
placeholder_fill(struct buf *out, struct str text, struct str name, struct str fallback)
{
	struct part part;

	name = str_trim(name);
	while (text.n > 0) {
		buf_adds(out, next_part(&text, &part));
		if (!part.row)
			buf_adds(out, part.word);
		else if (name.n > 0)
			buf_adds(out, part.row->of(name));
		else if (!part.row->optional)
			buf_adds(out, fallback);
	}
}
