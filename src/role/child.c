/* SPDX-License-Identifier: MIT */
/* child.c: processes that a supervisor keeps running. */
#include "role/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"

enum { DELAY_FIRST_MS = 100, DELAY_MAX_MS = 5000, SETTLED_MS = 10000, EARLY_MS = 1000 };

void
child_init(struct child *c, struct loop *l)
{
	uv_timer_init(&l->uv, &c->again);
	c->again.data = c;
	c->delay_ms = DELAY_FIRST_MS;
}

static void
become(const struct child *c, pid_t parent)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent) /* it died before the line above */
		_exit(1);
	if (c->metrics_port)
		setenv("METRICS_PORT", c->metrics_port, 1);
	execvp(c->words[0], (char *const *)c->words); /* execvp only reads */
	_exit(127);
}

void
child_start(struct child *c)
{
	pid_t parent = getpid();

	log_flush(); /* else both processes would write what is buffered */
	pid_t pid = fork();
	if (pid == 0)
		become(c, parent);
	if (pid < 0) {
		log_error("can't start %s: %s", c->name, strerror(errno));
		return;
	}
	c->pid = pid;
	c->starts++;
	c->started_ms = clock_mono_ms();
}

static void
on_again(uv_timer_t *t)
{
	struct child *c = t->data;

	if (!c->stopping)
		child_start(c);
}

void
child_stop(struct child *c, int signum)
{
	c->stopping = true;
	uv_timer_stop(&c->again);
	if (c->pid > 0)
		kill(c->pid, signum);
}

bool
child_running(const struct child *c)
{
	return c->pid > 0;
}

void
child_reap(struct child *c)
{
	int status;

	if (c->pid <= 0 || waitpid(c->pid, &status, WNOHANG) != c->pid)
		return;

	int64_t ran_ms = clock_mono_ms() - c->started_ms;
	c->pid = 0;
	c->ended(c, status, c->starts == 1 && ran_ms < EARLY_MS);
	if (c->stopping)
		return;
	if (ran_ms > SETTLED_MS)
		c->delay_ms = DELAY_FIRST_MS;
	uv_timer_start(&c->again, on_again, (uint64_t)c->delay_ms, 0);
	c->delay_ms = c->delay_ms * 2 > DELAY_MAX_MS ? DELAY_MAX_MS : c->delay_ms * 2;
}
