/* SPDX-License-Identifier: MIT */
/* api.c: URLs, JSON answers, words for the operator, and the breaker's part. */
#include "client/api.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/val.h"
#include "net/http_client.h"

enum {
	DIGITS_MAX = 4,    /* a status or a year; a phone has more */
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

struct str
api_code(struct str what)
{
	size_t digits = 0;

	for (size_t i = 0; i < what.n; i++) {
		unsigned char c = (unsigned char)what.p[i];

		digits = isdigit(c) ? digits + 1 : 0;
		if (digits > DIGITS_MAX || (!isalnum(c) && c != '_' && c != '.'))
			return (struct str){NULL, 0};
	}
	return what.n <= WHAT_MAX ? what : (struct str){NULL, 0};
}

/* Appends at most max characters of s, those that are not printable ASCII as '?'. */
static void
add_words(char words[API_WORDS], struct str s, size_t max)
{
	size_t at = strlen(words);

	for (size_t i = 0; i < s.n && i < max && at + 1 < API_WORDS; i++)
		words[at++] = s.p[i] < 0x20 || s.p[i] > 0x7e ? '?' : s.p[i];
	words[at] = '\0';
}

void
api_words(char words[API_WORDS], const struct http_call *call, struct str what)
{
	if (call->err < 0) {
		snprintf(words, API_WORDS, "%s", call->words);
		return;
	}
	snprintf(words, API_WORDS, "HTTP %d%s", call->status, what.n ? " " : "");
	add_words(words, what, WHAT_MAX);
	if (call->request_id[0]) {
		add_words(words, STR(" request "), WHAT_MAX);
		add_words(words, str_of(call->request_id), WHAT_MAX);
	}
}

void
api_start(struct http_client *c, struct http_call *call, struct flow *f,
	struct breaker *b, struct breaker_pass *pass, const char *key)
{
	struct breaker_rest rest;
	char words[API_WORDS];

	int refused = breaker_enter(b, pass, key, clock_mono_ms(), &rest);
	if (refused == 0) {
		http_call_start(c, call, f);
		return;
	}
	snprintf(words, sizeof(words), "resting after failures: %s", rest.why);
	http_call_refuse(c, call, f, refused, words, rest.left_ms);
}

int
api_err_of(int status)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_DENIED;
	case 429:
		return ERR_THROTTLED;
	default:
		return status >= 500 ? ERR_REMOTE : ERR_REFUSED;
	}
}

enum breaker_outcome
api_outcome(const struct http_call *call, int err)
{
	if (call->err == -ECANCELED)
		return BREAKER_NONE;
	if (err == ERR_DENIED || err == ERR_QUOTA)
		return BREAKER_DENIED;
	if (call->err == ERR_LIMIT)
		return BREAKER_OK;
	if (call->err < 0 || call->status == 429 || call->status >= 500)
		return BREAKER_FAILED;
	return BREAKER_OK;
}

int
api_settle(struct http_call *call, struct breaker_pass *pass,
	enum breaker_outcome outcome, int err, const char *words, int64_t *ret_wait_ms)
{
	struct breaker_report report = {outcome, call->retry_after_ms, words};
	int64_t rest_ms = breaker_leave(pass, &report, clock_mono_ms());

	*ret_wait_ms = call->retry_after_ms;
	if (rest_ms > *ret_wait_ms && rest_ms > 0)
		*ret_wait_ms = rest_ms;
	http_call_done(call);
	if (rest_ms > 0 && outcome == BREAKER_FAILED &&
		err_class(err) == CLASS_TRANSIENT)
		return ERR_OPEN;
	return err;
}
