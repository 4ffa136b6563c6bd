/* SPDX-License-Identifier: MIT */
/* drain.h: the limit of a graceful stop. */
#ifndef ROLE_DRAIN_H
#define ROLE_DRAIN_H

#include <stdint.h>
#include <uv.h>

struct loop;

struct drain {
	/* private */
	uv_timer_t timer;
	void (*late)(void *);
	void *arg;
};

void drain_init(struct drain *d, struct loop *l);

/* drain_begin calls late(arg) once when ms have passed; again: a new limit. */
void drain_begin(struct drain *d, int64_t ms, void (*late)(void *), void *arg);

#endif
