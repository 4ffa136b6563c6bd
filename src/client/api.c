/* SPDX-License-Identifier: MIT */
/* api.c: URLs, JSON answers and words for the operator. */
#include "client/api.h"

#include <stdio.h>

#include "base/arena.h"
#include "codec/json.h"
#include "codec/val.h"
#include "net/http_client.h"

enum {
	NODES_MAX = 20000, /* far above any answer; bounds what 1 MiB can become */
	WHAT_MAX = 64,     /* error codes are shorter */
};

const char *
api_url(struct arena *a, struct str base, const char *path)
{
	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	return arena_printf(a, "%.*s%s", STR_FMT(base), path).p;
}

const char *
api_header(struct arena *a, const char *name, const char *value)
{
	return arena_printf(a, "%s%s", name, value).p;
}

const struct val *
api_json(struct arena *a, const struct http_call *call)
{
	char why[128]; /* nobody asks: an answer is readable or not */
	struct val *v;

	if (json_parse(a, buf_str(&call->answer), NODES_MAX, &v, why) < 0)
		return NULL;
	return v;
}

void
api_words(char words[API_WORDS], const struct http_call *call, struct str what)
{
	if (call->err < 0) {
		snprintf(words, API_WORDS, "%s", call->words);
		return;
	}

	size_t at = (size_t)snprintf(words, API_WORDS, "HTTP %d", call->status);
	if (what.n > 0)
		words[at++] = ' ';
	for (size_t i = 0; i < what.n && i < WHAT_MAX; i++) {
		char c = what.p[i];

		words[at++] = c;
		if (c < 0x20 || c > 0x7e)
			words[at - 1] = '?';
	}
	words[at] = '\0';
}
