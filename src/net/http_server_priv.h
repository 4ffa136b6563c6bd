/* SPDX-License-Identifier: MIT */
/* http_server_priv.h: what http_server.c (listening, routes, deadlines, drain),
 * http_conn.c (one connection) and http_answer.c (its answers) share.
 *
 *             bytes        head         body whole       http_reply
 *   IDLE ---> HEAD ---> BODY ---> HANDLING ---> IDLE | FLUSHING ---> IDLE
 *                |         |                         `---> LINGER ---> closed
 *                `---------'--- error or refusal ----------^
 *
 * FLUSHING: the client does not take its answer as fast as we write.  LINGER: our
 * side is shut down; what the client still sends is thrown away for a moment, so
 * that the kernel does not reset the connection before the answer was read. */
#ifndef NET_HTTP_SERVER_PRIV_H
#define NET_HTTP_SERVER_PRIV_H

#include <sys/queue.h>
#include <uv.h>

#include "base/buf.h"
#include "codec/http1.h"
#include "net/http_server.h"

enum {
	HTTP_READ_SIZE = 64 << 10,
	HTTP_AHEAD_MAX = 64 << 10, /* pipelined bytes kept while a request is handled */
	HTTP_LINGER_MS = 2000,
	HTTP_LINGER_MAX = 16 << 20, /* bytes of a refused body that are thrown away */
	HTTP_DRAIN_IDLE_MS = 1500,  /* for a client that is about to send */
};

enum http_state {
	HTTP_IDLE,
	HTTP_HEAD,
	HTTP_BODY,
	HTTP_HANDLING,
	HTTP_FLUSHING,
	HTTP_LINGER,
	HTTP_CLOSED
};

struct http_request { /* exists while a request is in progress */
	struct http_req pub;
	struct http1 parser;
	char *head; /* a copy, in pub.arena */
	struct buf body;
	SLIST_ENTRY(http_request) spare;
};

struct http_conn {
	struct http_server *server;
	uv_tcp_t tcp;
	uv_write_t write;
	uv_shutdown_t shutdown;
	LIST_ENTRY(http_conn) next;
	enum http_state state;
	int64_t since_ms; /* of the state; HEAD and BODY share the request's first byte
			   */
	struct http_request *request;
	struct buf in;      /* read, not yet used */
	struct buf sending; /* what uv_write has */
	bool processing, reading, closing;
	bool resuming; /* on the server's list */
	TAILQ_ENTRY(http_conn) resume;
	bool eof;             /* the client sends no more, but may still read */
	uint32_t thrown_away; /* while lingering */
	bool peer_is_local;
	char peer[46];
};

struct http_server {
	struct loop *loop;
	struct http_options o;
	uv_tcp_t listener;
	uv_timer_t sweep;
	LIST_HEAD(http_conns, http_conn) conns;
	SLIST_HEAD(http_requests, http_request) spares;
	TAILQ_HEAD(http_resuming, http_conn) resuming; /* have kept bytes to process */
	uv_idle_t resume;                              /* active while there are any */
	int spare_count;
	int64_t count;
	bool full; /* a connection waits to be accepted */
	bool draining, listener_closed, told;
	void (*drained)(void *);
	void *drained_arg;
	struct buf scratch; /* an answer's head */
	char read_buf[HTTP_READ_SIZE];
};

/* http_conn.c */
void http_conn_new(struct http_server *s, int fd); /* fd < 0: accepts one from libuv */
void http_conn_drain(struct http_conn *c);         /* an idle one has a last chance */
void http_conn_close(struct http_conn *c);
void http_conn_late(struct http_conn *c, int64_t now_ms); /* looks at its deadline */

void http_conn_state(struct http_conn *c, enum http_state state);
void http_conn_answered(struct http_conn *c); /* the kernel has it: go on, or end */

/* http_answer.c */
void http_reply_error_with(struct http_req *req, int status, const char *name,
	const char *message, const char *extra);

/* http_server.c */
void http_server_left(struct http_server *s); /* a connection has ended */
const struct http_route *http_server_route(
	const struct http_server *s, struct http_req *req, struct str *ret_allow);
struct http_request *http_request_new(struct http_server *s);
/* s NULL: its connection has gone, nothing is kept. */
void http_request_free(struct http_server *s, struct http_request *r);

#endif
