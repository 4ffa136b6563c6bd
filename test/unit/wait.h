/* SPDX-License-Identifier: MIT */
/* wait.h: the loop of a test program, and a flow that waits for one thing.
 *
 *   struct waiter w;
 *   waiter_init(&w);
 *   ai_start(client, &call, &w.flow);
 *   waiter_wait(&w);
 *   CHECK_INT(w.wakes, 1); */
#ifndef WAIT_H
#define WAIT_H

#include "base/flow.h"
#include "net/http_client.h"
#include "net/loop.h"

struct waiter {
	struct flow flow;
	int wakes;
};

static struct loop *
the_loop(void)
{
	static struct loop loop;
	static bool ready;

	if (!ready)
		loop_init(&loop);
	ready = true;
	return &loop;
}

static struct http_client *
the_client(void)
{
	static struct http_client *client;

	if (!client)
		client = http_client_new(the_loop());
	return client;
}

static int
waiter_woken(struct flow *f)
{
	container_of(f, struct waiter, flow)->wakes++;
	return flow_wait(f, waiter_woken);
}

static void
waiter_init(struct waiter *w)
{
	w->wakes = 0;
	flow_init(&w->flow, waiter_woken, "woken", NULL);
}

/* Runs the loop until the flow is woken, then on for a wake too many. */
static void
waiter_wait(struct waiter *w)
{
	while (w->wakes == 0)
		uv_run(&the_loop()->uv, UV_RUN_ONCE);
	for (int i = 0; i < 3; i++)
		uv_run(&the_loop()->uv, UV_RUN_NOWAIT);
}

#endif
