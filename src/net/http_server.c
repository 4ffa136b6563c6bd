/* SPDX-License-Identifier: MIT */
/* http_server.c: listening, routes, deadlines, drain.  A connection's own life is
 * in http_conn.c. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "net/http_server_priv.h"
#include "net/loop.h"

enum {
	BACKLOG = 4096,
	BODY_KEEP = 16 << 10,
	SPARES_MAX = 256, /* what a burst leaves behind: 5 MiB at the most */
	SWEEP_MIN_MS = 25,
	SWEEP_MAX_MS = 1000,
};

/* --- requests, reused ----------------------------------------------------- */

struct http_request *
http_request_new(struct http_server *s)
{
	struct http_request *r = SLIST_FIRST(&s->spares);

	if (r) {
		SLIST_REMOVE_HEAD(&s->spares, spare);
		s->spare_count--;
	} else {
		r = xcalloc(1, sizeof(*r));
		arena_init(&r->pub.arena);
	}
	http1_init(&r->parser);
	return r;
}

void
http_request_free(struct http_server *s, struct http_request *r)
{
	struct arena kept = r->pub.arena;

	if (!s || s->spare_count >= SPARES_MAX) {
		arena_done(&kept);
		buf_done(&r->body);
		free(r);
		return;
	}
	arena_clear(&kept);
	buf_clear(&r->body, BODY_KEEP);
	r->pub = (struct http_req){.arena = kept};
	SLIST_INSERT_HEAD(&s->spares, r, spare);
	s->spare_count++;
}

/* --- routes --------------------------------------------------------------- */

static bool
path_matches(const struct http_route *route, struct str path, struct str *ret_rest)
{
	struct str want = str_of(route->path);

	bool below = want.n > 1 && want.p[want.n - 1] == '/' && str_starts(path, want);

	if (!below && !str_eq(want, path))
		return false;
	*ret_rest = (struct str){path.p + want.n, path.n - want.n};
	return true;
}

