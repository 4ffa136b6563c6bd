/* SPDX-License-Identifier: MIT */
/* webhook.h: what the body of POST /webhook/whatsapp/incoming says.
 *
 *   {"tenantId":"1","payload":{"messages":[{"key":{"id":...,"remoteJid":...,
 *    "fromMe":...},"message":{...}},...],"type":"notify",
 *    "updates":[{"key":{...},"update":{"status":3}},{"key":{...},"receipt":{...}}]}}
 *
 * One pass validates the whole body and finds each message's bytes, which are
 * never changed, and the few fields the door needs.  A body that is not JSON or
 * not of this shape is an error that names what is wrong; a single message that
 * can't be processed is not: it carries the reason in `unfit` and is kept as a
 * dead letter.  Source of the shapes: Baileys' events messages.upsert, and for the
 * updates messages.update and message-receipt.update. */
#ifndef CODEC_WEBHOOK_H
#define CODEC_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

enum {
	WEBHOOK_ID_MAX = 128,     /* longer message ids are replaced by their hash */
	WEBHOOK_MSGS_MAX = 10000, /* in one body: "[0,0,..." must not cost 64 bytes and
				     a hash for every two of its own */
};

struct webhook_msg {
	bool update;    /* what became of a message, not a message: id, chat and from_me
			   are those of the message it is about */
	struct str raw; /* the message as it came, borrowed from the body */
	struct str
		id;      /* key.id decoded; "h-" + 26 base32 characters of a hash of it
			    when it is longer than WEBHOOK_ID_MAX; "n-" + the same of raw
			    when there is none, so that a re-delivery is a duplicate too */
	struct str chat; /* key.remoteJid decoded; absent when there is none */
	bool from_me;    /* key.fromMe is true */
	const char *provider; /* static: "meta" when it says so (cloud.h), else
				 "baileys" */
	bool stub; /* a messageStubType and no content, or only what travels along
		      (group       keys): undecryptable or a notice */
	const char *unfit; /* NULL, or why it can't be processed: "not an object", "no
			      key" (none that is an object), "no chat", "no content",
			      of an update "no id", "no update" (nor receipt);
			      accept.h adds "limits": no worker would read the job */
};

struct webhook {
	struct str tenant;        /* "1" for 1, "1" and "business_1" */
	struct webhook_msg *msgs; /* messages and updates, as they stand in the body */
	size_t count;
};

/* webhook_provider is the name of a way to WhatsApp, static: what a message's
 * "provider" says, where it is one we know. */
const char *webhook_provider(struct str said);

/* webhook_scan reads a body.  What it returns lives in the arena and the body.
 * 0; ERR_SYNTAX: not JSON, whatever else is wrong with it; ERR_LIMIT: deeper than
 * JSON_DEPTH_MAX, or more than WEBHOOK_MSGS_MAX messages and updates; ERR_SHAPE: JSON
 * but not this shape (tenantId missing, null or not a name, payload, messages or
 * updates of a wrong type; what is missing or null is an empty list).  err then names
 * the first thing that is wrong, fit for the 400 answer; a peer's text in it is
 * printable ASCII and short.  A key that the door reads and that stands twice in
 * one object is ERR_SHAPE: two readers could disagree about it. */
int webhook_scan(
	struct arena *a, struct str body, struct webhook *ret, char err[128]) MUSTCHECK;

#endif
