/* SPDX-License-Identifier: MIT */
/* cli_file.c: what a person gives a command in a file. */
#include "cli_file.h"

#include <errno.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"

enum { BLOCK = 65536 };

/* 0 or -errno. */
static int
read_all(FILE *f, size_t max, struct buf *out)
{
	size_t n = 1;

	while (n > 0 && buf_len(out) <= max) {
		n = fread(buf_room(out, BLOCK), 1, BLOCK, f);
		buf_grew(out, n);
	}
	if (ferror(f))
		return -errno;
	return buf_len(out) > max ? -EFBIG : 0;
}

int
cli_file(struct arena *a, const char *path, size_t max, struct str *ret)
{
	FILE *f = fopen(path, "re");
	int err = f ? 0 : -errno;
	struct buf b;

	buf_init(&b);
	if (f)
		err = read_all(f, max, &b);
	if (f)
		fclose(f);
	*ret = arena_str(a, buf_str(&b));
	buf_done(&b);
	if (err < 0)
		fprintf(stderr, "prosaas: %s: %s\n", path, strerror(-err));
	return err < 0 ? -1 : 0;
}

int
cli_file_or_word(struct arena *a, struct str word, size_t max, struct str *ret)
{
	*ret = word;
	if (word.n < 2 || word.p[0] != '@')
		return 0;
	int err = cli_file(a, word.p + 1, max, ret);
	*ret = str_trim(*ret);
	return err;
}
