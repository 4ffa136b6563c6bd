/* SPDX-License-Identifier: MIT */
/* store_checkup.h: what a doctor asks the database.  For commands: these wait. */
#ifndef STORE_STORE_CHECKUP_H
#define STORE_STORE_CHECKUP_H

#include <stdint.h>

#include "base/defs.h"
#include "base/str.h"

struct arena;

/* checkup_write writes one page and commits it, changing nothing.  0, or negative with
 * words. */
int checkup_write(const char *database_url, char err[256]) MUSTCHECK;

struct checkup_rows {
	int64_t since_us;      /* rows made since then; 0: all */
	int64_t inbound;       /* messages of customers that are there twice */
	int64_t replies;       /* turns with two replies */
	int64_t message, turn; /* one of each */
	struct str tenant;     /* of that one */
	int64_t looked;        /* rows */
};

/* checkup_duplicates looks through the newest rows. */
int checkup_duplicates(const char *database_url, struct arena *a,
	struct checkup_rows *rows, char err[256]) MUSTCHECK;

/* checkup_sound looks through the whole file: *ret is absent when it is sound, or what
 * is wrong first.  It takes as long as reading the file. */
int checkup_sound(const char *database_url, struct arena *a, struct str *ret,
	char err[256]) MUSTCHECK;

/* checkup_size is the size of the file in bytes, -1 when it is not there. */
int64_t checkup_size(const char *database_url);

#endif
