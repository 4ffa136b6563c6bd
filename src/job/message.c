/* SPDX-License-Identifier: MIT */
/* message.c: what stands around the content of a WhatsApp message: who, where, when. */
#include "job/message.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "codec/val.h"
#include "codec/webhook.h"
#include "job/content.h"

/* A time is in seconds up to here (the year 33658) and in milliseconds above; a
 * thousand times as much is no time. */
#define SECONDS_MAX 1000000000000

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

static struct str
text_of(const struct val *v, const char *name)
{
	struct str text = val_text(val_get(v, name));

	return text.n ? text : (struct str){NULL, 0};
}

int64_t
message_time(const struct val *v)
{
	int64_t t = val_int(v, 0);

	if (t <= 0 || t > SECONDS_MAX * 1000)
		return 0;
	return t > SECONDS_MAX ? t * 1000 : t * 1000000;
}

/* The notices that stand in place of a content.  Source: StubType of
 * proto.WebMessageInfo. */
static const struct stub {
	int64_t number;
	const char *name, *kind, *text;
} stubs[] = {
	{1, "REVOKE", "revoke", NULL},
	{2, "CIPHERTEXT", "undecrypted", NULL},
	{3, "FUTUREPROOF", "unknown", NULL},
	{40, "CALL_MISSED_VOICE", "call", "[missed call]"},
	{41, "CALL_MISSED_VIDEO", "call", "[missed video call]"},
	{42, "INDIVIDUAL_CHANGE_NUMBER", "system", "[number changed]"},
	{45, "CALL_MISSED_GROUP_VOICE", "call", "[missed call]"},
	{46, "CALL_MISSED_GROUP_VIDEO", "call", "[missed video call]"},
};

/* Group, ephemeral and other notices: nothing that a person said. */
static const struct stub notice = {0, NULL, "system", NULL};

/* find_stub returns NULL when v has no stub type. */
static const struct stub *
find_stub(const struct val *v)
{
	const struct val *type = val_get(v, "messageStubType");
	int64_t number = val_int(type, 0);
	struct str name = val_text(type);

	if (number == 0 && (name.n == 0 || str_eqz(name, "UNKNOWN")))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(stubs); i++)
		if (number == stubs[i].number || str_eqz(name, stubs[i].name))
			return &stubs[i];
	return &notice;
}

/* Without a content and without a word why, it may still come: "undecrypted" is the
 * kind whose row waits for it. */
static const char *
kind_of_nothing(const struct val *content)
{
	if (!content || content->kind == VAL_NULL)
		return "undecrypted";
	if (content->kind != VAL_DICT)
		return "unknown";
	return content->count ? "protocol" : "undecrypted";
}

/* A message without content, or with nothing in it but what accompanies one (keys of
 * a group, which come with a message that can't be decrypted, too). */
static void
read_stub(struct arena *a, const struct val *v, struct message *m)
{
	const struct stub *stub = find_stub(v);

	if (!stub) {
		m->kind = kind_of_nothing(val_get(v, "message"));
		return;
	}
	m->kind = stub->kind;
	m->text = str_of(stub->text);
	if (str_eqz(str_of(stub->kind), "revoke")) {
		m->target.id = m->id;
		m->target.from_me = m->from_me;
		m->target.participant = m->participant;
		m->id = made_id(a, v); /* the key is that of the other one */
	}
}

/* Where 6.7.x has the addresses differs by version: beside the key or in it. */
static void
read_addresses(const struct val *v, struct message *m)
{
	const struct val *key = val_get(v, "key");
	const struct {
		const char *name;
		struct str *to;
	} rows[] = {
		{"participant", &m->participant},
		{"remoteJidAlt", &m->chat_alt},
		{"participantAlt", &m->participant_alt},
		{"senderPn", &m->sender_pn},
		{"senderLid", &m->sender_lid},
		{"participantPn", &m->participant_pn},
		{"participantLid", &m->participant_lid},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		*rows[i].to = text_of(key, rows[i].name);
		if (!rows[i].to->p)
			*rows[i].to = text_of(v, rows[i].name);
	}
}

int
message_read(struct arena *a, const struct val *v, struct message *ret)
{
	const struct val *key = val_get(v, "key");
	struct message m = {
		.id = text_of(key, "id"),
		.chat = text_of(key, "remoteJid"),
		.push_name = text_of(v, "pushName"),
		.verified_name = text_of(v, "verifiedBizName"),
		.provider = webhook_provider(text_of(v, "provider")),
		.from_me = val_true(val_get(key, "fromMe")),
		.sent_us = message_time(val_get(v, "messageTimestamp")),
	};

	if (!m.chat.p)
		return ERR_UNPROCESSABLE;
	if (!m.id.p)
		m.id = made_id(a, v);
	m.where = chat_kind(m.chat);
	read_addresses(v, &m);
	m.is_plain = content_read(a, val_get(v, "message"), &m);
	if (!m.kind)
		read_stub(a, v, &m);
	m.answerable = m.is_plain && !m.from_me && chat_is_person(m.where);
	*ret = m;
	return 0;
}

/* What says only what it changes: {"editedMessage":..}, or the stub of a revoke. */
static bool
read_change(struct arena *a, const struct val *update, struct message *m)
{
	const struct stub *stub = find_stub(update);

	content_read(a, val_get(update, "message"), m);
	if (!m->kind && stub)
		m->kind = stub->kind;
	return m->kind &&
	       (str_eqz(str_of(m->kind), "edit") || str_eqz(str_of(m->kind), "revoke"));
}

int
message_read_update(
	struct arena *a, const struct val *v, struct message *ret, bool *ret_is_change)
{
	const struct val *key = val_get(v, "key"), *update = val_get(v, "update");
	struct message m = {
		.id = made_id(a, v),
		.chat = text_of(key, "remoteJid"),
		.provider = webhook_provider(text_of(v, "provider")),
		.from_me = val_true(val_get(key, "fromMe")),
		.sent_us = message_time(val_get(update, "messageTimestamp")),
	};

	if (!m.chat.p)
		return ERR_UNPROCESSABLE;
	m.where = chat_kind(m.chat);
	read_addresses(v, &m);
	*ret_is_change = read_change(a, update, &m);
	m.target.id = text_of(key, "id");
	m.target.participant = m.participant;
	m.target.from_me = m.from_me;
	*ret = m;
	return 0;
}
