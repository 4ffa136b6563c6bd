/* SPDX-License-Identifier: MIT */
/* csv.c: rows of cells. */
#include "codec/csv.h"

#include "base/arena.h"

static bool
has(struct str s, char c)
{
	return s.n > 0 && memchr(s.p, c, s.n);
}

void
csv_init(struct csv *c, struct str text)
{
	struct str mark = STR("\xef\xbb\xbf");

	if (str_starts(text, mark))
		text = (struct str){text.p + mark.n, text.n - mark.n};
	*c = (struct csv){.rest = text};
	struct str first = str_cut(&text, '\n');
	c->sep = has(first, ';') && !has(first, ',') ? ';' : ',';
}

static void
skip(struct csv *c, size_t n)
{
	c->rest.p += n;
	c->rest.n -= n;
}

/* Up to the separator or the end of the line, neither taken. */
static struct str
plain(struct csv *c)
{
	size_t n = 0;

	while (n < c->rest.n && c->rest.p[n] != c->sep && c->rest.p[n] != '\n')
		n++;
	struct str cell = {c->rest.p, n};
	skip(c, n);
	return str_trim(cell);
}

/* How much of s is quoted: up to the quote that is not one of two. */
static size_t
quoted_len(struct str s)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] != '"' || (n + 1 < s.n && s.p[n + 1] == '"')))
		n += s.p[n] == '"' ? 2 : 1;
	return n;
}

/* Behind an opening quote, up to the closing one; two are one. */
static struct str
quoted(struct csv *c, struct arena *a)
{
	skip(c, 1);
	size_t len = quoted_len(c->rest), n = 0;
	char *to = arena_alloc(a, len + 1);

	for (size_t i = 0; i < len; i++) {
		to[n++] = c->rest.p[i];
		c->lines += c->rest.p[i] == '\n';
		i += c->rest.p[i] == '"';
	}
	skip(c, len);
	plain(c);
	return str_trim((struct str){to, n});
}

static void
skip_blanks(struct csv *c)
{
	while (c->rest.n > 0 && (c->rest.p[0] == ' ' || c->rest.p[0] == '\t'))
		skip(c, 1);
}

/* Returns whether another cell follows in the row. */
static bool
read_cell(struct csv *c, struct arena *a)
{
	skip_blanks(c);
	bool quote = c->rest.n > 0 && c->rest.p[0] == '"';
	struct str cell = quote ? quoted(c, a) : plain(c);

	if (c->count < CSV_CELLS_MAX)
		c->cells[c->count++] = cell;
	bool more = c->rest.n > 0 && c->rest.p[0] == c->sep;
	if (c->rest.n > 0) {
		c->lines += !more;
		skip(c, 1);
	}
	return more;
}

static bool
is_blank(const struct csv *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->cells[i].n > 0)
			return false;
	return true;
}

bool
csv_next(struct csv *c, struct arena *a)
{
	while (c->rest.n > 0) {
		c->count = 0;
		c->line = c->lines + 1;
		while (read_cell(c, a))
			;
		if (!is_blank(c))
			return true;
	}
	return false;
}
