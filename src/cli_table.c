/* SPDX-License-Identifier: MIT */
/* cli_table.c: text from elsewhere, printed for a person. */
#include "cli_table.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/utf8.h"
#include "codec/val.h"

/* A C0 or C1 control character at i; the latter is two bytes of UTF-8. */
static bool
is_control(struct str s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];
	unsigned char next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;

	return c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0);
}

static void
print_bytes(FILE *to, struct str s, const char *keep)
{
	for (size_t i = 0; i < s.n; i++) {
		bool bad = is_control(s, i) && !(s.p[i] && strchr(keep, s.p[i]));

		fputc(bad ? '?' : s.p[i], to);
		i += bad && (unsigned char)s.p[i] == 0xc2;
	}
}

void
cli_print_safe(FILE *to, struct str s)
{
	print_bytes(to, s.n ? s : STR("-"), "");
}

void
cli_print_lines(FILE *to, struct str s)
{
	print_bytes(to, s, "\n\t");
}

void
cli_table_init(struct cli_table *t, const char *const *heads)
{
	*t = (struct cli_table){0};
	while (heads[t->columns])
		t->columns++;
	for (int i = 0; i < t->columns; i++)
		cli_table_add(t, str_of(heads[i]));
}

void
cli_table_add(struct cli_table *t, struct str cell)
{
	if (t->count == t->size) {
		t->size = t->size ? 2 * t->size : 256;
		t->cells = xrealloc(t->cells, (size_t)t->size * sizeof(*t->cells));
	}
	t->cells[t->count++] = cell.n ? cell : STR("-");
}

/* Characters, not bytes, stand side by side.  The last column is as wide as it is. */
void
cli_table_print(struct cli_table *t)
{
	size_t width[CLI_COLUMNS_MAX] = {0};

	for (int i = 0; i < t->count; i++)
		if (utf8_count(t->cells[i]) > width[i % t->columns])
			width[i % t->columns] = utf8_count(t->cells[i]);
	for (int i = 0; i < t->count; i++) {
		bool last = i % t->columns == t->columns - 1;
		size_t pad = width[i % t->columns] - utf8_count(t->cells[i]);

		cli_print_safe(stdout, t->cells[i]);
		printf("%*s", last ? 1 : (int)pad + 2, last ? "\n" : "");
	}
	free(t->cells);
	*t = (struct cli_table){0};
}

void
cli_table_number(struct cli_table *t, struct arena *a, int64_t v)
{
	cli_table_add(t, arena_printf(a, "%lld", (long long)v));
}

void
cli_table_date(struct cli_table *t, struct arena *a, int64_t us)
{
	char when[CLOCK_ISO_SIZE];

	clock_iso(when, us);
	cli_table_add(t, us > 0 ? arena_str(a, str_of(when)) : STR(""));
}

void
cli_print_take(struct buf *b)
{
	fwrite(buf_str(b).p, 1, buf_len(b), stdout);
	buf_done(b);
}

void
cli_json_text(struct buf *b, const char *name, struct str v)
{
	buf_addf(b, ",\"%s\":", name);
	json_quote(b, v.p ? v : STR(""));
}
