/* SPDX-License-Identifier: MIT */
/* adapter.c: the tables, and the one reader of them.
 *
 *   adapter_read ---> event_of ---> each item ---> the first form that fits:
 *                                                  reshape.h, row by row
 *
 * To add a bridge: its forms, its events, a row of `adapters`. */
#include "codec/adapter.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/reshape.h"
#include "codec/rqjob.h"
#include "codec/val.h"

enum { NODES_MAX = 20000 };

/* --- tables --------------------------------------------------------------- */

/* How values are written; see below. */
static reshape_as as_jid, as_id, as_chat, as_seconds, as_whatsmeow, as_ack, as_receipt,
	as_revoke, as_cipher, as_waha;
static reshape_when in_group, from_them;

static const struct reshape_row baileys[] = {
	{"key", "key"},
	{"message", "message"},
	{"messageTimestamp", "messageTimestamp"},
	{"pushName", "pushName"},
	{"verifiedBizName", "verifiedBizName"},
	{"messageStubType", "messageStubType"},
	{"messageStubParameters", "messageStubParameters"},
	{0},
};

#define WHATSMEOW_KEY                                                       \
	{"key.id", "Info.ID"}, {"key.remoteJid", "Info.Chat"},              \
		{"key.fromMe", "Info.IsFromMe"},                            \
		{"key.participant", "Info.Sender", NULL, in_group},         \
		{"key.remoteJidAlt", "Info.SenderAlt", NULL, from_them},    \
		{"messageTimestamp", "Info.Timestamp", as_seconds},         \
		{"pushName", "Info.PushName"},                              \
	{                                                                   \
		"verifiedBizName", "Info.VerifiedName.Details.verifiedName" \
	}

static const struct reshape_row whatsmeow[] = {
	WHATSMEOW_KEY,
	{"message", "Message", as_whatsmeow},
	{0},
};

static const struct reshape_row whatsmeow_cipher[] = {
	WHATSMEOW_KEY,
	{"messageStubType", "", as_cipher},
	{0},
};

static const struct reshape_row whatsmeow_receipt[] = {
	{"key.id", ""},
	{"key.remoteJid", "/event.Chat"},
	{"key.fromMe", "", reshape_yes},
	{"update.status", "/state", as_receipt},
	{"update.messageTimestamp", "/event.Timestamp", as_seconds},
	{0},
};

static const struct reshape_row waha[] = {
	{"key.id", "id", as_id},
	{"key.remoteJid", "id", as_chat},
	{"key.remoteJid", "from", as_jid},
	{"key.fromMe", "fromMe"},
	{"key.participant", "participant", as_jid},
	{"messageTimestamp", "timestamp"},
	{"pushName", "_data.notifyName"},
	{"message", "", as_waha},
	{0},
};

static const struct reshape_row waha_ack[] = {
	{"key.id", "id", as_id},
	{"key.remoteJid", "id", as_chat},
	{"key.remoteJid", "from", as_jid},
	{"key.fromMe", "fromMe"},
	{"update.status", "ack", as_ack},
	{0},
};

static const struct reshape_row waha_revoked[] = {
	{"key.id", "revokedMessageId", as_id},
	{"key.id", "before.id", as_id},
	{"key.remoteJid", "after.id", as_chat},
	{"key.remoteJid", "before.id", as_chat},
	{"key.fromMe", "after.fromMe"},
	{"key.fromMe", "before.fromMe"},
	{"update.messageStubType", "", as_revoke},
	{0},
};

static const struct reshape_row waha_edited[] = {
	{"key.id", "editedMessageId", as_id},
	{"key.remoteJid", "id", as_chat},
	{"key.remoteJid", "from", as_jid},
	{"key.fromMe", "fromMe"},
	{"update.message.editedMessage.message.conversation", "body"},
	{"update.messageTimestamp", "timestamp"},
	{0},
};

static const struct reshape_row evolution_status[] = {
	{"key.id", "keyId"},
	{"key.id", "id"},
	{"key.remoteJid", "remoteJid"},
	{"key.fromMe", "fromMe"},
	{"update.status", "status"},
	{0},
};

