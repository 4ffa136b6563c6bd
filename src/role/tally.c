/* SPDX-License-Identifier: MIT */
/* tally.c: how many jobs of each tenant run here.
 *
 * A plain array: it is never longer than WORKER_CONCURRENCY, and a look through 256
 * rows costs less than any job. */
#include "role/tally.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"

static struct tally_row *
find(struct tally *t, struct str tenant)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->rows[i].tenant, tenant))
			return &t->rows[i];
	return NULL;
}

void
tally_add(struct tally *t, struct str tenant)
{
	struct tally_row *row = find(t, tenant);

	if (row) {
		row->count++;
		return;
	}
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->rows = xrealloc(t->rows, t->room * sizeof(*t->rows));
	}
	char *copy = xmalloc(tenant.n);
	if (tenant.n)
		memcpy(copy, tenant.p, tenant.n);
	t->rows[t->n++] = (struct tally_row){{copy, tenant.n}, 1};
}

void
tally_sub(struct tally *t, struct str tenant)
{
	struct tally_row *row = find(t, tenant);

	assert(row);
	if (--row->count > 0)
		return;
	free((char *)row->tenant.p); /* ours: copied by tally_add() */
	*row = t->rows[--t->n];
}
