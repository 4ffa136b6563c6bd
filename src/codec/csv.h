/* SPDX-License-Identifier: MIT */
/* csv.h: rows of cells (RFC 4180), as spreadsheets save them.
 *
 *   a,b          two cells; blanks around a cell are no part of it
 *   "a, ""b"""   one, with a comma and quotes inside, and line ends too
 *
 * Line ends are LF or CRLF.  What stands between a closing quote and the next
 * separator is dropped. */
#ifndef CODEC_CSV_H
#define CODEC_CSV_H

#include <stddef.h>

#include "base/str.h"

struct arena;

enum { CSV_CELLS_MAX = 64 }; /* of a row: the rest is dropped */

struct csv {
	struct str rest; /* of the text; it is borrowed */
	char sep;        /* ',' or ';' */
	size_t line;     /* of the row read last, from 1 */
	struct str cells[CSV_CELLS_MAX];
	size_t count;
	/* private */
	size_t lines; /* passed so far */
};

/* csv_init skips a byte order mark; the separator is the one that the first line
 * has. */
void csv_init(struct csv *c, struct str text);

/* csv_next reads the next row that is not blank; false when there is none. */
bool csv_next(struct csv *c, struct arena *a);

#endif
