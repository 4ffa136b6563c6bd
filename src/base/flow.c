/* SPDX-License-Identifier: MIT */
/* flow.c: all of it. */
#include "base/flow.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

const char *flow_crash_at;

static void
crash_if_asked(const char *step, const char *when)
{
	size_t n = strlen(step);

	if (flow_crash_at && strncmp(flow_crash_at, step, n) == 0 &&
		strcmp(flow_crash_at + n, when) == 0)
		kill(getpid(), SIGKILL);
}

static int
run_step(struct flow *f)
{
	const char *name = f->name; /* the step sets the next */

	crash_if_asked(name, "");
	int r = f->step(f);
	crash_if_asked(name, "+");
	return r;
}

void
flow_wake(struct flow *f)
{
	int r;

	assert(!f->running); /* completion inside a start: a bug */
	f->running = true;
	do
		r = run_step(f);
	while (r == FLOW_NEXT);
	f->running = false;

	if (r != FLOW_WAIT)
		f->done(f, r); /* 0 finished, < 0 failed at f->name */
}
