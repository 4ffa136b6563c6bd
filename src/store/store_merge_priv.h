/* SPDX-License-Identifier: MIT */
/* store_merge_priv.h: what merging and parting contacts share. */
#ifndef STORE_STORE_MERGE_PRIV_H
#define STORE_STORE_MERGE_PRIV_H

#include <stddef.h>

#include "store/store_priv.h"

/* A merge: its audit row, the two contacts and their conversations (0: none). */
struct merging {
	struct sql *db;
	struct str tenant;
	int64_t audit, kept, gone, kept_conv, gone_conv;
};

/* A step changes some rows: negative is an error.  merge_run runs them in order. */
typedef int merge_step(const struct merging *p);
int
merge_run(const struct merging *p, merge_step *const *steps, size_t count) MUSTCHECK;

/* merge_conversations fills in the conversations. */
int merge_conversations(struct merging *p) MUSTCHECK;

/* store_names.c: the kept contact takes the other's name when that is a better one, and
 * gives it back. */
merge_step names_merge, names_unmerge;

/* audit_add returns the id of the new row, or negative. */
int64_t audit_add(struct sql *db, struct str tenant, struct str action, int64_t contact,
	int64_t other) MUSTCHECK;

#endif
