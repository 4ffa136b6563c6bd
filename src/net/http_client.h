/* SPDX-License-Identifier: MIT */
/* http_client.h: HTTP requests to others (libcurl on the loop).
 *
 *   http_call_start ---> [http_call_cancel] ---> flow_wake ---> http_call_done
 *   http_call_refuse ------------------------------^
 *
 * Embed a struct http_call, fill the upper part, start it from a flow's step and
 * wait; the flow is woken from the loop exactly once, when it is over, whatever
 * happened.  The call, its url, headers and body are borrowed until then.
 *
 * HTTP/1.1, http and https only.  Names resolve off the loop, connections are
 * kept alive and reused, at most 400 to one host: calls above that wait, and the
 * waiting counts.  Redirects are not followed; proxy variables (http_proxy, ...)
 * are ignored: what is asked for in the settings is where it goes. */
#ifndef NET_HTTP_CLIENT_H
#define NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/str.h"

struct flow;
struct loop;
struct http_client;
struct transfer;

struct http_call {
	const char *method; /* "GET", "POST" */
	const char *url;
	const char *const *headers; /* "Name: value", last is NULL; may be NULL */
	struct str body;            /* for POST */
	int64_t timeout_ms; /* for the whole call; connecting takes at most 5 s of it */
	size_t answer_max;  /* largest body taken; 0: 1 MiB */
	bool once;          /* must not happen twice: see below */
	bool public_only;   /* not to a private, local or reserved address, whatever its
			       name resolves to: ERR_UNAVAILABLE, nothing was sent */

	/* set when it is over: */
	int err;           /* 0: there is a status; else one of the table below */
	char words[128];   /* for the operator, when err is set */
	bool sent;         /* some of the request left: the peer may have acted on it */
	int status;        /* 0 when err is set */
	struct buf answer; /* the body, empty when err is set; http_call_done() frees */
	int64_t retry_after_ms; /* what the peer asks for, at most an hour; -1: none */
	char request_id[64];    /* what the peer calls this request (x-request-id);
				   empty: nothing */

	/* private */
	struct flow *flow;
	struct transfer *transfer; /* while it runs */
	STAILQ_ENTRY(http_call) next;
	bool active;
};

/* How a call without a status ends:
 *
 *   ERR_UNAVAILABLE  no address, no connection, no TLS, no free connection in
 *                    time, a bad url: nothing was sent
 *   -ETIMEDOUT       sent, no whole answer in time
 *   -ECONNRESET      sent, the connection was lost before the whole answer, or
 *                    its chunks were malformed
 *   ERR_PROTO        sent, the answer is not HTTP/1
 *   ERR_LIMIT        sent, a body above answer_max or a head above 64 KiB
 *   -ECANCELED       http_call_cancel(); `sent` says how far it was
 *
 * A kept-alive connection may have been closed by the peer just as a request is
 * written to it.  libcurl then repeats the request on a new connection when no
 * byte of an answer came, even if the peer has read it all.  A call marked `once`
 * is not repeated (it ends with -ECONNRESET), and does not take a connection that
 * was idle for so long (4 s) that the peer may be closing it: Node closes after 5. */

/* http_client_new returns a client that lives as long as the loop. */
struct http_client *http_client_new(struct loop *l);

/* http_call_start begins the call; f is woken when it is over. */
void http_call_start(struct http_client *c, struct http_call *call, struct flow *f);

/* http_call_refuse ends a call that is not to be made, in the way others end: f is
 * woken from the loop, err, words and retry_after_ms are set, nothing was sent. */
void http_call_refuse(struct http_client *c, struct http_call *call, struct flow *f,
	int err, const char *words, int64_t retry_after_ms);

/* http_call_cancel makes a running call end soon with -ECANCELED (from the loop).
 * One that is over already, woken or not, stays as it ended. */
void http_call_cancel(struct http_call *call);

/* http_call_done frees what an ended call holds.  Fine on a zeroed one. */
void http_call_done(struct http_call *call);

#endif
