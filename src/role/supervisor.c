/* SPDX-License-Identifier: MIT */
/* supervisor.c: `all`: the whole system on one machine, from nothing.
 *
 *   home ---> [redis-server] ---> ready ---> roles ---> banner ... SIGINT, SIGTERM
 *                                                                       |
 *        exit <--- redis-server, fake gateway <--- the roles drain <----'
 *
 * Each role is a child process of the same binary, configured as it would be
 * alone: by the environment.  What ends by itself is started again; what can't
 * even start the first time ends the whole, since the environment is wrong. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "net/loop.h"
#include "net/manager.h"
#include "queue/redis.h"
#include "role/child.h"
#include "role/drain.h"
#include "role/home.h"
#include "role/role.h"

enum { GRACE_MS = 5000, REDIS_DEADLINE_MS = 2000 };

/* Roles drain first, in parallel; then what they need. */
enum { API, WORKER, SCHEDULER, ADMIN, ROLES, GATEWAY = ROLES, REDIS, CHILDREN };

struct supervisor {
	const struct settings *s;
	struct loop loop;
	struct child children[CHILDREN];
	bool has_gateway, has_redis;
	struct redis *redis; /* to learn when it is ready */
	const char *home;
	char socket[128], worker_port[16], scheduler_port[16];
	bool started, stopping;
	int status;
	struct drain drain;
	uv_signal_t on_child;
};

static struct supervisor sup;

static void
set_env(const char *name, const char *value)
{
	if (setenv(name, value, 1) < 0)
		die("out of memory");
}

/* --- the end -------------------------------------------------------------- */

static bool
any_running(int from, int to)
{
	for (int i = from; i < to; i++)
		if (child_running(&sup.children[i]))
			return true;
	return false;
}

static void
stop_range(int from, int to, int signum)
{
	for (int i = from; i < to; i++)
		child_stop(&sup.children[i], signum);
}

static void
on_late(void *arg)
{
	(void)arg;
	log_warn("not drained in time, killing what is left");
	stop_range(0, CHILDREN, SIGKILL);
}

static void
go_on_stopping(void)
{
	if (!sup.stopping || any_running(0, ROLES))
		return;
	stop_range(ROLES, CHILDREN, SIGTERM);
	if (!any_running(ROLES, CHILDREN))
		loop_quit(&sup.loop);
}

static void
on_stop(void *arg)
{
	(void)arg;
	if (sup.stopping)
		return;
	sup.stopping = true;
	log_info("stopping");
	manager_stopping();
	drain_begin(
		&sup.drain, sup.s->drain_timeout_s * 1000 + GRACE_MS, on_late, NULL);
	redis_close(sup.redis);
	stop_range(0, ROLES, SIGTERM);
	go_on_stopping();
}

static void
on_ended(struct child *c, int status, bool early)
{
	if (c->stopping)
		return;
	if (WIFSIGNALED(status))
		log_warn("%s was killed by signal %d", c->name, WTERMSIG(status));
	else
		log_warn("%s ended with status %d", c->name, WEXITSTATUS(status));
	if (early && WIFEXITED(status) && WEXITSTATUS(status) != 0) {
		log_error("%s can't start: see above", c->name);
		sup.status = 1;
		loop_stop(&sup.loop);
	}
}

static void
on_sigchld(uv_signal_t *h, int signum)
{
	(void)h, (void)signum;
	for (int i = 0; i < CHILDREN; i++)
		child_reap(&sup.children[i]);
	go_on_stopping();
}

/* --- the beginning -------------------------------------------------------- */

static bool
is_baileys(const struct settings *s)
{
	return strcmp(s->gateway, "baileys") == 0;
}

