/* SPDX-License-Identifier: MIT */
/* gateway.h: the way to WhatsApp, whichever the tenant has.
 *
 * One interface.  Which gateway is behind it, the tenant's property `gateway` says:
 * gateway_baileys.c, the HTTP API of a bridge, or gateway_cloud.c, Meta's Cloud API.
 * How a send ends:
 *
 *   0                 taken
 *   ERR_AMBIGUOUS     WhatsApp may have taken it: the answer was lost
 *   ERR_UNAVAILABLE   not reachable, or without WhatsApp: nothing was sent
 *   ERR_REMOTE        its own bad luck: nothing was sent
 *   ERR_DENIED        it refuses whoever comes with our credentials
 *   ERR_REFUSED       it refuses this message
 *   ERR_WINDOW        it takes no text until the customer writes again
 *   ERR_THROTTLED     slower, please
 *   ERR_OPEN          it rests after failures (breaker.h), for retry_after_ms: nothing
 *                     was sent
 *
 * A send is never repeated in here (http_client.h, once). */
#ifndef CLIENT_GATEWAY_H
#define CLIENT_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "client/breaker.h"
#include "net/http_client.h"

struct arena;
struct flow;
struct settings;
struct tenant;
struct gateway;
struct gateway_way;

/* Whose messages: what a tenant's properties say about its way to WhatsApp; where they
 * say nothing the settings count. */
struct gateway_account {
	struct str tenant, gateway, base_url, phone_number_id, access_token;
	struct str template, template_language; /* what carries a text outside the
						   window; absent: nothing does */
};

/* gateway_account_of borrows the tenant's texts, gateway_account_copy copies them. */
struct gateway_account gateway_account_of(const struct tenant *t);
struct gateway_account
gateway_account_copy(struct arena *a, const struct gateway_account *from);

enum { GATEWAY_WORDS = 192 };

/* gateway_window_us: how long after a customer's last message texts may be sent to him;
 * 0: at any time.  gateway_text_max: the longest text, in characters; 0: any. */
int64_t gateway_window_us(const struct gateway_account *from);
size_t gateway_text_max(const struct gateway_account *from);

/* gateway_takes_content: it sends more than texts. */
bool gateway_takes_content(const struct gateway_account *from);

/* gateway_check_tenant: 0 when the tenant has all that its way needs; else negative,
 * and words for who sets its properties (struct store_tenant_put).  settings: a struct
 * settings. */
int gateway_check_tenant(
	const void *settings, const struct tenant *t, char words[256]) MUSTCHECK;

struct gateway_call {
	struct arena *arena; /* the job's */
	struct gateway_account from;
	struct str to; /* the JID that wrote */
	struct str text;
	bool as_template;   /* it goes as the account's template, its one parameter */
	struct str content; /* what it is instead of a text, as docs/sending.md has it;
			       absent: a text */
	struct str key; /* outbound key: idempotency key, WhatsApp message id, or what
			   comes back in receipts */
	const char *traceparent; /* a header line; NULL: none */
	struct str answers; /* gateway_typing: the provider's id of the message that is
			       answered; may be absent */

	/* set when it is over: */
	int err;
	char words[GATEWAY_WORDS];
	struct str message_id;  /* as the gateway says, in the arena; may be absent */
	bool durable;           /* gateway_probe: it remembers keys on disk */
	bool reached;           /* gateway_typing: it may show it until it is told */
	int64_t doubt_ms;       /* send, probe: a receipt that names the key may come so
				   long after the post, and settle what was lost */
	int64_t retry_after_ms; /* stay away for so long; -1: nobody says */

	/* private */
	const struct gateway_way *way;
	struct breaker_pass pass;
	struct http_call http;
};

/* gateway_new borrows the settings and the breaker for its life. */
struct gateway *
gateway_new(struct http_client *http, const struct settings *s, struct breaker *b);

/* gateway_send posts the message; f is woken once, then gateway_send_finish(). */
void gateway_send(struct gateway *g, struct gateway_call *call, struct flow *f);
int gateway_send_finish(struct gateway_call *call) MUSTCHECK;

/* gateway_probe asks whether a send with the same key may be repeated safely. */
void gateway_probe(struct gateway *g, struct gateway_call *call, struct flow *f);
int gateway_probe_finish(struct gateway_call *call) MUSTCHECK;

/* gateway_resume ends the rests of the tenant's session: its gateway says it is well.
 */
void gateway_resume(struct gateway *g, struct str tenant);

/* gateway_typing shows in the chat that we write, or no more.  No breaker is asked, or
 * told; it takes a few seconds at most. */
void
gateway_typing(struct gateway *g, struct gateway_call *call, bool on, struct flow *f);
int gateway_typing_finish(struct gateway_call *call) MUSTCHECK;

#endif