static const struct reshape_row evolution_revoked[] = {
	{"key.id", "key.id"},
	{"key.id", "id"},
	{"key.remoteJid", "key.remoteJid"},
	{"key.remoteJid", "remoteJid"},
	{"key.fromMe", "key.fromMe"},
	{"key.fromMe", "fromMe"},
	{"update.messageStubType", "", as_revoke},
	{0},
};

struct form {
	const char *at; /* path of the item, or of a list of them */
	const char
		*has; /* what an item of this form has; NULL: nothing in particular */
	const struct reshape_row *rows;
};

enum { FORMS_MAX = 3 };

struct adapter_event {
	const char *name;
	const char *list;             /* "messages", "updates"; NULL: of the session */
	struct form forms[FORMS_MAX]; /* the first that fits */
	const char *state, *is;       /* of the session: its path, or what it is */
};

static const struct adapter_event evolution_events[] = {
	{"messages.upsert", "messages", {{"data", "key", baileys}}},
	{"send.message", "messages", {{"data", "key", baileys}}},
	{"messages.update", "updates", {{"data", "status", evolution_status}}},
	{"messages.delete", "updates", {{"data", NULL, evolution_revoked}}},
	{"connection.update", .state = "data.state"},
	{0},
};

#define WAHA_FORMS                                            \
	{                                                     \
		{"payload._data", "key", baileys},            \
			{"payload._data", "Info", whatsmeow}, \
		{                                             \
			"payload", "id", waha                 \
		}                                             \
	}

static const struct adapter_event waha_events[] = {
	{"message", "messages", WAHA_FORMS},
	{"message.any", "messages", WAHA_FORMS},
	{"message.reaction", "messages", WAHA_FORMS},
	{"message.ack", "updates", {{"payload", "id", waha_ack}}},
	{"message.revoked", "updates", {{"payload", NULL, waha_revoked}}},
	{"message.edited", "updates", {{"payload", "editedMessageId", waha_edited}}},
	{"session.status", .state = "payload.status"},
	{0},
};

static const struct adapter_event wuzapi_events[] = {
	{"Message", "messages", {{"event", "Info", whatsmeow}}},
	{"UndecryptableMessage", "messages", {{"event", "Info", whatsmeow_cipher}}},
	{"ReadReceipt", "updates", {{"event.MessageIDs", NULL, whatsmeow_receipt}}},
	{"Connected", .is = "open"},
	{"Disconnected", .is = "close"},
	{"LoggedOut", .is = "close"},
	{"QR", .is = "waiting_qr"},
	{0},
};

static const struct adapter adapters[] = {
	{"evolution", NULL, 0, "event", evolution_events},
	{"waha", "X-Webhook-Hmac", 512, "event", waha_events},
	{"wuzapi", "x-hmac-signature", 256, "type", wuzapi_events},
};

/* --- values --------------------------------------------------------------- */

/* Part n of an id like "false_5511999999999@c.us_3EB0..."; the whole when there
 * are none. */
static struct str
part_of(struct str id, int n)
{
	struct str rest = id, part = id;

	for (int i = 0; i <= n; i++) {
		if (!rest.p)
			return id;
		part = str_cut(&rest, '_');
	}
	return part;
}

static bool
has_parts(struct str id)
{
	return str_starts(id, STR("false_")) || str_starts(id, STR("true_"));
}

static bool
write_jid(struct buf *b, struct arena *a, struct str jid)
{
	static const char old[] = "@c.us";
	size_t n = sizeof(old) - 1;

	if (jid.n > n && memcmp(jid.p + jid.n - n, old, n) == 0)
		jid = arena_printf(a, "%.*s@s.whatsapp.net", (int)(jid.n - n), jid.p);
	return reshape_text(b, jid);
}

enum { SECONDS_END = 19 }; /* of 2026-11-24T10:00:00.123-03:00 */

