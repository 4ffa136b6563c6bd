/* SPDX-License-Identifier: MIT */
/* adapter.h: the webhooks of other bridges to WhatsApp, in the words of ours.
 *
 *   evolution  {"event":"messages.upsert","data":{"key":..,"message":..}}
 *   waha       {"event":"message","payload":{"id":"false_<chat>_<id>","body":..}}
 *   wuzapi     {"type":"Message","event":{"Info":{..},"Message":{..}}}
 *          |
 *          '-- adapter_read ---> {"tenantId","payload":{"messages"|"updates":[..]}}
 *                                {"tenantId","connection":".."}
 *
 * Each bridge is a table: which of its events say something to us, and where in
 * them what we need stands.  All that a message is goes through in the form that
 * Baileys gave it, where the bridge tells it at all; of WAHA's own form, which has
 * less, text, media with caption, place, quote and reaction.
 * Sources: the webhook documentation of Evolution API v2 and of WAHA; asternic/wuzapi,
 * whose events are whatsmeow's structs as JSON. */
#ifndef CODEC_ADAPTER_H
#define CODEC_ADAPTER_H

#include "base/defs.h"
#include "base/str.h"

struct arena;

enum adapter_says {
	ADAPTER_NOTHING, /* an event that means nothing to us */
	ADAPTER_NEWS,    /* a body for webhook_scan() */
	ADAPTER_SESSION, /* a body of POST /webhook/whatsapp/status */
};

struct adapter {
	const char *name;
	const char *signature; /* header with an HMAC of the body in hex, or NULL */
	int signature_bits;    /* of SHA-2: 256 or 512 */

	/* private */
	const char *event; /* path of the event's name */
	const struct adapter_event *events;
};

/* adapter_find returns the table of "evolution", "waha" or "wuzapi", else NULL. */
const struct adapter *adapter_find(struct str name);

/* adapter_read translates a body; *ret_body is in the arena.  0; ERR_SYNTAX: not JSON;
 * ERR_LIMIT: too deep or too large; ERR_SHAPE: no such event's shape.  err says what is
 * wrong, fit for the 400 answer. */
int adapter_read(struct arena *a, const struct adapter *ad, struct str tenant,
	struct str body, enum adapter_says *ret_says, struct str *ret_body,
	char err[128]) MUSTCHECK;

#endif
