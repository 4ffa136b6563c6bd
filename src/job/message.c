/* SPDX-License-Identifier: MIT */
/* message.c: what one WhatsApp message says. */
#include "job/message.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "codec/val.h"

/* Chats that are not one person: never answered. */
static bool
is_person(struct str jid)
{
	return str_ends(jid, STR("@s.whatsapp.net")) || str_ends(jid, STR("@c.us")) ||
	       str_ends(jid, STR("@lid"));
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
	const struct val *content = val_get(v, "message");
	struct message m = {
		.id = val_text(val_get(key, "id")),
		.chat = val_text(val_get(key, "remoteJid")),
		.push_name = val_text(val_get(v, "pushName")),
		.from_me = val_true(val_get(key, "fromMe")),
		.text = val_text(val_get(content, "conversation")),
		.sent_us = val_int(val_get(v, "messageTimestamp"), 0) * 1000000,
	};

	if (!m.text.n)
		m.text = val_text(val_get(val_get(content, "extendedTextMessage"), "text"));
	if (!m.text.n)
		m.text = (struct str){NULL, 0};
	if (!m.chat.n)
		return ERR_UNPROCESSABLE;
	if (!m.id.n)
		m.id = made_id(a, v);
	m.kind = kind_of(v, m.text);
	m.answerable = !m.from_me && m.text.p && is_person(m.chat);
	*ret = m;
	return 0;
}
