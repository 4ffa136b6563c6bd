/* SPDX-License-Identifier: MIT */
/* cli_words.c: the words of a command that has subcommands and options. */
#include "cli_words.h"

#include <stdio.h>

#include "base/err.h"

static void
print_usage(FILE *to, const struct cli_command *c, const struct cli_row *r)
{
	for (size_t i = 0; i < c->row_count; i++)
		if (!r || r == &c->rows[i])
			fprintf(to, "usage: prosaas %s %s\n", c->name,
				c->rows[i].usage);
}

static void
print_help(const struct cli_command *c, const struct cli_row *r)
{
	if (r) {
		print_usage(stdout, c, r);
		printf("\n%s\n", r->help);
		return;
	}
	for (size_t i = 0; i < c->row_count; i++)
		printf("%susage: prosaas %s %s\n\n%s\n", i > 0 ? "\n" : "", c->name,
			c->rows[i].usage, c->rows[i].help);
}

int
cli_usage(const struct cli_command *c, const struct cli_row *r, const char *wrong)
{
	if (wrong)
		fprintf(stderr, "prosaas: %s\n", wrong);
	print_usage(stderr, c, r);
	return CLI_USAGE;
}

static const struct cli_row *
find_row(const struct cli_command *c, const char *name)
{
	for (size_t i = 0; i < c->row_count; i++)
		if (strcmp(c->rows[i].name, name) == 0)
			return &c->rows[i];
	return NULL;
}

/* Does the usage name it?  "--all" is not in "--allow". */
static bool
takes(const struct cli_row *r, const char *option)
{
	size_t n = strlen(option);

	for (const char *at = strstr(r->usage, option); at; at = strstr(at + 1, option))
		if (at[n] == ' ' || at[n] == ']' || at[n] == '\0')
			return true;
	return false;
}

static const struct cli_option *
find_option(const struct cli_command *c, const struct cli_row *r, const char *name)
{
	for (size_t i = 0; i < c->option_count; i++)
		if (strcmp(c->options[i].name, name) == 0 && takes(r, name))
			return &c->options[i];
	return NULL;
}

/* Returns what is wrong with the value, or NULL.  A flag takes none.  An empty text is
 * a variable that nobody has set: as a filter it would be one that lets all pass. */
static const char *
set_option(const struct cli_option *o, void *into, const char *value)
{
	char *field = (char *)into + o->offset;

	if (o->kind == CLI_FLAG) {
		*(bool *)field = true;
		return NULL;
	}
	if (!value)
		return "takes a value";
	if (!*value)
		return "takes a value that is not empty";
	if (o->kind == CLI_TEXT) {
		*(struct str *)field = str_of(value);
		return NULL;
	}
	int64_t n;
	if (str_int(str_of(value), &n) < 0 || n < 0)
		return "takes a number";
	*(int64_t *)field = n;
	return NULL;
}

/* Reads the words from argv[i] on; false after words. */
static bool
read_words(const struct cli_command *c, const struct cli_row *r, char **argv, int i,
	void *into, struct cli_words *words)
{
	bool literal = false; /* "--": what follows is no option */

	for (; argv[i]; i++) {
		if (!literal && strcmp(argv[i], "--") == 0) {
			literal = true;
			continue;
		}
		if (literal || argv[i][0] != '-') {
			words->words[words->count++] = str_of(argv[i]);
			continue;
		}
		const struct cli_option *o = find_option(c, r, argv[i]);
		if (!o) {
			fprintf(stderr, "prosaas: unknown option %s\n", argv[i]);
			return false;
		}
		const char *wrong = set_option(o, into, argv[i + 1]);
		if (wrong) {
			fprintf(stderr, "prosaas: %s %s\n", argv[i], wrong);
			return false;
		}
		i += o->kind != CLI_FLAG;
	}
	return true;
}

/* False after words. */
static bool
count_is_right(const struct cli_row *r, const struct cli_words *words)
{
	if (words->count < r->least)
		fputs("prosaas: a word is missing\n", stderr);
	else if (r->most >= 0 && words->count > r->most)
		fprintf(stderr, "prosaas: %.*s is one word too many\n",
			STR_FMT(words->words[r->most]));
	else
		return true;
	return false;
}

static void
no_subcommand(const struct cli_command *c, const char *name)
{
	if (name && *name != '-')
		fprintf(stderr, "prosaas: %s has no subcommand %s\n", c->name, name);
	else
		fputs("prosaas: a subcommand is missing\n", stderr);
}

static bool
asks_help(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

const struct cli_row *
cli_words(const struct cli_command *c, int argc, char **argv, void *into,
	struct cli_words *words, int *ret_status)
{
	bool named = argc > 0 && argv[0][0] != '-' && find_row(c, argv[0]);
	const struct cli_row *r = find_row(c, named ? argv[0] : "");

	if (asks_help(argc, argv)) {
		print_help(c, named ? r : NULL);
		*ret_status = CLI_DONE;
		return NULL;
	}
	words->words = xcalloc((size_t)argc + 1, sizeof(*words->words));
	if (!r)
		no_subcommand(c, argc > 0 ? argv[0] : NULL);
	else if (read_words(c, r, argv, named, into, words) && count_is_right(r, words))
		return r;
	*ret_status = cli_usage(c, r, NULL);
	return NULL;
}
