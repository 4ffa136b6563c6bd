/* SPDX-License-Identifier: MIT */
/* cli_probe.c: prosaas probe: is the process of this environment well?
 *
 * For health checks of containers and for deploy/: it needs no curl, and finds the
 * process by the settings that it was started with: PROBE_SOCKET, or the port of
 * SERVICE_ROLE.  It blocks, with a limit: nobody else waits in this process. */
#include "cli_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/settings.h"
#include "cli_words.h"
#include "role/role.h"

enum { PATIENCE_S = 3, ANSWER_SIZE = 4096 };

struct probe_words {
	struct cli_words words;
	const struct settings *s;
	bool live;
};

static int run(void *into);

static const struct cli_row rows[] = {
	{"", run, 0, 0, "[--live]",
		"Asks the role that this environment configures (SERVICE_ROLE, and its "
		"port or\n"
		"PROBE_SOCKET) whether it is ready; with --live, whether it answers at "
		"all.\n"
		"Exits 1 if not, and says why."},
};

static const struct cli_option options[] = {
	{"--live", CLI_FLAG, offsetof(struct probe_words, live)},
};

static const struct cli_command command = {
	"probe", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

static int
port_of(const struct settings *s)
{
	bool set = s->metrics_port != SETTING_UNSET;

	if (strcmp(s->role, "worker") == 0)
		return set ? (int)s->metrics_port : WORKER_METRICS_PORT;
	if (strcmp(s->role, "scheduler") == 0)
		return set ? (int)s->metrics_port : SCHEDULER_METRICS_PORT;
	return (int)(strcmp(s->role, "admin") == 0 ? s->admin_port : s->port);
}

/* Where it listens, as text for people in where; the size of *at, or 0. */
static socklen_t
address_of(const struct settings *s, struct sockaddr_storage *at, char where[128])
{
	struct sockaddr_un *un = (struct sockaddr_un *)at;
	struct sockaddr_in *in = (struct sockaddr_in *)at;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)at;
	const char *host = s->host ? s->host : "127.0.0.1";
	in_port_t port = htons((uint16_t)port_of(s));

	if (s->probe_socket) {
		snprintf(where, 128, "%s", s->probe_socket);
		if (strlen(s->probe_socket) >= sizeof(un->sun_path))
			return 0;
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, s->probe_socket, strlen(s->probe_socket) + 1);
		return sizeof(*un);
	}
	if (strcmp(host, "0.0.0.0") == 0) /* listens on all: ask on this machine */
		host = "127.0.0.1";
	if (strcmp(host, "::") == 0)
		host = "::1";
	snprintf(where, 128, "%s port %d", host, port_of(s));
	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = port;
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = port;
	return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1 ? sizeof(*in6) : 0;
}

static int
open_to(const struct sockaddr_storage *at, socklen_t size)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)at, size) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

/* The whole answer as text; false with errno. */
static bool
ask(int fd, const char *path, char answer[ANSWER_SIZE])
{
	char request[128];
	size_t n = 0;

	int size = snprintf(request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
		path);
	if (send(fd, request, (size_t)size, MSG_NOSIGNAL) != size)
		return false;
	for (;;) {
		ssize_t got = recv(fd, answer + n, ANSWER_SIZE - 1 - n, 0);

		if (got < 0)
			return false;
		if (got == 0 || n + (size_t)got == ANSWER_SIZE - 1)
			break;
		n += (size_t)got;
	}
	answer[n] = '\0';
	return true;
}

/* Opens, asks and closes; false with errno. */
static bool
ask_there(const struct probe_words *w, char where[128], char answer[ANSWER_SIZE])
{
	struct sockaddr_storage at = {0};
	socklen_t size = address_of(w->s, &at, where);

	errno = EINVAL;
	int fd = size > 0 ? open_to(&at, size) : -1;
	if (fd < 0)
		return false;
	bool answered = ask(fd, w->live ? "/healthz" : "/readyz", answer);
	int why = errno;
	close(fd);
	errno = why;
	return answered;
}

static int
run(void *into)
{
	char where[128], answer[ANSWER_SIZE];

	if (!ask_there(into, where, answer)) {
		fprintf(stderr, "prosaas: %s: %s\n", where, strerror(errno));
		return CLI_FAILED;
	}
	const char *body = strstr(answer, "\r\n\r\n");
	printf("%s\n", body ? body + 4 : answer);
	return strncmp(answer, "HTTP/1.1 200 ", 13) == 0 ? CLI_DONE : CLI_FAILED;
}

int
cli_probe(const struct settings *s, int argc, char **argv)
{
	static struct probe_words w; /* the words live as long as the process */
	int status;

	w.s = s;
	const struct cli_row *r =
		cli_words(&command, argc, argv, &w, &w.words, &status);
	return r ? r->run(&w) : status;
}
