/* SPDX-License-Identifier: MIT */
/* loop.c: one event loop, its hooks and its signals. */
#include "net/loop.h"

#include <signal.h>

#include "base/defs.h"
#include "base/log.h"

static void
on_turn(uv_prepare_t *h)
{
	struct loop *l = container_of(h, struct loop, turn);

	for (struct loop_hook *k = l->hooks; k; k = k->next)
		k->run(k);
	log_flush();
}

static void
on_signal(uv_signal_t *h, int signum)
{
	struct loop *l = h->data;

	(void)signum;
	if (l->stopping)
		loop_quit(l);
	else
		loop_stop(l);
}

static void
on_hup(uv_signal_t *h, int signum)
{
	(void)h;
	(void)signum;
	log_toggle_debug();
}

void
loop_debug_on_hup(struct loop *l)
{
	uv_signal_init(&l->uv, &l->on_hup);
	uv_signal_start(&l->on_hup, on_hup, SIGHUP);
	uv_unref((uv_handle_t *)&l->on_hup);
}

void
loop_init(struct loop *l)
{
	*l = (struct loop){0};
	uv_loop_init(&l->uv);
	uv_prepare_init(&l->uv, &l->turn);
	uv_prepare_start(&l->turn, on_turn);
	uv_unref((uv_handle_t *)&l->turn);

	uv_signal_init(&l->uv, &l->on_term);
	uv_signal_init(&l->uv, &l->on_int);
	l->on_term.data = l->on_int.data = l;
	uv_signal_start(&l->on_term, on_signal, SIGTERM);
	uv_signal_start(&l->on_int, on_signal, SIGINT);
	signal(SIGPIPE, SIG_IGN);
}

void
loop_leave_signals(struct loop *l)
{
	uv_signal_stop(&l->on_term);
	uv_signal_stop(&l->on_int);
}

void
loop_on_stop(struct loop *l, void (*fn)(void *), void *arg)
{
	l->on_stop = fn;
	l->on_stop_arg = arg;
}

void
loop_stop(struct loop *l)
{
	if (l->stopping)
		return;
	l->stopping = true;
	if (l->on_stop)
		l->on_stop(l->on_stop_arg);
	else
		loop_quit(l);
}

void
loop_each_turn(struct loop *l, struct loop_hook *hook)
{
	hook->next = l->hooks;
	l->hooks = hook;
}

void
loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
	log_flush();
}

void
loop_quit(struct loop *l)
{
	uv_stop(&l->uv);
}
