/* SPDX-License-Identifier: MIT */
/* cloud_fuzz.c: any bytes as a webhook of the Cloud API.
 *
 * What comes out are bodies that webhook_scan() can read: it may say that a message is
 * unfit, never that it is no JSON.  Of a phone that the first reader has not seen
 * nothing comes out. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "codec/cloud.h"
#include "codec/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(struct arena *a, const struct cloud *c, size_t asked)
{
	struct webhook w;
	char err[128];

	assert(c->count == asked || (c->count == asked + 1 && !c->numbers[asked].id.p));
	for (size_t i = 0; i < c->count; i++)
		if (c->numbers[i].body.p)
			assert(webhook_scan(a, c->numbers[i].body, &w, err) !=
				ERR_SYNTAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str body = {(const char *)data, n};
	struct cloud c;
	struct arena a;
	char err[128] = "";

	arena_init(&a);
	int r = cloud_numbers(&a, body, &c, err);
	size_t asked = c.count;
	for (size_t i = 0; r == 0 && i < asked; i++)
		c.numbers[i].tenant = STR("1");
	if (r == 0)
		r = cloud_read(&a, body, &c, err);
	if (r == 0)
		check(&a, &c, asked);
	else
		assert(err[0]);
	arena_done(&a);
	return 0;
}
