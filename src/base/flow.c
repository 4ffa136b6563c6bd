/* SPDX-License-Identifier: MIT */
/* flow.c: all of it. */
#include "base/flow.h"

#include <assert.h>

void
flow_wake(struct flow *f)
{
	int r;

	assert(!f->running); /* completion inside a start: a bug */
	f->running = true;
	do
		r = f->step(f);
	while (r == FLOW_NEXT);
	f->running = false;

	if (r != FLOW_WAIT)
		f->done(f, r); /* 0 finished, < 0 failed at f->name */
}
