/* SPDX-License-Identifier: MIT */
/* typing.h: "typing..." in a customer's chat while its turn is thought about.
 *
 *   typing_begin ---> the turn goes on ---> typing_end
 *
 * Best effort: nobody waits for it, nothing fails with it, no breaker hears of it.
 * What a turn gets from typing_begin() is the module's, on the heap, and lives on after
 * typing_end() until its last request is over.  So a job ends when its answer is sent,
 * however slow the gateway is with the rest; only a worker that quits gives what is
 * out its time (typing_quit, typing_idle), and bounds that itself. */
#ifndef CLIENT_TYPING_H
#define CLIENT_TYPING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct gateway;
struct gateway_account;
struct loop;
struct typing;
struct typing_chat;

enum {
	/* Who is answered sooner sees nothing: neither a fast model nor an AI that is
	 * left alone after failures is worth two requests and a flicker. */
	TYPING_FIRST_MS = 200,

	/* WhatsApp drops the sign by itself, some clients after 10 s. */
	TYPING_AGAIN_MS = 8000,

	/* Of the 400 connections to one host (net/http_client.h): a gateway that hangs
	 * here must leave room for the answers of WORKER_CONCURRENCY jobs. */
	TYPING_REQUESTS_MAX = 128,
};

/* typing_new returns the indicators of a process; it lives as long as the loop. */
struct typing *typing_new(struct loop *l, struct gateway *g);

/* typing_begin shows it in the chat from TYPING_FIRST_MS on, again and again; answers:
 * as in a struct gateway_call.  The texts are copied.  NULL when there is none: t is
 * NULL (TYPING=off) or quits. */
struct typing_chat *typing_begin(struct typing *t, const struct gateway_account *from,
	struct str to, struct str answers);

/* typing_end ends it, and sets the caller's pointer to NULL.  Fine on NULL. */
void typing_end(struct typing_chat **c);

/* typing_quit ends all, also those that a turn still holds (its job is handed back);
 * typing_idle says that all are off, as far as we can tell.  Fine on NULL. */
void typing_quit(struct typing *t);
bool typing_idle(const struct typing *t);

/* What to do next about one chat. */
enum typing_act { TYPING_WAIT, TYPING_POST_ON, TYPING_POST_OFF, TYPING_FORGET };

struct typing_state {
	bool wanted;    /* its turn goes on */
	bool asked;     /* a request is out */
	bool maybe_on;  /* an "on" may have reached the gateway, and no "off" since */
	int64_t due_ms; /* when the next "on" is to be posted */
};

/* typing_next decides; room: one request more may be posted now. */
enum typing_act typing_next(const struct typing_state *s, bool room, int64_t now_ms);

#endif
