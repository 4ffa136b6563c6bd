/* SPDX-License-Identifier: MIT */
/* reshape.c: JSON by a table of paths. */
#include "codec/reshape.h"

#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/val.h"

static const struct val *
child(struct arena *a, const struct val *v, struct str name)
{
	if (v->kind == VAL_LIST)
		return name.n == 1 && name.p[0] >= '0' && name.p[0] <= '9'
			       ? val_at(v, (size_t)(name.p[0] - '0'))
			       : NULL;
	return val_get(v, arena_z(a, name));
}

const struct val *
reshape_at(struct arena *a, const struct val *v, const char *path)
{
	struct str rest = str_of(path);

	while (v && rest.n > 0)
		v = child(a, v, str_cut(&rest, '.'));
	return v;
}

const struct val *
reshape_value(const struct reshape *r, const char *path)
{
	return *path == '/' ? reshape_at(r->arena, r->body, path + 1)
			    : reshape_at(r->arena, r->item, path);
}

/* --- values --------------------------------------------------------------- */

bool
reshape_text(struct buf *b, struct str s)
{
	if (s.n == 0)
		return false;
	json_quote(b, s);
	return true;
}

bool
reshape_number(struct buf *b, long long n)
{
	buf_addf(b, "%lld", n);
	return true;
}

bool
reshape_yes(struct buf *b, const struct reshape *r, const struct val *v)
{
	(void)r, (void)v;
	buf_addz(b, "true");
	return true;
}

void
reshape_named(struct buf *b, const char *before, struct str text)
{
	buf_addz(b, before);
	json_quote(b, text);
}

static bool
write_value(const struct reshape *r, const struct reshape_row *row, struct buf *b)
{
	const struct val *v = reshape_value(r, row->from);

	if (!v || v->kind == VAL_NULL)
		return false;
	if (row->as)
		return row->as(b, r, v);
	if (v->kind == VAL_TEXT && v->text.n == 0)
		return false;
	val_json(b, v);
	return true;
}

/* --- an object ------------------------------------------------------------ */

/* Closes the objects that are open beyond what `to` shares with them, and opens those
 * of `to`: paths.  Returns the last name of `to`. */
static const char *
move(struct buf *b, const char *open, const char *to)
{
	size_t same = 0;

	for (size_t i = 0; open[i] && open[i] == to[i]; i++)
		if (to[i] == '.')
			same = i + 1;
	for (const char *p = open + same; *p; p++)
		if (*p == '.')
			buf_addc(b, '}');
	if (*open && *to)
		buf_addc(b, ',');
	for (const char *dot = strchr(to + same, '.'); dot;
		dot = strchr(to + same, '.')) {
		buf_addf(b, "\"%.*s\":{", (int)(dot - to - (ptrdiff_t)same), to + same);
		same = (size_t)(dot - to) + 1;
	}
	return to + same;
}

/* Returns the last name written, a path. */
static const char *
write_rows(const struct reshape *r, const struct reshape_row *rows, const char *last,
	struct buf *b)
{
	for (const struct reshape_row *row = rows; row->to; row++) {
		struct buf value;

		if (strcmp(row->to, last) == 0 || (row->when && !row->when(r)))
			continue;
		buf_init(&value);
		if (write_value(r, row, &value)) {
			const char *name = move(b, last, row->to);
			buf_addf(b, "\"%s\":", name);
			buf_adds(b, buf_str(&value));
			last = row->to;
		}
		buf_done(&value);
	}
	return last;
}

void
reshape_write(const struct reshape *r, const struct reshape_row *rows,
	const struct reshape_row *more, struct buf *b)
{
	buf_addc(b, '{');
	const char *last = write_rows(r, rows, "", b);
	if (more)
		last = write_rows(r, more, last, b);
	move(b, last, "");
	buf_addc(b, '}');
}
