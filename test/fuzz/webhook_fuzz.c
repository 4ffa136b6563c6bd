/* SPDX-License-Identifier: MIT */
/* webhook_fuzz.c: any bytes as the body of a webhook.
 *
 * What the header promises of a good body is checked: slices lie in it, names are
 * names, ids are short; of a bad one: words that fit the 400 answer. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_msg(const struct webhook_msg *m, struct str body)
{
	assert(m->raw.n > 0);
	assert(m->raw.p >= body.p && m->raw.p + m->raw.n <= body.p + body.n);
	assert(m->id.p && m->id.n > 0 && m->id.n <= WEBHOOK_ID_MAX);
	assert(m->unfit || m->chat.p);
}

static void
check_words(const char *err)
{
	size_t n = strnlen(err, 128);

	assert(n > 0 && n < 128);
	for (size_t i = 0; i < n; i++)
		assert(err[i] >= ' ' && err[i] <= '~');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str body = {(const char *)data, n};
	struct webhook w;
	struct arena a;
	char err[128] = "";

	arena_init(&a);
	if (webhook_scan(&a, body, &w, err) < 0) {
		check_words(err);
	} else {
		assert(webhook_is_tenant(w.tenant));
		assert(w.count <= WEBHOOK_MSGS_MAX);
		for (size_t i = 0; i < w.count; i++)
			check_msg(&w.msgs[i], body);
	}
	arena_done(&a);
	return 0;
}
