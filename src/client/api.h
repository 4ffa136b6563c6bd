/* SPDX-License-Identifier: MIT */
/* api.h: what the JSON APIs we call have in common.
 *
 *   api_url ---> http_call_start ... ---> api_json, api_words ---> http_call_done */
#ifndef CLIENT_API_H
#define CLIENT_API_H

#include "base/str.h"

struct arena;
struct http_call;
struct val;

enum { API_WORDS = 192 };

/* api_url joins a base, with or without trailing slash, and a path that has one. */
const char *api_url(struct arena *a, struct str base, const char *path);

/* api_header joins "Name: " and its value. */
const char *api_header(struct arena *a, const char *name, const char *value);

/* api_json returns the answer as a tree, or NULL when it is not JSON (an error page
 * of a proxy).  Texts in it point into the answer: copy what outlives the call. */
const struct val *api_json(struct arena *a, const struct http_call *call);

/* api_words says for the operator how a call ended: the client's words when there
 * is no status, else "HTTP 503" and what the peer calls it.  `what` may be absent;
 * it is cut short and shown as printable ASCII: give it a code, never a text that
 * may quote the customer. */
void api_words(char words[API_WORDS], const struct http_call *call, struct str what);

#endif
