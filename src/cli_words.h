/* SPDX-License-Identifier: MIT */
/* cli_words.h: the words of a command that has subcommands and options.
 *
 * A row says what a subcommand is called, how it is used and what for.  The usage
 * is the rule as well: a subcommand takes the options that its usage names, so that
 * the two can't differ. */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

struct cli_row {
	const char *name; /* "" is the command without a subcommand */
	int (*run)(void *into);
	int least, most;   /* words that are no options; most < 0: any number */
	const char *usage; /* what follows the command's name */
	const char *help;
};

/* An option fills a field of the struct that the rows' functions get: a bool, a
 * struct str (absent when not given), or an int64_t of at least 0. */
struct cli_option {
	const char *name;
	enum { CLI_FLAG, CLI_TEXT, CLI_NUMBER } kind;
	size_t offset;
};

struct cli_command {
	const char *name;
	const struct cli_row *rows;
	size_t row_count;
	const struct cli_option *options;
	size_t option_count;
};

struct cli_words {
	struct str *words; /* those that are no options */
	int count;
};

/* cli_words reads argv into *into and *words, and returns the row to run; or NULL
 * with *ret_status, the exit status, after help or a usage line was printed.  The
 * words live as long as the process. */
const struct cli_row *cli_words(const struct cli_command *c, int argc, char **argv,
	void *into, struct cli_words *words, int *ret_status);

/* cli_usage says on stderr what is wrong (NULL: nothing but the usage) and returns
 * CLI_USAGE. */
int cli_usage(const struct cli_command *c, const struct cli_row *r, const char *wrong);

#endif
