/* SPDX-License-Identifier: MIT */
/* cli_store.c: the database for a command. */
#include "cli_store.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "cli_words.h"
#include "store/store.h"

struct store *
cli_store_open(const struct settings *s, struct arena *a)
{
	char err[256];
	struct store *store = store_open(NULL, store_url(s, a), err);

	if (!store)
		die("%s", err);
	return store;
}

int
cli_store_run(const struct settings *s, struct store **store, struct arena *arena,
	int (*run)(void *into), void *into)
{
	arena_init(arena);
	*store = cli_store_open(s, arena);
	int status = run(into);
	store_close(*store);
	arena_done(arena);
	return status;
}

int
cli_store_report(const struct store_op *op)
{
	fprintf(stderr, "prosaas: %s\n", op->words[0] ? op->words : err_text(op->err));
	return CLI_FAILED;
}
