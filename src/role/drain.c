/* SPDX-License-Identifier: MIT */
/* drain.c: the limit of a graceful stop. */
#include "role/drain.h"

#include "net/loop.h"

static void
on_late(uv_timer_t *t)
{
	struct drain *d = t->data;

	d->late(d->arg);
}

void
drain_init(struct drain *d, struct loop *l)
{
	uv_timer_init(&l->uv, &d->timer);
	d->timer.data = d;
}

void
drain_begin(struct drain *d, int64_t ms, void (*late)(void *), void *arg)
{
	d->late = late;
	d->arg = arg;
	uv_timer_start(&d->timer, on_late, (uint64_t)ms, 0);
}
