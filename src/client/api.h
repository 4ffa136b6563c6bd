/* SPDX-License-Identifier: MIT */
/* api.h: what the JSON APIs we call have in common.
 *
 *   api_url ---> api_start ... ---> api_json, api_words ---> api_settle
 *
 * Whether a destination rests is asked and told here (client/breaker.h), so callers
 * of a client know nothing of it: a call to one that rests ends like any other, from
 * the loop, with ERR_OPEN and the time that is left. */
#ifndef CLIENT_API_H
#define CLIENT_API_H

#include <stdint.h>

#include "base/defs.h"
#include "base/str.h"
#include "client/breaker.h"

struct arena;
struct flow;
struct http_call;
struct http_client;
struct val;

enum { API_WORDS = 192 };

/* api_url joins a base, with or without trailing slash, and a path that has one. */
const char *api_url(struct arena *a, struct str base, const char *path);

/* api_header joins "Name: " and its value. */
const char *api_header(struct arena *a, const char *name, const char *value);

/* api_start starts the call, or refuses it while its destination `key` rests. */
void api_start(struct http_client *c, struct http_call *call, struct flow *f,
	struct breaker *b, struct breaker_pass *pass, const char *key);

/* api_json returns the answer as a tree, or NULL when it is not JSON (an error page
 * of a proxy).  Texts in it point into the answer: copy what outlives the call. */
const struct val *api_json(struct arena *a, const struct http_call *call);

/* api_code is what a peer calls its error, if that can be shown and logged: one word
 * without a long number.  A peer may quote whom it answers: what looks like more than a
 * code is absent. */
struct str api_code(struct str what);

/* api_words says for the operator how a call ended: the client's words when there
 * is no status, else "HTTP 503", what the peer calls it, and its name for the request
 * (its support asks for that).  `what` may be absent; it is cut short and shown as
 * printable ASCII: give it a code, never a text that may quote the customer. */
void api_words(char words[API_WORDS], const struct http_call *call, struct str what);

/* api_err_of is the error of a status outside 2xx that means the same everywhere. */
int api_err_of(int status) MUSTCHECK;

/* api_outcome is what the end of a call tells about its destination: a network
 * error, 429 and 5xx are failures, ERR_DENIED and ERR_QUOTA are denials, any other
 * answer shows that it lives. */
enum breaker_outcome api_outcome(const struct http_call *call, int err);

/* api_settle tells the breaker and frees what the call holds.  Returns err; but
 * ERR_OPEN for one that would cost the job an attempt although its destination fails
 * as a whole and rests now.  words: for the operator.  *ret_wait_ms: how long to stay
 * away, -1 when nobody says. */
int api_settle(struct http_call *call, struct breaker_pass *pass,
	enum breaker_outcome outcome, int err, const char *words,
	int64_t *ret_wait_ms) MUSTCHECK;

#endif
