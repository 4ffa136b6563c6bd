/* SPDX-License-Identifier: MIT */
/* cli_table.h: text from elsewhere, printed for a person: in columns, or as it is,
 * but never what a terminal would obey. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

#include "base/str.h"

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

/* cli_print_safe writes s with '?' for control characters; of an absent or empty
 * text "-".  cli_print_lines keeps line ends and tabs. */
void cli_print_safe(FILE *to, struct str s);
void cli_print_lines(FILE *to, struct str s);

#endif
