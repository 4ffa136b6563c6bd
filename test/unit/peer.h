/* SPDX-License-Identifier: MIT */
/* peer.h: a scripted server for tests of clients.
 *
 *   struct peer p = {.turns = (struct peer_turn[]){
 *           {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
 *           {.then = PEER_RESET}}, .count = 2};
 *   peer_start(&p);
 *   ... talk to 127.0.0.1 port p.port ...
 *   peer_stop(&p);
 *   CHECK(strstr(p.turns[0].request, ...));
 *
 * Turn by turn it reads one request (head and Content-Length), writes the bytes
 * of the answer, and does what `then` says.  It takes a new connection when it has
 * none.  When the turns are used up it holds what is open until peer_stop(). */
#ifndef PEER_H
#define PEER_H

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum peer_then {
	PEER_KEEP,  /* the connection serves the next turn */
	PEER_CLOSE, /* FIN */
	PEER_RESET, /* RST */
	PEER_LEAVE, /* the connection stays open and silent; the next turn takes a new
		       one */
};

struct peer_turn {
	const char *answer; /* NULL: none */
	enum peer_then then;
	size_t answer_size; /* 0: strlen(answer) */
	int conn;           /* set: which connection, from 0 */
	char request[4096]; /* set: what was read */
};

struct peer {
	struct peer_turn *turns;
	size_t count;
	int port;
	_Atomic size_t served; /* requests read */
	/* private */
	int listener, stop[2], fd, conns;
	pthread_t thread;
};

static int
peer_listen(int *ret_port, int backlog)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert(fd >= 0);
	int bad = bind(fd, (struct sockaddr *)&a, n);
	assert(bad == 0);
	listen(fd, backlog);
	getsockname(fd, (struct sockaddr *)&a, &n);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

/* False when the test is over. */
static bool
peer_wait(struct peer *p, int fd)
{
	struct pollfd fds[2] = {
		{.fd = p->stop[0], .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	poll(fds, 2, -1);
	return fds[0].revents == 0;
}

static bool
peer_has_whole(const char *text)
{
	const char *end = strstr(text, "\r\n\r\n");
	const char *length = strstr(text, "Content-Length: ");

	if (!end)
		return false;
	size_t body = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
	return strlen(end + 4) >= body;
}

/* 1: a request was read, 0: the client has gone, -1: the test is over. */
static int
peer_read(struct peer *p, struct peer_turn *t)
{
	size_t n = 0;

	t->request[0] = '\0';
	while (!peer_has_whole(t->request)) {
		if (!peer_wait(p, p->fd))
			return -1;
		ssize_t got = read(p->fd, t->request + n, sizeof(t->request) - 1 - n);
		if (got <= 0)
			return 0;
		n += (size_t)got;
		t->request[n] = '\0';
	}
	return 1;
}

static void
peer_end_turn(struct peer *p, struct peer_turn *t)
{
	struct linger rst = {.l_onoff = 1};
	size_t n = t->answer_size ? t->answer_size : strlen(t->answer ? t->answer : "");

	for (ssize_t put; n > 0; n -= (size_t)put, t->answer += put) {
		put = send(p->fd, t->answer, n, MSG_NOSIGNAL);
		if (put <= 0)
			break; /* the client has read enough */
	}
	if (t->then == PEER_KEEP)
		return;
	if (t->then == PEER_RESET)
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &rst, sizeof(rst));
	if (t->then != PEER_LEAVE)
		close(p->fd);
	p->fd = -1;
}

static void *
peer_run(void *arg)
{
	struct peer *p = arg;

	for (size_t i = 0; i < p->count;) {
		if (p->fd < 0) {
			if (!peer_wait(p, p->listener))
				return NULL;
			p->fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
			p->conns++;
		}
		int r = peer_read(p, &p->turns[i]);
		if (r < 0)
			return NULL;
		if (r == 0) {
			close(p->fd);
			p->fd = -1;
			continue;
		}
		p->turns[i].conn = p->conns - 1;
		p->served++;
		peer_end_turn(p, &p->turns[i++]);
	}
	return NULL;
}

static void
peer_start(struct peer *p)
{
	p->fd = -1;
	p->listener = peer_listen(&p->port, 16);
	int bad = pipe(p->stop);
	assert(bad == 0);
	bad = pthread_create(&p->thread, NULL, peer_run, p);
	assert(bad == 0);
}

/* A connection that was left open (PEER_LEAVE) ends with the test program. */
static void
peer_stop(struct peer *p)
{
	ssize_t put = write(p->stop[1], "x", 1);

	assert(put == 1);
	pthread_join(p->thread, NULL);
	close(p->stop[0]);
	close(p->stop[1]);
	close(p->listener);
	if (p->fd >= 0)
		close(p->fd);
}

#endif
