/* SPDX-License-Identifier: MIT */
/* http_server.h: a strict HTTP/1.1 server.
 *
 *   head read ---> gate ---> [100 Continue] ---> body read ---> handler ... http_reply
 *
 * Strict: framing that two readers could understand differently is answered 4xx
 * and the connection closed (RFC 9112; docs/http.md has the table).  A request
 * has one deadline from its first byte to its last, a connection an idle timeout,
 * the server a cap on connections above which it pauses accepting.  Requests on
 * one connection are handled one after another; what a client sends ahead waits
 * in a bounded buffer and then in the kernel.
 *
 * A handler answers at once or later, exactly once, with http_reply().  Until
 * then the request and its slices are valid, also when the client has gone; the
 * answer is then dropped.
 *
 * Drain: http_server_drain() stops accepting.  What is in flight, what the kernel
 * had accepted for us, and what a client sends next on a connection that it keeps
 * is answered with "Connection: close"; who sends nothing for HTTP_DRAIN_IDLE_MS is
 * closed.  done (may be NULL) is called when none is left. */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct loop;
struct http_server;

struct http_req {
	struct str method;  /* "GET", "POST", ... */
	struct str path;    /* without the query; percent signs as they came */
	struct str query;   /* after '?'; absent when there is none */
	struct str body;    /* empty until the whole is there */
	struct arena arena; /* dies with the request */
	struct str rest;    /* what followed a route whose path ends in '/' */
	const struct http_route *route;
	void *state;        /* the handler's own */
	int64_t started_us; /* clock_mono_us() when the whole request was read */
	char peer[46];      /* the peer's address as text */
	bool peer_is_local; /* the peer's address is 127.0.0.0/8, ::1 or a unix socket
			     */
	/* private */
	struct http_conn *conn;
};

/* What a gate or handler may refuse with, or answer: status and a JSON body (may
 * be NULL for none).  A gate runs after the head and before 100 Continue and the
 * body: 0 lets the request pass, anything else is the status of its refusal, and
 * *ret_json the body of that (static or in the request's arena). */
typedef int http_gate(struct http_req *req, void *ctx, const char **ret_json);
typedef void http_handler(struct http_req *req, void *ctx);

struct http_route {
	const char *method;
	const char *path; /* exact; one that ends in '/' (and is not "/") matches all
			     below it */
	http_handler *handler;
	http_gate *gate; /* NULL: open */
	size_t body_max; /* 413 above; 0: 64 KiB */
};

struct http_options {
	const char *host; /* address to bind, IPv4 or IPv6 */
	int port;         /* 0: any */
	int64_t connections_max;
	int64_t request_timeout_ms, idle_timeout_ms;
	const struct http_route *routes; /* last has method NULL */
	void *ctx;                       /* for gates and handlers */
	bool reuse_port;  /* SO_REUSEPORT: several processes may listen */
	int listener;     /* a bound socket that was handed in; 0: none */
	const char *path; /* a unix socket in place of host and port */
};

/* http_server_new binds and listens.  NULL with words in err when it can't.  The
 * options are copied; routes, host, path and ctx are borrowed for the server's life,
 * a listener is taken. */
struct http_server *
http_server_new(struct loop *l, const struct http_options *o, char err[128]);
int http_server_port(const struct http_server *s); /* < 0: a unix socket */

/* http_header returns the value of the only header of that name, trimmed; absent
 * when there is none.  A header that repeats returns absent and sets *ret_many
 * (may be NULL): whoever compares a secret must refuse it. */
struct str http_header(const struct http_req *req, const char *name, bool *ret_many);

/* http_query returns a query parameter, percent-decoded in the request's arena;
 * absent when there is none. */
struct str http_query(struct http_req *req, const char *name);

/* http_query_int reads a whole number; without the parameter *ret stays.  false after
 * it was answered 400, with what it must be. */
bool http_query_int(
	struct http_req *req, const char *name, int64_t lo, int64_t hi, int64_t *ret);

/* http_reply answers and ends the request: req is not valid afterwards.  body is
 * borrowed until return.  type NULL: no Content-Type.  extra is NULL or whole
 * header lines, each ending in CRLF.  HEAD gets no body. */
void http_reply(struct http_req *req, int status, const char *type, struct str body,
	const char *extra);

/* http_reply_json is http_reply with application/json. */
void http_reply_json(struct http_req *req, int status, struct str body);

/* http_reply_error answers {"error":"<name>","message":"<message>"}; message may
 * be NULL and is escaped. */
void http_reply_error(
	struct http_req *req, int status, const char *name, const char *message);

void http_server_drain(struct http_server *s, void (*done)(void *), void *arg);

#endif
