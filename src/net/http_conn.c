/* SPDX-License-Identifier: MIT */
/* http_conn.c: one connection, from accept to close; states in http_server_priv.h.
 *
 * Bytes are read into the server's one buffer and parsed there.  What a request
 * needs is copied into it, what is left over waits in the connection's own buffer,
 * so an idle connection holds no memory but its struct.  process() is the only
 * place that consumes bytes, in a loop and never from within itself: a handler
 * that answers at once only changes the state that the loop looks at. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/metrics.h"
#include "net/http_server_priv.h"
#include "net/loop.h"

enum { BODY_DEFAULT = 64 << 10 };

static int64_t connections; /* of all servers of the process */

void
http_conn_state(struct http_conn *c, enum http_state state)
{
	c->state = state;
	c->since_ms = clock_mono_ms();
}

/* --- the end -------------------------------------------------------------- */

static void
on_closed(uv_handle_t *h)
{
	struct http_conn *c = h->data;
	struct http_server *s = c->server;

	LIST_REMOVE(c, next);
	s->count--;
	metric_set(M_CONNECTIONS, --connections);
	buf_done(&c->in);
	buf_done(&c->sending);
	free(c);
	http_server_left(s);
}

void
http_conn_close(struct http_conn *c)
{
	if (c->state == HTTP_CLOSED)
		return;
	if (c->request && c->state == HTTP_HANDLING)
		c->request->pub.conn = NULL; /* its answer will be dropped */
	else if (c->request)
		http_request_free(c->server, c->request);
	c->request = NULL;
	if (c->resuming)
		TAILQ_REMOVE(&c->server->resuming, c, resume);
	c->resuming = false;
	http_conn_state(c, HTTP_CLOSED);
	uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void
on_shutdown(uv_shutdown_t *req, int status)
{
	struct http_conn *c = req->data;

	if (c->state != HTTP_CLOSED && (status < 0 || c->eof))
		http_conn_close(c);
}

static void read_on(struct http_conn *c);

static void
linger(struct http_conn *c)
{
	http_conn_state(c, HTTP_LINGER);
	buf_done(&c->in);
	c->shutdown.data = c;
	if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) < 0)
		http_conn_close(c);
	else
		read_on(c);
}

/* --- after an answer ------------------------------------------------------ */

static void process_kept(struct http_conn *c);

static void
resume_all(uv_idle_t *h)
{
	struct http_server *s = h->data;

	while (!TAILQ_EMPTY(&s->resuming)) {
		struct http_conn *c = TAILQ_FIRST(&s->resuming);

		TAILQ_REMOVE(&s->resuming, c, resume);
		c->resuming = false;
		if (c->state == HTTP_IDLE)
			process_kept(c);
	}
	uv_idle_stop(h);
}

/* A handler may not run below somebody's http_reply(): what was kept meanwhile is
 * processed from the loop. */
static void
resume_later(struct http_conn *c)
{
	struct http_server *s = c->server;

	if (c->resuming)
		return;
	c->resuming = true;
	TAILQ_INSERT_TAIL(&s->resuming, c, resume);
	uv_idle_start(&s->resume, resume_all);
}

void
http_conn_answered(struct http_conn *c)
{
	if (c->closing || c->server->draining) {
		linger(c);
		return;
	}
	http_conn_state(c, HTTP_IDLE);
	if (c->processing)
		return; /* the loop in process() goes on */
	if (buf_len(&c->in) > 0)
		resume_later(c);
	else
		process_kept(c);
}

/* --- refusals ------------------------------------------------------------- */

/* Refuses what is in progress, and ends the connection unless all of the request
 * was read: what follows would have no known position. */
static void
refuse(struct http_conn *c, int status, const char *name, const char *message,
	const char *extra)
{
	struct http_request *r = c->request;

	if (c->state != HTTP_BODY || http1_has_body(&r->parser))
		c->closing = true;
	r->pub.conn = c;
	http_conn_state(c, HTTP_HANDLING);
	http_reply_error_with(&r->pub, status, name, message, extra);
}

static void
refuse_bad(struct http_conn *c, int err)
{
	int status = http1_status(err);

	metric_add(M_HTTP_BAD, 1);
	c->closing = true;
	refuse(c, status, status == 413 ? "payload_too_large" : "bad_request",
		http1_text(err), NULL);
}

/* --- requests ------------------------------------------------------------- */

static void
begin_request(struct http_conn *c)
{
	c->request = http_request_new(c->server);
	http_conn_state(c, HTTP_HEAD);
}

static void
fill_public(struct http_conn *c, struct http_request *r, const char *bytes)
{
	struct http_req *req = &r->pub;
	const struct http1 *p = &r->parser;

	r->head = arena_alloc(&req->arena, p->head_len);
	memcpy(r->head, bytes, p->head_len);
	req->conn = c;
	req->method = http1_str(r->head, p->method);
	req->path = http1_str(r->head, p->path);
	req->query =
		p->has_query ? http1_str(r->head, p->query) : (struct str){NULL, 0};
	req->body = STR("");
	req->peer_is_local = c->peer_is_local;
	memcpy(req->peer, c->peer, sizeof(req->peer));
	c->closing = !p->keep_alive;
}

