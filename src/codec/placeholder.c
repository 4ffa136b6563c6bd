/* SPDX-License-Identifier: MIT */
/* placeholder.c: words in braces that stand for the customer's own.
 *
 *   text ---> next_part: what stands before a placeholder, and the placeholder */
#include "codec/placeholder.h"

#include "base/buf.h"
#include "base/err.h"

static struct str
whole(struct str name)
{
	return name;
}

static struct str
first_word(struct str name)
{
	return str_cut(&name, ' ');
}

static const struct row {
	const char *word;
	struct str (*of)(struct str name);
} rows[] = {
	{"{name}", whole},
	{"{first_name}", first_word},
};

static const struct row *
find(struct str word)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (str_eqz(word, rows[i].word))
			return &rows[i];
	return NULL;
}

static bool
is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* How long the placeholder is that s begins with, braces included; 0: none. */
static size_t
placeholder_len(struct str s)
{
	size_t n = 1;

	if (s.n == 0 || s.p[0] != '{')
		return 0;
	while (n < s.n && is_word_char(s.p[n]))
		n++;
	return n > 1 && n < s.n && s.p[n] == '}' ? n + 1 : 0;
}

/* Takes what stands before the next placeholder, and it (n 0: there is none). */
static struct str
next_part(struct str *text, struct str *ret_word)
{
	size_t at = 0, n = 0;

	while (at < text->n && n == 0) {
		n = placeholder_len((struct str){text->p + at, text->n - at});
		at += n == 0;
	}
	struct str before = {text->p, at};
	*ret_word = (struct str){text->p + at, n};
	*text = (struct str){text->p + at + n, text->n - at - n};
	return before;
}

int
placeholder_check(struct str text, struct str *ret_wrong)
{
	struct str word;

	while (text.n > 0) {
		next_part(&text, &word);
		if (word.n > 0 && !find(word)) {
			*ret_wrong = word;
			return ERR_SHAPE;
		}
	}
	return 0;
}

void
placeholder_fill(struct buf *out, struct str text, struct str name, struct str fallback)
{
	struct str word;

	name = str_trim(name);
	while (text.n > 0) {
		buf_adds(out, next_part(&text, &word));
		const struct row *row = find(word);
		if (row)
			buf_adds(out, name.n > 0 ? row->of(name) : fallback);
		else
			buf_adds(out, word);
	}
}
