/* SPDX-License-Identifier: MIT */
/* adapter_fuzz.c: any bytes as another bridge's webhook.
 *
 * What comes out is a body that webhook_scan() can read: it may say that a message is
 * unfit, never that it is no JSON. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "codec/adapter.h"
#include "codec/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
try_one(const char *name, struct str body)
{
	enum adapter_says says;
	struct webhook w;
	struct arena a;
	struct str ours;
	char err[128] = "";

	arena_init(&a);
	int r = adapter_read(
		&a, adapter_find(str_of(name)), STR("1"), body, &says, &ours, err);
	if (r < 0)
		assert(err[0]);
	else if (says == ADAPTER_NEWS)
		assert(webhook_scan(&a, ours, &w, err) != ERR_SYNTAX);
	arena_done(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str body = {(const char *)data, n};

	try_one("evolution", body);
	try_one("waha", body);
	try_one("wuzapi", body);
	return 0;
}