/* Finds the route and asks its gate.  Returns whether the request goes on. */
static bool
admit(struct http_conn *c, struct http_request *r)
{
	struct str allow;
	const char *json = "";
	const struct http_route *route = http_server_route(c->server, &r->pub, &allow);

	if (!route && allow.p) {
		struct str extra =
			arena_printf(&r->pub.arena, "Allow: %.*s\r\n", STR_FMT(allow));

		refuse(c, 405, "method_not_allowed", NULL, extra.p);
		return false;
	}
	if (!route) {
		refuse(c, 404, "not_found", NULL, NULL);
		return false;
	}
	r->pub.route = route;
	int status = route->gate ? route->gate(&r->pub, c->server->o.ctx, &json) : 0;
	if (status == 0)
		return true;
	if (http1_has_body(&r->parser))
		c->closing = true;
	http_conn_state(c, HTTP_HANDLING);
	http_reply_json(&r->pub, status, str_of(json));
	return false;
}

/* The client waits for a word before it sends its body. */
static void
send_continue(struct http_conn *c)
{
	static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	uv_buf_t b = uv_buf_init(text, sizeof(text) - 1);

	/* A socket that can't take 25 bytes has a client that does not read: it gets
	 * its deadline. */
	uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
}

static void
head_done(struct http_conn *c, struct str *in)
{
	struct http_request *r = c->request;

	fill_public(c, r, in->p);
	in->p += r->parser.head_len;
	in->n -= r->parser.head_len;
	c->state = HTTP_BODY; /* the deadline goes on */
	if (!admit(c, r))
		return;
	size_t body_max =
		r->pub.route->body_max ? r->pub.route->body_max : BODY_DEFAULT;
	int err = http1_limit(&r->parser, body_max);
	if (err < 0)
		refuse_bad(c, err);
	else if (r->parser.wants_continue && http1_has_body(&r->parser) && in->n == 0)
		send_continue(c);
}

static void
body_done(struct http_conn *c)
{
	struct http_request *r = c->request;

	r->pub.body = buf_str(&r->body);
	r->pub.started_us = clock_mono_us();
	http_conn_state(c, HTTP_HANDLING);
	r->pub.route->handler(&r->pub, c->server->o.ctx);
}

static bool
step_head(struct http_conn *c, struct str *in)
{
	int r = http1_head(&c->request->parser, *in);

	if (r == HTTP1_MORE)
		return false;
	if (r < 0)
		refuse_bad(c, r);
	else
		head_done(c, in);
	return true;
}

static bool
step_body(struct http_conn *c, struct str *in)
{
	struct str piece = {NULL, 0};
	int r = http1_body(&c->request->parser, in, &piece);

	if (r == HTTP1_MORE)
		return false;
	if (r < 0)
		refuse_bad(c, r);
	else if (r == HTTP1_PIECE)
		buf_adds(&c->request->body, piece);
	else
		body_done(c);
	return true;
}

/* Consumes what it can of *in; stops when more bytes or an answer must come. */
static void
process(struct http_conn *c, struct str *in)
{
	bool goes_on = true;

	c->processing = true;
	while (goes_on) {
		switch (c->state) {
		case HTTP_IDLE:
			goes_on = in->n > 0;
			if (goes_on)
				begin_request(c);
			break;
		case HTTP_HEAD:
			goes_on = step_head(c, in);
			break;
		case HTTP_BODY:
			goes_on = step_body(c, in);
			break;
		default:
			goes_on = false;
		}
	}
	c->processing = false;
}

/* --- reading -------------------------------------------------------------- */

static void
on_alloc(uv_handle_t *h, size_t size, uv_buf_t *ret)
{
	struct http_conn *c = h->data;
	bool ahead = c->state == HTTP_HANDLING || c->state == HTTP_FLUSHING;

	size = HTTP_READ_SIZE;
	if (ahead) /* not full, or we would not be reading */
		size = HTTP_AHEAD_MAX - buf_len(&c->in);
	*ret = uv_buf_init(c->server->read_buf, (unsigned)size);
}

static void
pause_reading(struct http_conn *c)
{
	uv_read_stop((uv_stream_t *)&c->tcp);
	c->reading = false;
}

/* A client that shut down its side still reads: what it sent whole is answered,
 * then process_kept() closes. */
static void
end_of_input(struct http_conn *c, ssize_t n)
{
	bool answer_due =
		c->state == HTTP_HANDLING || c->state == HTTP_FLUSHING || c->resuming;

	pause_reading(c);
	c->eof = true;
	if (n != UV_EOF || !answer_due)
		http_conn_close(c);
}

static void
throw_away(struct http_conn *c, size_t n)
{
	c->thrown_away += (uint32_t)n;
	if (c->thrown_away > HTTP_LINGER_MAX)
		http_conn_close(c);
}

