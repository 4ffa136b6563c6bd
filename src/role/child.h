/* SPDX-License-Identifier: MIT */
/* child.h: processes that a supervisor keeps running.
 *
 *   stopped ---> running ---> (exit) ---> waiting ---> running      child_keep
 *                   `--- child_stop: SIGTERM ---> (exit) ---> stopped
 *
 * A child leads a process group of its own, so that Ctrl-C in a terminal reaches
 * the supervisor only, which then stops them in order.  When the supervisor dies,
 * the kernel sends each child SIGTERM. */
#ifndef ROLE_CHILD_H
#define ROLE_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

struct loop;

enum { CHILD_WORDS_MAX = 32 };

struct child {
	const char *name;
	const char *words[CHILD_WORDS_MAX]; /* program and arguments, last is NULL */
	const char *metrics_port; /* METRICS_PORT in its environment, or NULL */
	/* Called when it has ended: status of waitpid(); early: it ran less than a
	 * second after its first start. */
	void (*ended)(struct child *c, int status, bool early);

	/* private */
	pid_t pid; /* 0: not running */
	bool stopping;
	int starts;
	int64_t started_ms, delay_ms;
	uv_timer_t again;
};

void child_init(struct child *c, struct loop *l);

/* child_start starts it; it is started again, after 100 ms to 5 s, when it ends. */
void child_start(struct child *c);

/* child_stop asks it to end (SIGTERM), or makes it (SIGKILL); it stays ended. */
void child_stop(struct child *c, int signum);

bool child_running(const struct child *c);

/* child_reap looks at whether it has ended; call it on SIGCHLD. */
void child_reap(struct child *c);

#endif
