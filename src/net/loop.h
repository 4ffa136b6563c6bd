/* SPDX-License-Identifier: MIT */
/* loop.h: the one event loop of a process (libuv).
 *
 *   loop_init ---> loop_run ---> [SIGTERM, SIGINT or loop_stop] ---> on_stop
 *                                      loop_quit ---> loop_run returns
 *
 * A turn is: poll, run callbacks.  Hooks run once a turn, before the loop sleeps:
 * what collected during the turn (a batch for Redis, log lines) goes out there.
 * The log is flushed after all hooks.  Nothing may block the loop. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <uv.h>

struct loop_hook {
	void (*run)(struct loop_hook *);
	/* private */
	struct loop_hook *next;
};

struct loop {
	uv_loop_t uv; /* for modules that need libuv itself */
	/* private */
	uv_prepare_t turn;
	uv_signal_t on_term, on_int, on_hup;
	struct loop_hook *hooks;
	void (*on_stop)(void *);
	void *on_stop_arg;
	bool stopping;
};

/* loop_init also ignores SIGPIPE. */
void loop_init(struct loop *l);

/* loop_on_stop sets what the first SIGTERM, SIGINT or loop_stop() calls, once; it
 * begins the drain.  A second signal ends loop_run() at once. */
void loop_on_stop(struct loop *l, void (*fn)(void *), void *arg);
void loop_stop(struct loop *l);

/* loop_leave_signals: SIGTERM and SIGINT end the process again, as they do where no
 * loop runs. */
void loop_leave_signals(struct loop *l);

/* loop_debug_on_hup makes SIGHUP switch debugging on and off (log_toggle_debug).  For
 * services: else SIGHUP ends the process, as whoever closes a terminal expects. */
void loop_debug_on_hup(struct loop *l);

/* loop_each_turn runs hook->run(hook) once a turn, for ever.  The last added runs
 * first: what stands on top of another module hands down to it in the same turn. */
void loop_each_turn(struct loop *l, struct loop_hook *hook);

void loop_run(struct loop *l);

/* loop_quit makes loop_run() return after this turn.  The process is about to
 * exit: handles still open are left to the kernel. */
void loop_quit(struct loop *l);

#endif
