/* SPDX-License-Identifier: MIT */
/* cli_table.h: text from elsewhere, printed for a person: in columns, or as it is,
 * but never what a terminal would obey. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

struct arena;
struct buf;

enum { CLI_COLUMNS_MAX = 12 };

struct cli_table {
	/* private */
	int columns, count, size;
	struct str *cells;
};

/* cli_table_init gives the heads of the columns, NULL after the last.  Cells are
 * added row by row; they are borrowed until cli_table_print(), which also frees. */
void cli_table_init(struct cli_table *t, const char *const *heads);
void cli_table_add(struct cli_table *t, struct str cell);
void cli_table_print(struct cli_table *t);

/* cli_table_number adds a number, cli_table_date a time, empty for 0; their texts are
 * made in the arena. */
void cli_table_number(struct cli_table *t, struct arena *a, int64_t v);
void cli_table_date(struct cli_table *t, struct arena *a, int64_t us);

/* cli_print_safe writes s with '?' for control characters; of an absent or empty
 * text "-".  cli_print_lines keeps line ends and tabs. */
void cli_print_safe(FILE *to, struct str s);
void cli_print_lines(FILE *to, struct str s);

/* cli_print_take prints what was built on stdout, and frees it. */
void cli_print_take(struct buf *b);

/* cli_json_text appends a member of an object that is not its first; what is absent is
 * an empty text. */
void cli_json_text(struct buf *b, const char *name, struct str v);

#endif
