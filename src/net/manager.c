/* SPDX-License-Identifier: MIT */
/* manager.c: the service manager that started us. */
#include "net/manager.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "net/loop.h"

enum { FIRST_FD = 3 }; /* of those handed in, by convention */

static struct {
	bool known;
	int listener;
	int64_t watchdog_us;
	struct sockaddr_un to; /* family 0: nobody wants to hear */
	socklen_t to_size;
	uv_timer_t tick;
} manager;

/* A number of the environment, or 0. */
static int64_t
number_of(const char *name)
{
	const char *text = getenv(name);
	int64_t n;

	return text && str_int(str_of(text), &n) == 0 ? n : 0;
}

static int
take_listener(void)
{
	int64_t count = number_of("LISTEN_FDS");

	if (number_of("LISTEN_PID") != getpid() || count < 1)
		return -1;
	for (int fd = FIRST_FD; fd < FIRST_FD + count; fd++)
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
			return -1;
	if (count > 1)
		log_warn("%lld sockets were handed in: only the first is used",
			(long long)count);
	return FIRST_FD;
}

/* A path, or with '@' a name in Linux's abstract space. */
static void
take_address(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t n = name ? strlen(name) : 0;

	if (n < 2 || n >= sizeof(manager.to.sun_path) || !strchr("/@", *name))
		return;
	manager.to.sun_family = AF_UNIX;
	memcpy(manager.to.sun_path, name, n);
	if (*name == '@')
		manager.to.sun_path[0] = '\0';
	manager.to_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

static void
know(void)
{
	static const char *const names[] = {"LISTEN_PID", "LISTEN_FDS",
		"LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"};
	int64_t of;

	if (manager.known)
		return;
	manager.known = true;
	manager.listener = take_listener();
	take_address();
	of = number_of("WATCHDOG_PID");
	if (of == 0 || of == getpid())
		manager.watchdog_us = number_of("WATCHDOG_USEC");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unsetenv(names[i]);
}

/* Who does not listen misses it; we go on. */
static void
tell(const char *state)
{
	know();
	if (manager.to.sun_family == 0)
		return;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL,
		    (struct sockaddr *)&manager.to, manager.to_size) < 0)
		log_debug("%s to NOTIFY_SOCKET: %s", state, strerror(errno));
	close(fd);
}

static void
on_tick(uv_timer_t *t)
{
	(void)t;
	tell("WATCHDOG=1");
}

int
manager_listener(void)
{
	know();
	return manager.listener;
}

void
manager_ready(struct loop *l)
{
	tell("READY=1");
	if (manager.watchdog_us <= 0)
		return;
	uint64_t half_ms = (uint64_t)manager.watchdog_us / 2000;
	uv_timer_init(&l->uv, &manager.tick);
	uv_timer_start(&manager.tick, on_tick, 0, half_ms > 0 ? half_ms : 1);
}

void
manager_stopping(void)
{
	tell("STOPPING=1");
}
