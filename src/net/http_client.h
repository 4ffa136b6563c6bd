/* SPDX-License-Identifier: MIT */
/* http_client.h: HTTP requests to others (libcurl on the loop).
 *
 * Embed a struct http_call, fill the upper part, start it from a flow's step and
 * wait; the flow is woken from the loop exactly once, when it is over, whatever
 * happened.  Names resolve off the loop, connections are kept alive and reused,
 * redirects are not followed.  The call, its url, headers and body are borrowed
 * until then. */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct flow;
struct loop;
struct http_client;

struct http_call {
	const char *method;         /* "GET", "POST" */
	const char *url;
	const char *const *headers; /* "Name: value", last is NULL; may be NULL */
	struct str body;            /* for POST */
	int64_t timeout_ms;         /* for the whole call */
	size_t answer_max;          /* largest body taken; 0: 1 MiB */

	/* set when it is over: */
	int err;                    /* 0: there is a status; else ERR_UNAVAILABLE (not connected, nothing sent),
				       -ETIMEDOUT, -ECONNRESET (sent perhaps), ERR_PROTO, ERR_LIMIT, -ECANCELED */
	char words[128];            /* for the operator, when err is set */
	int status;
	struct buf answer;          /* the body; freed by http_call_done() */
	int64_t retry_after_ms;     /* of Retry-After (seconds or date) or retry-after-ms; -1: none */

	/* private */
	struct flow *flow;
	struct http_client *client;
	void *easy, *list;
	bool active;
};

struct http_client *http_client_new(struct loop *l);

/* http_call_start begins the call; f is woken when it is over. */
void http_call_start(struct http_client *c, struct http_call *call, struct flow *f);

/* http_call_cancel makes a running call end soon with -ECANCELED (from the loop). */
void http_call_cancel(struct http_call *call);

/* http_call_done frees what an ended call holds.  Fine on a zeroed one. */
void http_call_done(struct http_call *call);

#endif
