/* SPDX-License-Identifier: MIT */
/* cli_file.h: what a person gives a command in a file. */
#ifndef CLI_FILE_H
#define CLI_FILE_H

#include <stddef.h>

#include "base/defs.h"
#include "base/str.h"

struct arena;

/* cli_file reads a whole file of at most max bytes; 0, or -1 after one line on
 * stderr. */
int cli_file(struct arena *a, const char *path, size_t max, struct str *ret) MUSTCHECK;

/* cli_file_or_word gives the word, or with @path what stands in that file, trimmed:
 * prompts are long.  A word ends with a NUL, as argv's do. */
int cli_file_or_word(
	struct arena *a, struct str word, size_t max, struct str *ret) MUSTCHECK;

#endif
