/* SPDX-License-Identifier: MIT */
/* gateway.h: the way to WhatsApp, whichever the tenant has.
 *
 * One interface; today one gateway behind it, the Baileys HTTP API:
 *
 *   POST {base}/send      {"type":"text","tenantId","to","text",
 *                          "idempotencyKey","messageId"}
 *   POST {base}/sendTyping {"typing","tenantId","jid"}
 *   GET  {base}/healthz   {"idempotency":"durable"} from one that remembers keys on
 *                         disk; the original answers "ok"
 *
 *   200 {"ok":true,"messageId":...}      0
 *   503, no connection                   ERR_UNAVAILABLE: nothing was sent
 *   5xx                                  ERR_REMOTE: nothing was sent
 *   500 send_failed, a lost answer       ERR_AMBIGUOUS: WhatsApp may have taken it
 *     (also cancelled after sending, a 200 one cannot read, 502 and 504 of a proxy)
 *   401, 403                             ERR_DENIED
 *   400 and other 4xx, 3xx               ERR_REFUSED
 *   429                                  ERR_THROTTLED
 *   it rests after failures (breaker.h)  ERR_OPEN, and retry_after_ms: nothing was sent
 *
 * A send is never repeated in here (http_client.h, once).  Every gateway gets
 * INTERNAL_SECRET in X-Internal-Secret, also a tenant's own: it needs it anyway to
 * deliver webhooks to us. */
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
struct gateway;

struct gateway_call {
	struct arena *arena; /* the job's */
	struct str tenant;   /* "1" is sent as "business_1", other names as they are */
	struct str base_url; /* the tenant's own; absent or empty: the setting's */
	struct str to;       /* the JID that wrote */
	struct str text;
	struct str key; /* outbound key: idempotency key and WhatsApp message id */

	/* set when it is over: */
	int err;
	char words[192];
	struct str message_id;  /* as the gateway says, in the arena; may be absent */
	bool durable;           /* gateway_probe: it remembers keys on disk */
	bool reached;           /* gateway_typing: it may have heard of it */
	int64_t retry_after_ms; /* stay away for so long; -1: nobody says */

	/* private */
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

/* gateway_resume ends the rests of the tenant's session: its gateway says it is well. */
void gateway_resume(struct gateway *g, struct str tenant);

/* gateway_typing shows in the chat that we write, or no more.  No breaker is asked, or
 * told; it takes 2 s at most. */
void
gateway_typing(struct gateway *g, struct gateway_call *call, bool on, struct flow *f);
int gateway_typing_finish(struct gateway_call *call) MUSTCHECK;

#endif
