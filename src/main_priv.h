/* SPDX-License-Identifier: MIT */
/* main_priv.h: main.c's table of roles and commands, for who writes it out. */
#ifndef MAIN_PRIV_H
#define MAIN_PRIV_H

#include <stdbool.h>
#include <stddef.h>

struct settings;

typedef int command(const struct settings *s, int argc, char **argv);

/* What a word does with those after it. */
enum reads {
	READS_NOTHING, /* any is wrong usage */
	READS_WORDS,
	READS_ALL, /* and says itself what --help says */
};

struct word {
	const char *name;
	command *run; /* NULL: a role */
	const char *usage, *help;
	int (*start)(const struct settings *);
	enum reads reads;
	bool needs_redis;
};

extern const struct word main_words[]; /* the last has no name */

#endif
