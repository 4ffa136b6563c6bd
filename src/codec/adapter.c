/* SPDX-License-Identifier: MIT */
/* adapter.c: the tables, and the one reader of them.
 *
 *   adapter_read ---> event_of ---> each item ---> the first form that fits:
 *                                                  write_fields, row by row
 *
 * To add a bridge: its forms, its events, a row of `adapters`. */
#include "codec/adapter.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/rqjob.h"
#include "codec/val.h"

enum { NODES_MAX = 20000 };

/* --- tables --------------------------------------------------------------- */

/* How a value is written.  One that has no sense there is left out. */
enum as {
	AS_IS,
	AS_JID,       /* "..@c.us" is "..@s.whatsapp.net" */
	AS_ID,        /* of "false_<chat>_<id>[_<who>]" the id; else the whole */
	AS_CHAT,      /* of the same the chat */
	AS_SECONDS,   /* Unix seconds of an RFC 3339 time */
	AS_WHATSMEOW, /* a message whose names Go has spelt: remoteJID, ID, URL */
	AS_ACK,       /* WAHA's -1 .. 4 are Baileys' 0 .. 5 */
	AS_RECEIPT,   /* "Read", "Delivered" */
	AS_YES,       /* true, wherever it stands */
	AS_REVOKE,    /* 1, likewise: WebMessageInfo.StubType REVOKE */
	AS_CIPHER,    /* 2, likewise: CIPHERTEXT */
	AS_WAHA,      /* a message, from all of WAHA's payload */
};

enum when {
	ALWAYS,
	IN_GROUP,  /* Info.IsGroup */
	FROM_THEM, /* in a chat of two, not by us */
};

/* Rows with the same prefix ("key.") stand together; of several for one name the
 * first that has a value holds. */
struct field {
	const char *to, *from; /* paths; from "": the whole item; "/..": of the body */
	enum as as;
	enum when when;
};