/* The route, or NULL; *ret_allow then lists the methods the path has, if any. */
const struct http_route *
http_server_route(
	const struct http_server *s, struct http_req *req, struct str *ret_allow)
{
	struct str method = str_eqz(req->method, "HEAD") ? STR("GET") : req->method;

	*ret_allow = (struct str){NULL, 0};
	for (const struct http_route *route = s->o.routes; route->method; route++) {
		if (!path_matches(route, req->path, &req->rest))
			continue;
		if (str_eqz(method, route->method))
			return route;
		*ret_allow = arena_printf(&req->arena, "%.*s%s%s%s",
			STR_FMT(*ret_allow), ret_allow->p ? ", " : "", route->method,
			strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
	}
	return NULL;
}

/* --- connections ---------------------------------------------------------- */

static void
on_connection(uv_stream_t *listener, int status)
{
	struct http_server *s = listener->data;

	if (status < 0 || s->draining)
		return;
	if (s->count >= s->o.connections_max) {
		s->full = true; /* libuv listens no further until it is accepted */
		return;
	}
	http_conn_new(s, -1);
}

static void
tell_drained(struct http_server *s)
{
	if (!s->draining || !s->listener_closed || s->count > 0 || s->told)
		return;
	s->told = true;
	if (s->drained)
		s->drained(s->drained_arg);
}

void
http_server_left(struct http_server *s)
{
	if (s->full && !s->draining && s->count < s->o.connections_max) {
		s->full = false;
		http_conn_new(s, -1);
	}
	tell_drained(s);
}

static void
on_sweep(uv_timer_t *t)
{
	struct http_server *s = t->data;
	int64_t now_ms = clock_mono_ms();
	struct http_conn *c, *after;

	for (c = LIST_FIRST(&s->conns); c; c = after) {
		after = LIST_NEXT(c, next);
		http_conn_late(c, now_ms);
	}
}

static uint64_t
sweep_period(const struct http_options *o)
{
	int64_t least = o->request_timeout_ms < o->idle_timeout_ms
				? o->request_timeout_ms
				: o->idle_timeout_ms;
	int64_t period = least / 4;

	if (period < SWEEP_MIN_MS)
		period = SWEEP_MIN_MS;
	return (uint64_t)(period < SWEEP_MAX_MS ? period : SWEEP_MAX_MS);
}

/* --- life ----------------------------------------------------------------- */

static int
bind_port(struct http_server *s)
{
	struct sockaddr_storage at;
	uv_os_fd_t fd;
	int on = 1;

	if (uv_ip4_addr(s->o.host, s->o.port, (struct sockaddr_in *)&at) < 0 &&
		uv_ip6_addr(s->o.host, s->o.port, (struct sockaddr_in6 *)&at) < 0)
		return UV_EINVAL;
	int r = uv_tcp_init_ex(&s->loop->uv, &s->listener, at.ss_family);
	if (r < 0)
		return r;
	s->listener.data = s;
	if (s->o.reuse_port && uv_fileno((uv_handle_t *)&s->listener, &fd) == 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	return uv_tcp_bind(&s->listener, (struct sockaddr *)&at, 0);
}

/* libuv asks nothing of a socket that it opens but that it is a stream. */
static int
open_socket(struct http_server *s, int fd)
{
	int r = uv_tcp_init(&s->loop->uv, &s->listener);

	if (r < 0)
		return r;
	s->listener.data = s;
	return uv_tcp_open(&s->listener, fd);
}

static int
bind_path(struct http_server *s)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	if (strlen(s->o.path) >= sizeof(at.sun_path))
		return UV_ENAMETOOLONG;
	memcpy(at.sun_path, s->o.path, strlen(s->o.path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	unlink(s->o.path); /* of one that has ended */
	int r = bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno
								 : open_socket(s, fd);
	if (r < 0)
		close(fd);
	return r;
}

static int
bind_listener(struct http_server *s)
{
	int r = s->o.path       ? bind_path(s)
		: s->o.listener ? open_socket(s, s->o.listener)
				: bind_port(s);

	if (r == 0)
		r = uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection);
	return r;
}

static void
say_why(const struct http_options *o, int r, char err[128])
{
	if (o->path)
		snprintf(err, 128, "can't listen on %s: %s", o->path, uv_strerror(r));
	else if (o->listener)
		snprintf(err, 128, "can't listen on the socket handed in: %s",
			uv_strerror(r));
	else
		snprintf(err, 128, "can't listen on %s port %d: %s", o->host, o->port,
			uv_strerror(r));
}

static void
on_given_up(uv_handle_t *listener)
{
	free(listener->data);
}

/* A handle that the loop knows is the loop's until it is closed. */
static void
give_up(struct http_server *s)
{
	if (s->listener.data)
		uv_close((uv_handle_t *)&s->listener, on_given_up);
	else
		free(s);
}

struct http_server *
http_server_new(struct loop *l, const struct http_options *o, char err[128])
{
	struct http_server *s = xcalloc(1, sizeof(*s));

	s->loop = l;
	s->o = *o;
	LIST_INIT(&s->conns);
	SLIST_INIT(&s->spares);
	TAILQ_INIT(&s->resuming);
	int r = bind_listener(s);
	if (r < 0) {
		say_why(o, r, err);
		give_up(s);
		return NULL;
	}
	uv_timer_init(&l->uv, &s->sweep);
	uv_idle_init(&l->uv, &s->resume);
	s->sweep.data = s->resume.data = s;
	uv_timer_start(&s->sweep, on_sweep, sweep_period(o), sweep_period(o));
	return s;
}

int
http_server_port(const struct http_server *s)
{
	struct sockaddr_storage at;
	int n = sizeof(at);

	if (uv_tcp_getsockname(&s->listener, (struct sockaddr *)&at, &n) < 0)
		return -1;
	if (at.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&at)->sin6_port);
	return at.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&at)->sin_port)
				       : -1;
}

static void
on_listener_closed(uv_handle_t *h)
{
	struct http_server *s = h->data;

	s->listener_closed = true;
	tell_drained(s);
}

/* Those that the kernel has accepted for us: closing the listener resets them. */
static void
accept_waiting(struct http_server *s)
{
	uv_os_fd_t listener;

	if (uv_fileno((uv_handle_t *)&s->listener, &listener) < 0)
		return;
	while (s->count < s->o.connections_max) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			break;
		http_conn_new(s, fd);
	}
}

void
http_server_drain(struct http_server *s, void (*done)(void *), void *arg)
{
	struct http_conn *c, *after;

	assert(!s->draining);
	s->draining = true;
	s->drained = done;
	s->drained_arg = arg;
	for (c = LIST_FIRST(&s->conns); c; c = after) {
		after = LIST_NEXT(c, next);
		http_conn_drain(c);
	}
	accept_waiting(s);
	uv_close((uv_handle_t *)&s->listener, on_listener_closed);
}