/* Reads on unless the client is too far ahead of its answers. */
static void
read_or_pause(struct http_conn *c)
{
	if (c->state < HTTP_HANDLING || buf_len(&c->in) < HTTP_AHEAD_MAX)
		read_on(c);
	else if (c->reading)
		pause_reading(c);
}

static void
on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
	struct http_conn *c = h->data;

	if (n == 0 || c->state == HTTP_CLOSED)
		return;
	if (n < 0) {
		end_of_input(c, n);
		return;
	}
	if (c->state == HTTP_LINGER) {
		throw_away(c, (size_t)n);
		return;
	}
	if (buf_len(&c->in) > 0) {
		buf_add(&c->in, b->base, (size_t)n);
		process_kept(c);
		return;
	}
	struct str in = {b->base, (size_t)n};
	process(c, &in);
	if (c->state == HTTP_CLOSED || c->state == HTTP_LINGER)
		return;
	buf_adds(&c->in, in);
	read_or_pause(c);
}

static void
read_on(struct http_conn *c)
{
	if (c->reading || c->eof || c->state == HTTP_CLOSED)
		return;
	c->reading = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) == 0;
}

/* What waited in the connection's buffer. */
static void
process_kept(struct http_conn *c)
{
	struct str in = buf_str(&c->in);
	size_t before = in.n;

	process(c, &in);
	if (c->state == HTTP_CLOSED || c->state == HTTP_LINGER)
		return;
	buf_take(&c->in, before - in.n);
	if (buf_len(&c->in) == 0)
		buf_done(&c->in);
	if (c->eof && c->state < HTTP_HANDLING)
		http_conn_close(c); /* all that was whole is answered */
	else
		read_or_pause(c);
}

/* --- the beginning -------------------------------------------------------- */

static void
name_peer(struct http_conn *c)
{
	struct sockaddr_storage from;
	int n = sizeof(from);

	if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&from, &n) < 0)
		return;
	if (from.ss_family == AF_INET6)
		uv_ip6_name((struct sockaddr_in6 *)&from, c->peer, sizeof(c->peer));
	else if (from.ss_family == AF_INET)
		uv_ip4_name((struct sockaddr_in *)&from, c->peer, sizeof(c->peer));
	struct str peer = str_of(c->peer);
	c->peer_is_local = from.ss_family == AF_UNIX || str_eqz(peer, "::1") ||
			   str_starts(peer, STR("127.")) ||
			   str_starts(peer, STR("::ffff:127."));
}

void
http_conn_new(struct http_server *s, int fd)
{
	struct http_conn *c = xcalloc(1, sizeof(*c));

	c->server = s;
	uv_tcp_init(&s->loop->uv, &c->tcp);
	c->tcp.data = c;
	LIST_INSERT_HEAD(&s->conns, c, next);
	s->count++;
	metric_set(M_CONNECTIONS, ++connections);
	http_conn_state(c, HTTP_IDLE);
	int r = fd < 0 ? uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)&c->tcp)
		       : uv_tcp_open(&c->tcp, fd);
	if (r < 0) {
		http_conn_close(c);
		return;
	}
	uv_tcp_nodelay(&c->tcp, 1);
	name_peer(c);
	read_on(c);
}

/* A request may have reached the kernel but not us: it is in flight too. */
static bool
unread(const struct http_conn *c)
{
	uv_os_fd_t fd;
	char byte;

	return uv_fileno((const uv_handle_t *)&c->tcp, &fd) == 0 &&
	       recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void
http_conn_late(struct http_conn *c, int64_t now_ms)
{
	const struct http_options *o = &c->server->o;
	int64_t age_ms = now_ms - c->since_ms;

	switch (c->state) {
	case HTTP_IDLE:
		if (age_ms > (c->server->draining ? HTTP_DRAIN_IDLE_MS
						  : o->idle_timeout_ms) &&
			!c->resuming && !unread(c))
			http_conn_close(c);
		break;
	case HTTP_HEAD:
	case HTTP_BODY:
		if (age_ms > o->request_timeout_ms) {
			metric_add(M_HTTP_BAD, 1);
			c->closing = true;
			refuse(c, 408, "request_timeout",
				"the request did not arrive in time", NULL);
		}
		break;
	case HTTP_FLUSHING:
		if (age_ms > o->request_timeout_ms) {
			metric_add(M_HTTP_BAD, 1);
			http_conn_close(c);
		}
		break;
	case HTTP_LINGER:
		if (age_ms > HTTP_LINGER_MS)
			http_conn_close(c);
		break;
	case HTTP_HANDLING:
	case HTTP_CLOSED:
		break;
	}
}

/* Closing at once would fail a request that is on its way: its client could not
 * know whether we took it. */
void
http_conn_drain(struct http_conn *c)
{
	if (c->state == HTTP_IDLE)
		http_conn_state(c, HTTP_IDLE);
}
