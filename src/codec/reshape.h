/* SPDX-License-Identifier: MIT */
/* reshape.h: what somebody else wrote as JSON, in our shape, by a table.
 *
 *   {"payload":{"id":"A1","from":".."}}  --- rows --->  {"key":{"id":"A1",..},..}
 *
 * A row says where a value goes, where it stands, and how it is written.  adapter.c
 * and cloud.c have the tables. */
#ifndef CODEC_RESHAPE_H
#define CODEC_RESHAPE_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct buf;
struct val;

struct reshape {
	struct arena *arena;
	const struct val *body, *item;
};

/* Writes v, or returns false: it has no sense there, and is left out. */
typedef bool reshape_as(struct buf *b, const struct reshape *r, const struct val *v);
typedef bool reshape_when(const struct reshape *r);

/* A table ends with a row without `to`.  Rows with the same prefix ("key.") stand
 * together; of several for one name the first that has a value holds. */
struct reshape_row {
	const char *to, *from; /* paths; from "": the whole item; "/..": of the body */
	reshape_as *as;        /* NULL: as it is, unless it is an empty text */
	reshape_when *when;    /* NULL: always */
};

/* reshape_write appends an object: the rows of both tables, the second (may be NULL)
 * after the first. */
void reshape_write(const struct reshape *r, const struct reshape_row *rows,
	const struct reshape_row *more, struct buf *b);

/* reshape_at walks down from v, names with dots between them; "0" is the first of a
 * list.  NULL when a name is missing.  reshape_value begins at the item, or, with a
 * "/" in front, at the body. */
const struct val *reshape_at(struct arena *a, const struct val *v, const char *path);
const struct val *reshape_value(const struct reshape *r, const char *path);

/* What writers have in common: a text that is not empty; a number; true, whatever
 * stands there; a text behind a name. */
bool reshape_text(struct buf *b, struct str s);
bool reshape_number(struct buf *b, long long n);
reshape_as reshape_yes;
void reshape_named(struct buf *b, const char *before, struct str text);

#endif
