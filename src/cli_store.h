/* SPDX-License-Identifier: MIT */
/* cli_store.h: the database for a command. */
#ifndef CLI_STORE_H
#define CLI_STORE_H

struct arena;
struct settings;
struct store;
struct store_op;

/* cli_store_open opens DATABASE_URL, or ends the process with a line that says why. */
struct store *cli_store_open(const struct settings *s, struct arena *a);

/* cli_store_run opens it for as long as the function of a row runs, with an arena: the
 * exit status of that.  *store and *arena are fields of what the function gets. */
int cli_store_run(const struct settings *s, struct store **store, struct arena *arena,
	int (*run)(void *into), void *into);

/* cli_store_report says on stderr why an operation failed: CLI_FAILED. */
int cli_store_report(const struct store_op *op);

#endif