static void
banner(void)
{
	const struct settings *s = sup.s;
	const char *host = s->host ? s->host : "127.0.0.1";
	const char *secret = getenv("INTERNAL_SECRET");

	printf("\nprosaas is running.  Ctrl-C stops it; its data is in %s\n\n"
	       "  webhook   http://%s:%d/webhook/whatsapp/incoming\n"
	       "  secret    %s\n"
	       "  stats     http://%s:%d/api/jobs/stats\n"
	       "  admin     http://%s:%d/api/tenants   (Authorization: Bearer %s)\n",
		sup.home, host, (int)s->port, secret, host, (int)s->port, host,
		(int)s->admin_port, getenv("ADMIN_TOKEN"));
	if (sup.has_gateway)
		printf("  gateway   http://127.0.0.1:%d%s\n", (int)s->fake_gateway_port,
			is_baileys(s) ? "   (WhatsApp by Baileys)"
				      : "/sent   (a fake one: shows what would have "
					"been sent)");
	if (sup.has_redis)
		printf("  redis     redis-cli -s %s\n", sup.socket);
	printf("\nTry it:\n\n"
	       "  curl -i -X POST http://%s:%d/webhook/whatsapp/incoming \\\n"
	       "    -H 'X-Internal-Secret: %s' -H 'Content-Type: application/json' \\\n"
	       "    -d "
	       "'{\"tenantId\":\"1\",\"payload\":{\"messages\":[{\"key\":{\"id\":"
	       "\"TEST123\",\"remoteJid\":"
	       "\"972501234567@s.whatsapp.net\"},\"message\":{\"conversation\":\"Test "
	       "message\"}}]}}'\n",
		host, (int)s->port, secret);
	if (sup.has_gateway && !is_baileys(s))
		printf("  curl http://127.0.0.1:%d/sent\n", (int)s->fake_gateway_port);
	if (sup.has_gateway && is_baileys(s))
		printf("\nPair a phone (WhatsApp, Linked devices) with the code that "
		       "the "
		       "second shows:\n\n"
		       "  curl -X POST -H 'X-Internal-Secret: %s' "
		       "http://127.0.0.1:%d/whatsapp/1/start\n"
		       "  curl -H 'X-Internal-Secret: %s' "
		       "'http://127.0.0.1:%d/whatsapp/1/qr?format=text'\n",
			secret, (int)s->fake_gateway_port, secret,
			(int)s->fake_gateway_port);
	printf("\n");
	fflush(stdout);
}

static void
on_redis_ready(void *arg)
{
	(void)arg;
	if (sup.started || sup.stopping)
		return;
	sup.started = true;
	manager_ready(&sup.loop); /* before there are children: it is our manager */
	for (int i = 0; i < ROLES; i++)
		child_start(&sup.children[i]);
	if (sup.has_gateway)
		child_start(&sup.children[GATEWAY]);
	banner();
}

static void
add_child(int which, const char *name)
{
	struct child *c = &sup.children[which];

	c->name = name;
	c->words[0] = "/proc/self/exe";
	c->words[1] = name;
	c->ended = on_ended;
	child_init(c, &sup.loop);
}

/* The Node process of gateway/.  It has a PORT of its own, which is why env(1) stands
 * before it; secret, DATA_DIR and the like it has from us. */
static void
add_baileys(const struct settings *s)
{
	static char port[32], backend[128], node[4096], program[4096];
	struct child *c = &sup.children[GATEWAY];
	const char *words[] = {"env", "HOST=127.0.0.1", port, backend, node,
		"--disable-warning=ExperimentalWarning", program, NULL};

	snprintf(port, sizeof(port), "PORT=%d", (int)s->fake_gateway_port);
	snprintf(backend, sizeof(backend), "BACKEND_URL=http://%s:%d",
		s->host && strcmp(s->host, "0.0.0.0") != 0 ? s->host : "127.0.0.1",
		(int)s->port);
	snprintf(node, sizeof(node), "%s/node_modules/node/bin/node", s->gateway_dir);
	snprintf(program, sizeof(program), "%s/src/main.js", s->gateway_dir);
	if (s->baileys_base_url)
		die("GATEWAY=baileys: BAILEYS_BASE_URL=%s is set, too; one of them",
			s->baileys_base_url);
	if (access(node, X_OK) < 0 || access(program, R_OK) < 0)
		die("GATEWAY=baileys: %s: %s; `sh %s/install` brings it (or set "
		    "GATEWAY_DIR)",
			access(node, X_OK) < 0 ? node : program, strerror(errno),
			s->gateway_dir);
	memcpy(c->words, words, sizeof(words));
	c->name = "gateway";
	c->ended = on_ended;
	child_init(c, &sup.loop);
}