/* Z, +hh:mm or -hh:mm, behind what there is of a second. */
static bool
zone_of(struct str s, int64_t *ret_s)
{
	int64_t hours, minutes;

	while (s.n > 0 && (s.p[0] == '.' || (s.p[0] >= '0' && s.p[0] <= '9')))
		s = (struct str){s.p + 1, s.n - 1};
	*ret_s = 0;
	if (str_eqz(s, "Z"))
		return true;
	if (s.n != sizeof("+hh:mm") - 1 ||
		str_int((struct str){s.p + 1, 2}, &hours) < 0 ||
		str_int((struct str){s.p + 4, 2}, &minutes) < 0)
		return false;
	*ret_s = (hours * 60 + minutes) * (s.p[0] == '-' ? -60 : 60);
	return true;
}

static bool
write_seconds(struct buf *b, struct arena *a, struct str time)
{
	int64_t us, zone_s;

	if (time.n <= SECONDS_END ||
		rqjob_date(arena_printf(a, "%.*sZ", SECONDS_END, time.p), &us) < 0 ||
		!zone_of((struct str){time.p + SECONDS_END, time.n - SECONDS_END},
			&zone_s))
		return false;
	return reshape_number(b, us / 1000000 - zone_s);
}

static bool
write_receipt(struct buf *b, struct str state)
{
	if (!str_eqz(state, "Read") && !str_eqz(state, "Delivered"))
		return false;
	return reshape_number(b, str_eqz(state, "Read") ? 4 : 3);
}

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* remoteJID, ID, JPEGThumbnail: of a run of capitals the first stays, unless the name
 * begins with it, and the last, when it begins a word. */
static struct str
plain_name(struct arena *a, struct str name)
{
	char *copy = arena_alloc(a, name.n);

	for (size_t i = 0; i < name.n; i++) {
		bool run = i == 0 || is_upper(name.p[i - 1]);
		bool word = i > 0 && i + 1 < name.n && is_lower(name.p[i + 1]);

		copy[i] = name.p[i];
		if (is_upper(name.p[i]) && run && !word)
			copy[i] |= 0x20;
	}
	return (struct str){copy, name.n};
}

static void
write_whatsmeow(struct buf *b, struct arena *a, const struct val *v)
{
	if (v->kind != VAL_DICT && v->kind != VAL_LIST) {
		val_json(b, v);
		return;
	}
	bool dict = v->kind == VAL_DICT;
	size_t step = dict ? 2 : 1;

	buf_addc(b, dict ? '{' : '[');
	for (size_t i = 0; i < v->count; i++) {
		if (i > 0)
			buf_addc(b, ',');
		if (dict) {
			json_quote(b, plain_name(a, v->items[2 * i]->text));
			buf_addc(b, ':');
		}
		write_whatsmeow(b, a, v->items[step * i + step - 1]);
	}
	buf_addc(b, dict ? '}' : ']');
}

/* --- WAHA's own messages -------------------------------------------------- */

