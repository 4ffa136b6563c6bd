/* SPDX-License-Identifier: MIT */
/* cli_redis_server.c: a redis-server of a command's own. */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "cli_backup_priv.h"
#include "queue/redis_copy.h"

enum { WORDS_MAX = 32, LOOK_US = 20000 };

static void
become(const char *dir, const char *socket, const char *const *more)
{
	const char *words[WORDS_MAX] = {"redis-server", "--port", "0", "--unixsocket",
		socket, "--unixsocketperm", "600", "--dir", dir, "--save", "",
		"--daemonize", "no", "--logfile", "/dev/null"};
	size_t n = 0;

	while (words[n])
		n++;
	while (*more && n < WORDS_MAX - 1)
		words[n++] = *more++;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	execvp(words[0], (char *const *)words); /* execvp only reads */
	_exit(127);
}

static bool
has_ended(struct redis_server *server, const char *dir, char err[256])
{
	int status;

	if (waitpid(server->pid, &status, WNOHANG) != server->pid)
		return false;
	server->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		snprintf(err, 256,
			"redis-server is not installed: apt-get install redis-server");
	else
		snprintf(err, 256,
			"redis-server can't read %s: it is of a newer Redis (compare "
			"`redis-server --version`), is damaged, or nothing can be "
			"written there",
			dir);
	return true;
}

/* While it reads a large file it answers -LOADING. */
static bool
answers(struct redis_server *server)
{
	char err[256];

	if (!server->c)
		server->c = redis_copy_open(server->url, "prosaas-restore", err);
	return server->c != NULL;
}

int
redis_server_start(struct redis_server *server, const char *dir, const char *socket,
	const char *const *more, char err[256])
{
	if (strlen(socket) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		snprintf(
			err, 256, "%s: too long for the path of a unix socket", socket);
		return -ENAMETOOLONG;
	}
	*server = (struct redis_server){0};
	snprintf(server->url, sizeof(server->url), "unix://%s", socket);
	server->pid = fork();
	if (server->pid == 0)
		become(dir, socket, more);
	if (server->pid < 0) {
		snprintf(err, 256, "can't start redis-server: %s", strerror(errno));
		return -errno;
	}
	while (!answers(server)) {
		if (has_ended(server, dir, err))
			return ERR_UNAVAILABLE;
		usleep(LOOK_US);
	}
	return 0;
}

void
redis_server_stop(struct redis_server *server)
{
	if (server->c)
		redisFree(server->c);
	if (server->pid > 0) {
		kill(server->pid, SIGTERM); /* it writes what it has, then ends */
		waitpid(server->pid, NULL, 0);
	}
	*server = (struct redis_server){0};
}