/* Private, on a unix socket: nothing to guard but the directory.  What was
 * accepted is on disk before it is answered, and is never evicted. */
static void
add_redis(void)
{
	struct child *c = &sup.children[REDIS];
	static char url[160];
	const char *words[] = {"redis-server", "--port", "0", "--unixsocket",
		sup.socket, "--unixsocketperm", "600", "--dir", sup.home, "--logfile",
		"redis.log", "--appendonly", "yes", "--appendfsync", "always",
		"--maxmemory-policy", "noeviction", "--save", "", "--daemonize", "no",
		NULL};
	size_t room = sizeof(((struct sockaddr_un *)0)->sun_path);

	if ((size_t)snprintf(
		    sup.socket, sizeof(sup.socket), "%s/" HOME_REDIS, sup.home) >= room)
		die("DATA_DIR=%s: too long for the path of a unix socket", sup.home);
	_Static_assert(ARRAY_LEN(words) <= CHILD_WORDS_MAX, "room for the words");
	memcpy(c->words, words, sizeof(words));
	c->name = "redis-server";
	c->ended = on_ended;
	child_init(c, &sup.loop);
	snprintf(url, sizeof(url), "unix://%s", sup.socket);
	set_env("REDIS_URL", url);
	sup.has_redis = true;
	child_start(c);
}

/* The one that was set, or the one that DATA_DIR keeps. */
static void
set_secret(const char *name, const char *value, const char *file)
{
	char kept[HOME_SECRET_SIZE];

	if (!value)
		home_secret(sup.home, file, kept);
	set_env(name, value ? value : kept);
}

static void
fill_environment(const struct settings *s)
{
	char url[64];

	if (!s->host)
		set_env("HOST", "127.0.0.1");
	set_env("DATA_DIR", sup.home);
	set_secret("INTERNAL_SECRET", s->internal_secret, HOME_SECRET);
	set_secret("ADMIN_TOKEN", s->admin_token, "admin_token");
	if (!s->baileys_base_url) {
		sup.has_gateway = true;
		snprintf(url, sizeof(url), "http://127.0.0.1:%d",
			(int)s->fake_gateway_port);
		set_env("BAILEYS_BASE_URL", url);
	}
	int64_t base = s->metrics_port == SETTING_UNSET ? WORKER_METRICS_PORT
							: s->metrics_port;
	snprintf(sup.worker_port, sizeof(sup.worker_port), "%d", (int)base);
	snprintf(sup.scheduler_port, sizeof(sup.scheduler_port), "%d",
		base ? (int)base + 1 : 0);
}

int
supervisor_run(const struct settings *s)
{
	struct redis_options ro = {.name = "prosaas-all",
		.deadline_ms = REDIS_DEADLINE_MS,
		.on_ready = on_redis_ready};

	sup.s = s;
	sup.home = home_open(s);
	home_database(s);
	fill_environment(s);

	loop_init(&sup.loop);
	drain_init(&sup.drain, &sup.loop);
	loop_on_stop(&sup.loop, on_stop, NULL);
	uv_signal_init(&sup.loop.uv, &sup.on_child);
	uv_signal_start(&sup.on_child, on_sigchld, SIGCHLD);
	add_child(API, "api");
	add_child(WORKER, "worker");
	add_child(SCHEDULER, "scheduler");
	add_child(ADMIN, "admin");
	if (is_baileys(s))
		add_baileys(s);
	else
		add_child(GATEWAY, "fake-gateway");
	sup.children[WORKER].metrics_port = sup.worker_port;
	sup.children[SCHEDULER].metrics_port = sup.scheduler_port;
	if (!s->redis_url)
		add_redis();
	ro.starting = sup.has_redis;
	ro.url = getenv("REDIS_URL");
	sup.redis = redis_new(&sup.loop, &ro);
	loop_run(&sup.loop);
	log_info("stopped");
	log_flush();
	return sup.status;
}
