/* SPDX-License-Identifier: MIT */
/* flow.h: a job as a list of steps.
 *
 * A step checks what was waited for, starts one thing, and says what comes
 * next.  It returns flow_goto(f, step) to run a step at once, flow_wait(f, step)
 * to run it when the thing started completes, 0 when the whole is done, or a
 * negative error.  Whoever completes the thing calls flow_wake(), nothing else:
 * starting never completes, so a wake inside a step is a bug and asserts.
 *
 *   flow_init ---> flow_wake ---> step ---> step ... ---> done(f, err)
 *
 * After done() the flow is not touched again; its owner may free it there. */
#ifndef BASE_FLOW_H
#define BASE_FLOW_H

#include <stdbool.h>

struct flow;
typedef int flow_step(struct flow *f);
typedef void flow_done(struct flow *f, int err);

struct flow {
	const char *name; /* of the step that runs or waits: for logs and metrics */
	/* private */
	flow_step *step;
	flow_done *done;
	bool running;
};

enum { FLOW_NEXT = 1, FLOW_WAIT = 2 };

/* s is the name of a step, written out: it becomes f->name. */
#define flow_goto(f, s) flow_set((f), (s), #s, FLOW_NEXT)
#define flow_wait(f, s) flow_set((f), (s), #s, FLOW_WAIT)

static inline int
flow_set(struct flow *f, flow_step *step, const char *name, int how)
{
	f->step = step;
	f->name = name;
	return how;
}

static inline void
flow_init(struct flow *f, flow_step *first, const char *name, flow_done *done)
{
	*f = (struct flow){.step = first, .name = name, .done = done};
}

void flow_wake(struct flow *f);

/* For tests of crashes: the name of a step at whose beginning the process kills
 * itself; with "+" after the name when the step is over and what it started is under
 * way.  NULL: it does not. */
extern const char *flow_crash_at;

#endif