static const struct field baileys[] = {
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
		{"key.participant", "Info.Sender", AS_IS, IN_GROUP},        \
		{"key.remoteJidAlt", "Info.SenderAlt", AS_IS, FROM_THEM},   \
		{"messageTimestamp", "Info.Timestamp", AS_SECONDS},         \
		{"pushName", "Info.PushName"},                              \
	{                                                                   \
		"verifiedBizName", "Info.VerifiedName.Details.verifiedName" \
	}

static const struct field whatsmeow[] = {
	WHATSMEOW_KEY,
	{"message", "Message", AS_WHATSMEOW},
	{0},
};

static const struct field whatsmeow_cipher[] = {
	WHATSMEOW_KEY,
	{"messageStubType", "", AS_CIPHER},
	{0},
};

static const struct field whatsmeow_receipt[] = {
	{"key.id", ""},
	{"key.remoteJid", "/event.Chat"},
	{"key.fromMe", "", AS_YES},
	{"update.status", "/state", AS_RECEIPT},
	{"update.messageTimestamp", "/event.Timestamp", AS_SECONDS},
	{0},
};

static const struct field waha[] = {
	{"key.id", "id", AS_ID},
	{"key.remoteJid", "id", AS_CHAT},
	{"key.remoteJid", "from", AS_JID},
	{"key.fromMe", "fromMe"},
	{"key.participant", "participant", AS_JID},
	{"messageTimestamp", "timestamp"},
	{"pushName", "_data.notifyName"},
	{"message", "", AS_WAHA},
	{0},
};

static const struct field waha_ack[] = {
	{"key.id", "id", AS_ID},
	{"key.remoteJid", "id", AS_CHAT},
	{"key.remoteJid", "from", AS_JID},
	{"key.fromMe", "fromMe"},
	{"update.status", "ack", AS_ACK},
	{0},
};

static const struct field waha_revoked[] = {
	{"key.id", "revokedMessageId", AS_ID},
	{"key.id", "before.id", AS_ID},
	{"key.remoteJid", "after.id", AS_CHAT},
	{"key.remoteJid", "before.id", AS_CHAT},
	{"key.fromMe", "after.fromMe"},
	{"key.fromMe", "before.fromMe"},
	{"update.messageStubType", "", AS_REVOKE},
	{0},
};

static const struct field waha_edited[] = {
	{"key.id", "editedMessageId", AS_ID},
	{"key.remoteJid", "id", AS_CHAT},
	{"key.remoteJid", "from", AS_JID},
	{"key.fromMe", "fromMe"},
	{"update.message.editedMessage.message.conversation", "body"},
	{"update.messageTimestamp", "timestamp"},
	{0},
};

static const struct field evolution_status[] = {
	{"key.id", "keyId"},
	{"key.id", "id"},
	{"key.remoteJid", "remoteJid"},
	{"key.fromMe", "fromMe"},
	{"update.status", "status"},
	{0},
};

static const struct field evolution_revoked[] = {
	{"key.id", "key.id"},
	{"key.id", "id"},
	{"key.remoteJid", "key.remoteJid"},
	{"key.remoteJid", "remoteJid"},
	{"key.fromMe", "key.fromMe"},
	{"key.fromMe", "fromMe"},
	{"update.messageStubType", "", AS_REVOKE},
	{0},
};

struct form {
	const char *at; /* path of the item, or of a list of them */
	const char
		*has; /* what an item of this form has; NULL: nothing in particular */
	const struct field *fields;
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

struct reading {
	struct arena *arena;
	const struct val *body, *item;
};

static const struct val *
at(struct arena *a, const struct val *v, const char *path)
{
	struct str rest = str_of(path);

	while (v && rest.n > 0)
		v = val_get(v, arena_z(a, str_cut(&rest, '.')));
	return v;
}

static const struct val *
value_of(const struct reading *r, const char *path)
{
	return *path == '/' ? at(r->arena, r->body, path + 1)
			    : at(r->arena, r->item, path);
}

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
write_text(struct buf *b, struct str s)
{
	if (s.n == 0)
		return false;
	json_quote(b, s);
	return true;
}

static bool
write_jid(struct buf *b, struct arena *a, struct str jid)
{
	static const char old[] = "@c.us";
	size_t n = sizeof(old) - 1;

	if (jid.n > n && memcmp(jid.p + jid.n - n, old, n) == 0)
		jid = arena_printf(a, "%.*s@s.whatsapp.net", (int)(jid.n - n), jid.p);
	return write_text(b, jid);
}

static bool
write_number(struct buf *b, int64_t n)
{
	buf_addf(b, "%lld", (long long)n);
	return true;
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
	return write_number(b, us / 1000000 - zone_s);
}

static bool
write_receipt(struct buf *b, struct str state)
{
	if (!str_eqz(state, "Read") && !str_eqz(state, "Delivered"))
		return false;
	return write_number(b, str_eqz(state, "Read") ? 4 : 3);
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

static void
add_text(struct buf *b, const char *before, struct str text)
{
	buf_addz(b, before);
	json_quote(b, text);
}

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
	add_text(b, "\"mimetype\":", type);
	add_text(b, ",\"url\":", url);
	if (name.n)
		add_text(b, ",\"fileName\":", name);
	if (caption.n)
		add_text(b, ",\"caption\":", caption);
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
		add_text(b, ",\"name\":", name);
	buf_addz(b, "}}");
}

static void
write_reply(struct buf *b, const struct val *to, struct str text)
{
	add_text(b, "{\"extendedTextMessage\":{\"text\":", text);
	add_text(b, ",\"contextInfo\":{\"stanzaId\":",
		part_of(val_text(val_get(to, "id")), 2));
	add_text(b,
		",\"quotedMessage\":{\"conversation\":", val_text(val_get(to, "body")));
	buf_addz(b, "}}}}");
}

static void
write_reaction(struct buf *b, const struct val *reaction)
{
	struct str id = val_text(val_get(reaction, "messageId"));

	add_text(b,
		"{\"reactionMessage\":{\"text\":", val_text(val_get(reaction, "text")));
	add_text(b, ",\"key\":{\"id\":", part_of(id, 2));
	add_text(b, ",\"remoteJid\":", part_of(id, 1));
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
		add_text(b, "{\"conversation\":", text);
		buf_addc(b, '}');
	} else
		return false;
	return true;
}

/* --- one item ------------------------------------------------------------- */

static bool
write_value(const struct reading *r, const struct field *f, struct buf *b)
{
	const struct val *v = value_of(r, f->from);
	struct str text = val_text(v);

	if (!v || v->kind == VAL_NULL)
		return false;
	switch (f->as) {
	case AS_IS:
		if (v->kind == VAL_TEXT && v->text.n == 0)
			return false;
		val_json(b, v);
		return true;
	case AS_JID:
		return write_jid(b, r->arena, text);
	case AS_ID:
		return write_text(b, has_parts(text) ? part_of(text, 2) : text);
	case AS_CHAT:
		return has_parts(text) && write_jid(b, r->arena, part_of(text, 1));
	case AS_SECONDS:
		return write_seconds(b, r->arena, text);
	case AS_WHATSMEOW:
		write_whatsmeow(b, r->arena, v);
		return true;
	case AS_ACK:
		return write_number(b, val_int(v, 0) + 1);
	case AS_RECEIPT:
		return write_receipt(b, text);
	case AS_YES:
		buf_addz(b, "true");
		return true;
	case AS_REVOKE:
		return write_number(b, 1);
	case AS_CIPHER:
		return write_number(b, 2);
	case AS_WAHA:
		return write_waha(b, v);
	}
	return false;
}

static bool
is_when(const struct reading *r, enum when when)
{
	bool group = val_true(value_of(r, "Info.IsGroup"));
	bool ours = val_true(value_of(r, "Info.IsFromMe"));

	return when == ALWAYS || (when == IN_GROUP ? group : !group && !ours);
}

/* Closes the objects that are open beyond `keep`, and opens those of `to`: paths.
 * Returns the last name of `to`. */
static const char *
move(struct buf *b, const char *open, const char *to)
{
	size_t same = 0;

	for (size_t i = 0; open[i] && open[i] == to[i]; i++)
		if (to[i] == '.')
			same = i + 1;
	for (const char *p = open + same; *p; p++)
		if (*p == '.')
			buf_addc(b, '}');
	if (*open && *to)
		buf_addc(b, ',');
	for (const char *dot = strchr(to + same, '.'); dot;
		dot = strchr(to + same, '.')) {
		buf_addf(b, "\"%.*s\":{", (int)(dot - to - (ptrdiff_t)same), to + same);
		same = (size_t)(dot - to) + 1;
	}
	return to + same;
}

static void
write_fields(const struct reading *r, const struct field *fields, struct buf *b)
{
	const char *last = "";

	buf_addc(b, '{');
	for (const struct field *f = fields; f->to; f++) {
		struct buf value;

		if (strcmp(f->to, last) == 0 || !is_when(r, f->when))
			continue;
		buf_init(&value);
		if (write_value(r, f, &value)) {
			const char *name = move(b, last, f->to);
			buf_addf(b, "\"%s\":", name);
			buf_adds(b, buf_str(&value));
			last = f->to;
		}
		buf_done(&value);
	}
	move(b, last, "");
	buf_addc(b, '}');
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
		const struct val *v = at(a, body, form->at);

		if (v && count_of(v) > 0 &&
			(!form->has || val_get(item_of(v, 0), form->has)))
			return form;
	}
	return NULL;
}

static void
write_list(struct reading *r, const struct adapter_event *e, const struct form *form,
	struct buf *b)
{
	const struct val *v = at(r->arena, r->body, form->at);

	buf_addf(b, ",\"payload\":{\"type\":\"notify\",\"%s\":[", e->list);
	for (size_t i = 0; i < count_of(v); i++) {
		if (i > 0)
			buf_addc(b, ',');
		r->item = item_of(v, i);
		write_fields(r, form->fields, b);
	}
	buf_addz(b, "]}}");
}

static bool
write_state(struct reading *r, const struct adapter_event *e, struct buf *b)
{
	struct str state =
		e->is ? str_of(e->is) : val_text(at(r->arena, r->body, e->state));

	add_text(b, ",\"connection\":", state);
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
translate(struct reading *r, const struct adapter *ad, const struct adapter_event *e,
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
	add_text(&b, "{\"tenantId\":", tenant);
	r = translate(&(struct reading){.arena = a, .body = tree}, ad, e, &b, err);
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
