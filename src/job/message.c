/* SPDX-License-Identifier: MIT */
/* message.c: what one WhatsApp message says. */
#include "job/message.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "codec/val.h"

enum { WRAPPED_MAX = 5 };

/* Chats that are not one person: never answered. */
static bool
is_person(struct str jid)
{
	return str_ends(jid, STR("@s.whatsapp.net")) || str_ends(jid, STR("@c.us")) ||
	       str_ends(jid, STR("@lid"));
}

/* Content may be wrapped: {"ephemeralMessage":{"message":{...}}}. */
static const struct val *
unwrap(const struct val *content)
{
	static const char *const wrappers[] = {"ephemeralMessage", "viewOnceMessage",
		"viewOnceMessageV2", "viewOnceMessageV2Extension",
		"documentWithCaptionMessage"};

	for (int level = 0; level < WRAPPED_MAX; level++) {
		const struct val *inner = NULL;

		for (size_t i = 0; i < ARRAY_LEN(wrappers) && !inner; i++)
			inner = val_get(val_get(content, wrappers[i]), "message");
		if (!inner)
			break;
		content = inner;
	}
	return content;
}

/* Where a customer's words stand, by kind of content. */
static struct str
find_text(const struct val *content)
{
	static const struct {
		const char *kind, *field; /* field NULL: the kind itself is the text */
	} places[] = {
		{"conversation", NULL},
		{"extendedTextMessage", "text"},
		{"imageMessage", "caption"},
		{"videoMessage", "caption"},
		{"documentMessage", "caption"},
		{"buttonsResponseMessage", "selectedDisplayText"},
		{"templateButtonReplyMessage", "selectedDisplayText"},
		{"listResponseMessage", "title"},
	};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		const struct val *v = val_get(content, places[i].kind);
		struct str text =
			val_text(places[i].field ? val_get(v, places[i].field) : v);

		if (text.n)
			return text;
	}
	return (struct str){NULL, 0};
}

/* A message without id gets one of its content, as at the door (webhook.h): the
 * bytes are gone, so it is made of the value's own JSON. */
static struct str
made_id(struct arena *a, const struct val *v)
{
	char digest[DIGEST_ID_SIZE];
	struct buf json;

	buf_init(&json);
	val_json(&json, v);
	struct str whole = buf_str(&json);
	digest_id(&whole, 1, digest);
	buf_done(&json);
	return arena_printf(a, "n-%s", digest);
}

static const char *
kind_of(const struct val *v, struct str text)
{
	if (text.p)
		return "text";
	if (val_get(v, "message"))
		return "other";
	return "undecrypted";
}

int
message_read(struct arena *a, const struct val *v, struct message *ret)
{
	const struct val *key = val_get(v, "key");
	struct message m = {
		.id = val_text(val_get(key, "id")),
		.chat = val_text(val_get(key, "remoteJid")),
		.push_name = val_text(val_get(v, "pushName")),
		.from_me = val_true(val_get(key, "fromMe")),
		.text = find_text(unwrap(val_get(v, "message"))),
		.sent_us = val_int(val_get(v, "messageTimestamp"), 0) * 1000000,
	};

	if (!m.chat.n)
		return ERR_UNPROCESSABLE;
	if (!m.id.n)
		m.id = made_id(a, v);
	m.kind = kind_of(v, m.text);
	m.answerable = !m.from_me && m.text.p && is_person(m.chat);
	*ret = m;
	return 0;
}
