/* SPDX-License-Identifier: MIT */
/* cli_person_priv.h: what the files of `prosaas person` share. */
#ifndef CLI_PERSON_PRIV_H
#define CLI_PERSON_PRIV_H

#include "base/arena.h"
#include "cli_words.h"
#include "store/store.h"

struct settings;

struct person {
	const struct settings *s;
	struct store *store;
	struct arena arena;
	struct cli_words words; /* tenant, who (or a number) */
	struct store_person found;
	bool full, yes;
	int64_t wait_s; /* PERSON_UNSET: not given */
};

enum { PERSON_UNSET = -1 };

/* person_find fills found; false after words. */
bool person_find(struct person *p);

/* person_nobody says that nobody of that name is known; CLI_FAILED. */
int person_nobody(const struct person *p);

int person_erase(void *into);

#endif
