/* SPDX-License-Identifier: MIT */
/* typing.c: on while a turn goes on, off when it ends.
 *
 *          due             answered          due: again
 *   off ---------> "on" is out ------> on ---------------> "on" is out ...
 *    |                  |               |
 *    | typing_end       | typing_end:   | typing_end
 *    |                  | answered      v
 *    |                  '--------> "off" is out
 *    v                                  | answered, or not
 *   forgotten <-------------------------'
 *
 * One request of a chat is out at a time: an "off" that overtakes its "on" would leave
 * the sign there.  An "off" is posted once, and only if an "on" has left; one that
 * fails is made up for by WhatsApp, which drops the sign after some seconds.  The
 * next turn of the chat has a struct of its own: a late "off" of the last one may hide
 * its sign until that is due again, and no more.
 *
 * Nothing is chained: typing_next() decides from what is so, whenever that may have
 * changed (a request is over, the turn is, TICK_MS have passed). */
#include "client/typing.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <uv.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/log.h"
#include "base/metrics.h"
#include "client/gateway.h"
#include "net/loop.h"

enum { TICK_MS = 100 }; /* only while there is one; finer than anybody sees */

struct typing_chat {
	struct typing *owner;
	LIST_ENTRY(typing_chat) next;
	bool held; /* by a turn, which has the pointer */
	struct typing_state state;
	bool on; /* what the request that is out says */
	struct arena arena;
	struct gateway_call call;
	struct flow flow; /* of one request */
};

struct typing {
	struct gateway *gateway;
	uv_timer_t timer;
	LIST_HEAD(typing_chats, typing_chat) chats;
	int out; /* requests */
	bool quitting;
};

static flow_step told;

static struct typing_chat *
of(struct flow *f)
{
	return container_of(f, struct typing_chat, flow);
}

enum typing_act
typing_next(const struct typing_state *s, bool room, int64_t now_ms)
{
	if (s->asked)
		return TYPING_WAIT;
	if (s->wanted)
		return room && now_ms >= s->due_ms ? TYPING_POST_ON : TYPING_WAIT;
	if (s->maybe_on)
		return room ? TYPING_POST_OFF : TYPING_WAIT;
	return TYPING_FORGET;
}

/* --- one request ------------------------------------------------------------ */

static void done(struct flow *f, int err);

static void
post(struct typing_chat *c, bool on)
{
	c->state.asked = true;
	c->state.due_ms = clock_mono_ms() + TYPING_AGAIN_MS;
	c->on = on;
	c->owner->out++;
	flow_init(&c->flow, told, "told", done);
	gateway_typing(c->owner->gateway, &c->call, on, &c->flow);
}

static int
told(struct flow *f)
{
	struct typing_chat *c = of(f);
	int err = gateway_typing_finish(&c->call);

	metric_add(err < 0 ? M_TYPING_ERROR : M_TYPING_OK, 1);
	if (err < 0)
		log_debug("typing is not shown tenant=%s reason=%s",
			log_safe(c->call.from.tenant), c->call.words);
	c->state.maybe_on = c->on && (c->state.maybe_on || c->call.reached);
	return 0;
}

/* --- one chat --------------------------------------------------------------- */

/* Not under the feet of a turn: that still ends it. */
static void
forget(struct typing_chat *c)
{
	if (c->held)
		return;
	LIST_REMOVE(c, next);
	if (LIST_EMPTY(&c->owner->chats))
		uv_timer_stop(&c->owner->timer);
	arena_done(&c->arena);
	free(c);
}

static void
look(struct typing_chat *c)
{
	bool room = c->owner->out < TYPING_REQUESTS_MAX;

	switch (typing_next(&c->state, room, clock_mono_ms())) {
	case TYPING_WAIT:
		break;
	case TYPING_POST_ON:
		post(c, true);
		break;
	case TYPING_POST_OFF:
		post(c, false);
		break;
	case TYPING_FORGET:
		forget(c);
		break;
	}
}

static void
done(struct flow *f, int err)
{
	struct typing_chat *c = of(f);

	(void)err; /* told() never fails */
	c->state.asked = false;
	c->owner->out--;
	look(c);
}

/* --- all of them ------------------------------------------------------------ */

static void
look_at_all(struct typing *t)
{
	struct typing_chat *c = LIST_FIRST(&t->chats);

	while (c) {
		struct typing_chat *after = LIST_NEXT(c, next);

		look(c);
		c = after;
	}
}

static void
on_tick(uv_timer_t *timer)
{
	look_at_all(timer->data);
}

struct typing *
typing_new(struct loop *l, struct gateway *g)
{
	struct typing *t = xcalloc(1, sizeof(*t));

	t->gateway = g;
	LIST_INIT(&t->chats);
	uv_timer_init(&l->uv, &t->timer);
	t->timer.data = t;
	return t;
}

struct typing_chat *
typing_begin(struct typing *t, const struct gateway_account *from, struct str to,
	struct str answers)
{
	if (!t || t->quitting)
		return NULL;
	struct typing_chat *c = xcalloc(1, sizeof(*c));

	c->owner = t;
	c->held = true;
	c->state = (struct typing_state){
		.wanted = true, .due_ms = clock_mono_ms() + TYPING_FIRST_MS};
	arena_init(&c->arena);
	c->call = (struct gateway_call){
		.arena = &c->arena,
		.from = gateway_account_copy(&c->arena, from),
		.to = arena_str(&c->arena, to),
		.answers = arena_str(&c->arena, answers),
	};
	if (LIST_EMPTY(&t->chats))
		uv_timer_start(&t->timer, on_tick, TICK_MS, TICK_MS);
	LIST_INSERT_HEAD(&t->chats, c, next);
	return c;
}

void
typing_end(struct typing_chat **c)
{
	struct typing_chat *mine = *c;

	*c = NULL;
	if (!mine)
		return;
	mine->held = false;
	mine->state.wanted = false;
	look(mine);
}

void
typing_quit(struct typing *t)
{
	struct typing_chat *c;

	if (!t)
		return;
	t->quitting = true;
	LIST_FOREACH (c, &t->chats, next)
		c->state.wanted = false;
	look_at_all(t);
}

bool
typing_idle(const struct typing *t)
{
	const struct typing_chat *c;

	if (!t)
		return true;
	LIST_FOREACH (c, &t->chats, next)
		if (c->state.asked || c->state.maybe_on)
			return false;
	return true;
}
