/* SPDX-License-Identifier: MIT */
/* stream.c: one outgoing connection.
 *
 *   resolve ---> connect ---> open ---> closing ---> (freed)
 *
 * A write that the kernel does not take whole goes on with uv_write from a buffer
 * of its own, so that stream_out() can be filled again meanwhile. */
#include "net/stream.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/loop.h"

enum {
	READ_SIZE = 64 << 10,
	KEEP = 1 << 20, /* of an emptied output buffer: one batch */
};

struct stream {
	struct stream_events events;
	void *arg;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} h;
	uv_connect_t connect;
	uv_getaddrinfo_t resolve;
	uv_write_t write;
	struct buf out, sending; /* sending belongs to uv_write until it is done */
	bool is_open, writing, closing, resolving;
	char why[160];
	char read_buf[READ_SIZE];
};

static void
on_closed(uv_handle_t *h)
{
	struct stream *s = h->data;

	s->events.closed(s->arg, s->why);
	buf_done(&s->out);
	buf_done(&s->sending);
	free(s);
}

void
stream_close(struct stream *s, const char *fmt, ...)
{
	va_list ap;

	if (s->closing)
		return;
	s->closing = true;
	s->is_open = false;
	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	if (s->resolving)
		uv_cancel((uv_req_t *)&s->resolve); /* on_resolved closes */
	else
		uv_close(&s->h.handle, on_closed);
}

static void
on_alloc(uv_handle_t *h, size_t size, uv_buf_t *ret)
{
	struct stream *s = h->data;

	(void)size;
	*ret = uv_buf_init(s->read_buf, READ_SIZE);
}

static void
on_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
	struct stream *s = h->data;

	if (n > 0)
		s->events.data(s->arg, (struct str){b->base, (size_t)n});
	else if (n < 0)
		stream_close(
			s, "%s", n == UV_EOF ? "closed by peer" : uv_strerror((int)n));
}

static void
on_connected(uv_connect_t *req, int status)
{
	struct stream *s = req->data;

	if (s->closing)
		return;
	if (status < 0) {
		stream_close(s, "%s", uv_strerror(status));
		return;
	}
	s->is_open = true;
	uv_read_start(&s->h.stream, on_alloc, on_read);
	s->events.open(s->arg);
}

static void
connect_to(struct stream *s, const struct sockaddr *to)
{
	int err = uv_tcp_connect(&s->connect, &s->h.tcp, to, on_connected);

	uv_tcp_nodelay(&s->h.tcp, 1);
	if (err < 0)
		stream_close(s, "%s", uv_strerror(err));
}

static void
on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct stream *s = req->data;

	s->resolving = false;
	if (s->closing)
		uv_close(&s->h.handle, on_closed);
	else if (status < 0)
		stream_close(s, "%s", uv_strerror(status));
	else
		connect_to(s, found->ai_addr);
	uv_freeaddrinfo(found);
}

static void
resolve(struct stream *s, const char *host, int port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char service[16];

	snprintf(service, sizeof(service), "%d", port);
	int err = uv_getaddrinfo(
		s->h.handle.loop, &s->resolve, on_resolved, host, service, &hints);
	if (err < 0)
		stream_close(s, "%s", uv_strerror(err));
	else
		s->resolving = true;
}

struct stream *
stream_connect(struct loop *l, const char *path, const char *host, int port,
	const struct stream_events *events, void *arg)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->events = *events;
	s->arg = arg;
	s->connect.data = s->resolve.data = s->write.data = s;
	if (path) {
		uv_pipe_init(&l->uv, &s->h.pipe, 0);
		s->h.handle.data = s;
		uv_pipe_connect(&s->connect, &s->h.pipe, path, on_connected);
	} else {
		uv_tcp_init(&l->uv, &s->h.tcp);
		s->h.handle.data = s;
		resolve(s, host, port);
	}
	return s;
}

struct buf *
stream_out(struct stream *s)
{
	return &s->out;
}

static void
on_written(uv_write_t *req, int status)
{
	struct stream *s = req->data;

	s->writing = false;
	buf_clear(&s->sending, KEEP);
	if (s->closing)
		return;
	if (status < 0)
		stream_close(s, "%s", uv_strerror(status));
	else
		stream_flush(s);
}

static void
write_rest(struct stream *s)
{
	struct buf swap = s->sending;

	s->sending = s->out;
	s->out = swap;

	struct str rest = buf_str(&s->sending);
	uv_buf_t b = uv_buf_init((char *)rest.p, (unsigned)rest.n); /* only read */
	int err = uv_write(&s->write, &s->h.stream, &b, 1, on_written);
	if (err < 0)
		stream_close(s, "%s", uv_strerror(err));
	else
		s->writing = true;
}

void
stream_flush(struct stream *s)
{
	struct str all = buf_str(&s->out);

	if (!s->is_open || s->writing || all.n == 0)
		return;

	uv_buf_t b = uv_buf_init((char *)all.p, (unsigned)all.n); /* only read */
	int n = uv_try_write(&s->h.stream, &b, 1);
	if (n > 0)
		buf_take(&s->out, (size_t)n);
	else if (n < 0 && n != UV_EAGAIN) {
		stream_close(s, "%s", uv_strerror(n));
		return;
	}
	if (buf_len(&s->out) > 0)
		write_rest(s);
	else
		buf_clear(&s->out, KEEP);
}