static const char *
media_of(struct str type)
{
	static const struct {
		const char *starts, *name;
	} rows[] = {
		{"image/webp", "stickerMessage"},
		{"image/", "imageMessage"},
		{"video/", "videoMessage"},
		{"audio/", "audioMessage"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (str_starts(type, str_of(rows[i].starts)))
			return rows[i].name;
	return "documentMessage";
}

static void
write_media(struct buf *b, const struct val *media, struct str caption)
{
	struct str type = val_text(val_get(media, "mimetype"));
	struct str name = val_text(val_get(media, "filename"));
	struct str url = val_text(val_get(media, "url"));

	buf_addf(b, "{\"%s\":{", media_of(type));
	reshape_named(b, "\"mimetype\":", type);
	reshape_named(b, ",\"url\":", url);
	if (name.n)
		reshape_named(b, ",\"fileName\":", name);
	if (caption.n)
		reshape_named(b, ",\"caption\":", caption);
	buf_addz(b, "}}");
}

static void
write_place(struct buf *b, const struct val *place)
{
	struct str name = val_text(val_get(place, "description"));

	buf_addz(b, "{\"locationMessage\":{\"degreesLatitude\":");
	val_json(b, val_get(place, "latitude"));
	buf_addz(b, ",\"degreesLongitude\":");
	val_json(b, val_get(place, "longitude"));
	if (name.n)
		reshape_named(b, ",\"name\":", name);
	buf_addz(b, "}}");
}

static void
write_reply(struct buf *b, const struct val *to, struct str text)
{
	reshape_named(b, "{\"extendedTextMessage\":{\"text\":", text);
	reshape_named(b, ",\"contextInfo\":{\"stanzaId\":",
		part_of(val_text(val_get(to, "id")), 2));
	reshape_named(b,
		",\"quotedMessage\":{\"conversation\":", val_text(val_get(to, "body")));
	buf_addz(b, "}}}}");
}

static void
write_reaction(struct buf *b, const struct val *reaction)
{
	struct str id = val_text(val_get(reaction, "messageId"));

	reshape_named(b,
		"{\"reactionMessage\":{\"text\":", val_text(val_get(reaction, "text")));
	reshape_named(b, ",\"key\":{\"id\":", part_of(id, 2));
	reshape_named(b, ",\"remoteJid\":", part_of(id, 1));
	buf_addz(b, "}}}");
}

static bool
write_waha(struct buf *b, const struct val *v)
{
	const struct val *media = val_get(v, "media"), *place = val_get(v, "location");
	const struct val *to = val_get(v, "replyTo"),
			 *reaction = val_get(v, "reaction");
	struct str text = val_text(val_get(v, "body"));

	if (reaction)
		write_reaction(b, reaction);
	else if (val_get(place, "latitude") && val_get(place, "longitude"))
		write_place(b, place);
	else if (val_text(val_get(media, "mimetype")).n)
		write_media(b, media, text);
	else if (val_text(val_get(to, "id")).n)
		write_reply(b, to, text);
	else if (text.n) {
		reshape_named(b, "{\"conversation\":", text);
		buf_addc(b, '}');
	} else
		return false;
	return true;
}

/* --- writers -------------------------------------------------------------- */

static bool
as_jid(struct buf *b, const struct reshape *r, const struct val *v)
{
	return write_jid(b, r->arena, val_text(v));
}

/* Of "false_<chat>_<id>[_<who>]" the id; else the whole. */
static bool
as_id(struct buf *b, const struct reshape *r, const struct val *v)
{
	struct str text = val_text(v);

	(void)r;
	return reshape_text(b, has_parts(text) ? part_of(text, 2) : text);
}

/* Of the same the chat. */
static bool
as_chat(struct buf *b, const struct reshape *r, const struct val *v)
{
	struct str text = val_text(v);

	return has_parts(text) && write_jid(b, r->arena, part_of(text, 1));
}

/* Unix seconds of an RFC 3339 time. */
static bool
as_seconds(struct buf *b, const struct reshape *r, const struct val *v)
{
	return write_seconds(b, r->arena, val_text(v));
}

/* A message whose names Go has spelt: remoteJID, ID, URL. */
static bool
as_whatsmeow(struct buf *b, const struct reshape *r, const struct val *v)
{
	write_whatsmeow(b, r->arena, v);
	return true;
}

/* WAHA's -1 .. 4 are Baileys' 0 .. 5. */
static bool
as_ack(struct buf *b, const struct reshape *r, const struct val *v)
{
	(void)r;
	return reshape_number(b, val_int(v, 0) + 1);
}

static bool
as_receipt(struct buf *b, const struct reshape *r, const struct val *v)
{
	(void)r;
	return write_receipt(b, val_text(v));
}

/* WebMessageInfo.StubType REVOKE and CIPHERTEXT, whatever stands there. */
static bool
as_revoke(struct buf *b, const struct reshape *r, const struct val *v)
{
	(void)r, (void)v;
	return reshape_number(b, 1);
}

static bool
as_cipher(struct buf *b, const struct reshape *r, const struct val *v)
{
	(void)r, (void)v;
	return reshape_number(b, 2);
}

/* A message, from all of WAHA's payload. */
static bool
as_waha(struct buf *b, const struct reshape *r, const struct val *v)
{
	(void)r;
	return write_waha(b, v);
}

static bool
in_group(const struct reshape *r)
{
	return val_true(reshape_value(r, "Info.IsGroup"));
}

/* In a chat of two, not by us. */
static bool
from_them(const struct reshape *r)
{
	return !in_group(r) && !val_true(reshape_value(r, "Info.IsFromMe"));
}

/* --- one body ------------------------------------------------------------- */

static size_t
count_of(const struct val *v)
{
	return v->kind == VAL_LIST ? v->count : 1;
}

static const struct val *
item_of(const struct val *v, size_t i)
{
	return v->kind == VAL_LIST ? val_at(v, i) : v;
}

static const struct form *
form_of(struct arena *a, const struct adapter_event *e, const struct val *body)
{
	for (size_t i = 0; i < FORMS_MAX && e->forms[i].at; i++) {
		const struct form *form = &e->forms[i];
		const struct val *v = reshape_at(a, body, form->at);

		if (v && count_of(v) > 0 &&
			(!form->has || val_get(item_of(v, 0), form->has)))
			return form;
	}
	return NULL;
}

static void
write_list(struct reshape *r, const struct adapter_event *e, const struct form *form,
	struct buf *b)
{
	const struct val *v = reshape_at(r->arena, r->body, form->at);

	buf_addf(b, ",\"payload\":{\"type\":\"notify\",\"%s\":[", e->list);
	for (size_t i = 0; i < count_of(v); i++) {
		if (i > 0)
			buf_addc(b, ',');
		r->item = item_of(v, i);
		reshape_write(r, form->rows, NULL, b);
	}
	buf_addz(b, "]}}");
}

static bool
write_state(struct reshape *r, const struct adapter_event *e, struct buf *b)
{
	struct str state = e->is ? str_of(e->is)
				 : val_text(reshape_at(r->arena, r->body, e->state));

	reshape_named(b, ",\"connection\":", state);
	buf_addc(b, '}');
	return state.n > 0;
}

static const struct adapter_event *
event_of(const struct adapter *ad, struct str name)
{
	for (const struct adapter_event *e = ad->events; e->name; e++)
		if (str_eqz(name, e->name))
			return e;
	return NULL;
}

static int
translate(struct reshape *r, const struct adapter *ad, const struct adapter_event *e,
	struct buf *b, char err[128])
{
	const struct form *form = form_of(r->arena, e, r->body);

	if (form)
		write_list(r, e, form, b);
	else if (e->list || !write_state(r, e, b)) {
		snprintf(
			err, 128, "%s: %s without what it is about", ad->name, e->name);
		return ERR_SHAPE;
	}
	return 0;
}

int
adapter_read(struct arena *a, const struct adapter *ad, struct str tenant,
	struct str body, enum adapter_says *ret_says, struct str *ret_body,
	char err[128])
{
	struct val *tree;
	struct buf b;
	int r = json_parse(a, body, NODES_MAX, &tree, err);

	if (r < 0)
		return r;
	struct str name = val_text(val_get(tree, ad->event));
	const struct adapter_event *e = event_of(ad, name);
	if (!name.p) {
		snprintf(err, 128, "%s: no %s", ad->name, ad->event);
		return ERR_SHAPE;
	}
	*ret_says = ADAPTER_NOTHING;
	if (!e)
		return 0;
	buf_init(&b);
	reshape_named(&b, "{\"tenantId\":", tenant);
	r = translate(&(struct reshape){.arena = a, .body = tree}, ad, e, &b, err);
	if (r == 0) {
		*ret_says = e->list ? ADAPTER_NEWS : ADAPTER_SESSION;
		*ret_body = arena_str(a, buf_str(&b));
	}
	buf_done(&b);
	return r;
}

const struct adapter *
adapter_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(adapters); i++)
		if (str_eqz(name, adapters[i].name))
			return &adapters[i];
	return NULL;
}
