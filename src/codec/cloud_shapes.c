/* SPDX-License-Identifier: MIT */
/* cloud_shapes.c: the tables of what the Cloud API sends, as Baileys would say it.
 *
 * A message is its `who` and the rows of its shape: the first of `shapes` whose type it
 * has, and the path.  What has no shape gets one that no reader knows: it is stored as
 * "unknown", with all that came.
 *
 * To add a type: its rows, and a row of `shapes`. */
#include "base/arena.h"
#include "base/buf.h"
#include "codec/cloud_priv.h"
#include "codec/reshape.h"
#include "codec/val.h"

/* --- writers ---------------------------------------------------------------- */

/* A phone, with or without its +, or the id that stands for one. */
static bool
as_user(struct buf *b, const struct reshape *r, const struct val *v)
{
	struct str user = val_text(v), digits = user;

	if (str_starts(digits, STR("+")))
		digits = (struct str){user.p + 1, user.n - 1};
	if (user.n == 0)
		return false;
	bool phone = str_is_number(digits);
	return reshape_text(
		b, arena_printf(r->arena, "%.*s@%s", STR_FMT(phone ? digits : user),
			   phone ? "s.whatsapp.net" : "bsuid"));
}

static bool
as_group(struct buf *b, const struct reshape *r, const struct val *v)
{
	struct str id = val_text(v);

	if (id.n == 0)
		return false;
	return reshape_text(b, arena_printf(r->arena, "%.*s@g.us", STR_FMT(id)));
}

static bool
in_group(const struct reshape *r)
{
	return val_text(reshape_value(r, "group_id")).n > 0;
}

static bool
in_chat(const struct reshape *r)
{
	return !in_group(r);
}

static bool
as_meta(struct buf *b, const struct reshape *r, const struct val *v)
{
	(void)r, (void)v;
	buf_addz(b, "\"meta\"");
	return true;
}

static bool
as_no(struct buf *b, const struct reshape *r, const struct val *v)
{
	(void)r, (void)v;
	buf_addz(b, "false");
	return true;
}

/* "2 x sku-1, 1 x sku-2" */
static bool
as_items(struct buf *b, const struct reshape *r, const struct val *v)
{
	const struct val *item;
	struct buf text;

	buf_init(&text);
	for (size_t i = 0; (item = val_at(v, i)) != NULL; i++)
		buf_addf(&text, "%s%lld x %.*s", i > 0 ? ", " : "",
			(long long)val_int(val_get(item, "quantity"), 1),
			STR_FMT(val_text(val_get(item, "product_retailer_id"))));
	bool any = reshape_text(b, buf_str(&text));
	buf_done(&text);
	(void)r;
	return any;
}

/* A line of a vCard ends where its line does. */
static void
add_line(struct buf *b, const char *name, struct str value)
{
	buf_addz(b, name);
	for (size_t i = 0; i < value.n; i++)
		buf_addc(b, (unsigned char)value.p[i] < ' ' ? ' ' : value.p[i]);
	buf_addc(b, '\n');
}

static bool
as_card(struct buf *b, const struct reshape *r, const struct val *v)
{
	const struct val *phones = val_get(v, "phones"), *phone;
	struct buf card;

	buf_init(&card);
	buf_addz(&card, "BEGIN:VCARD\nVERSION:3.0\n");
	add_line(
		&card, "FN:", val_text(reshape_at(r->arena, v, "name.formatted_name")));
	for (size_t i = 0; (phone = val_at(phones, i)) != NULL; i++) {
		struct str wa_id = val_text(val_get(phone, "wa_id"));

		if (str_is_number(wa_id))
			buf_addf(&card, "TEL;waid=%.*s", STR_FMT(wa_id));
		else
			buf_addz(&card, "TEL");
		add_line(&card, ":", val_text(val_get(phone, "phone")));
	}
	buf_addz(&card, "END:VCARD\n");
	json_quote(b, buf_str(&card));
	buf_done(&card);
	return true;
}

static const struct reshape_row card[] = {
	{"displayName", "name.formatted_name"},
	{"displayName", "name.first_name"},
	{"vcard", "", as_card},
	{0},
};

static bool
as_cards(struct buf *b, const struct reshape *r, const struct val *v)
{
	struct reshape one = *r;

	buf_addc(b, '[');
	for (size_t i = 0; (one.item = val_at(v, i)) != NULL; i++) {
		if (i > 0)
			buf_addc(b, ',');
		reshape_write(&one, card, NULL, b);
	}
	buf_addc(b, ']');
	return true;
}

/* Notices, by the numbers of WebMessageInfo.StubType. */
static bool
as_notice(struct buf *b, const struct reshape *r, const struct val *v)
{
	enum { IDENTITY_CHANGED = 38, CHANGE_NUMBER = 42 };

	(void)r;
	return reshape_number(b, str_eqz(val_text(v), "customer_identity_changed")
					 ? IDENTITY_CHANGED
					 : CHANGE_NUMBER);
}

static bool
as_edit(struct buf *b, const struct reshape *r, const struct val *v)
{
	(void)r, (void)v;
	buf_addz(b, "\"MESSAGE_EDIT\"");
	return true;
}

static bool
as_revoke(struct buf *b, const struct reshape *r, const struct val *v)
{
	(void)r, (void)v;
	buf_addz(b, "\"REVOKE\"");
	return true;
}

static bool
as_only(struct buf *b, const struct reshape *r, const struct val *v)
{
	(void)r;
	buf_addc(b, '[');
	val_json(b, v);
	buf_addc(b, ']');
	return true;
}

/* Of another word nothing is known but that time went on. */
static bool
as_status(struct buf *b, const struct reshape *r, const struct val *v)
{
	static const char *const words[][2] = {{"sent", "SERVER_ACK"},
		{"delivered", "DELIVERY_ACK"}, {"read", "READ"}, {"played", "PLAYED"},
		{"failed", "ERROR"}};

	(void)r;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eqz(val_text(v), words[i][0]))
			return reshape_text(b, str_of(words[i][1]));
	return false;
}

static bool
as_codes(struct buf *b, const struct reshape *r, const struct val *v)
{
	const struct val *code = val_get(val_at(v, 0), "code");

	(void)r;
	buf_addf(b, "[%lld]", (long long)val_int(code, 0));
	return true;
}

/* --- who -------------------------------------------------------------------- */

#define AS_IT_CAME                                \
	{"provider", "", as_meta}, {"cloud", ""}, \
	{                                         \
		"cloudContact", "/"               \
	}

static const struct reshape_row customer[] = {
	{"key.id", "id"},
	{"key.remoteJid", "group_id", as_group},
	{"key.remoteJid", "from", as_user},
	{"key.remoteJid", "from_user_id", as_user},
	{"key.fromMe", "", as_no},
	{"key.participant", "from", as_user, in_group},
	{"key.participant", "from_user_id", as_user, in_group},
	{"key.senderLid", "from_user_id", as_user, in_chat},
	{"key.senderLid", "/user_id", as_user, in_chat},
	{"messageTimestamp", "timestamp"},
	{"pushName", "/profile.name"},
	AS_IT_CAME,
	{0},
};

static const struct reshape_row echo[] = {
	{"key.id", "id"},
	{"key.remoteJid", "to", as_user},
	{"key.remoteJid", "to_user_id", as_user},
	{"key.fromMe", "", reshape_yes},
	{"messageTimestamp", "timestamp"},
	AS_IT_CAME,
	{0},
};

static const struct reshape_row status[] = {
	{"key.id", "id"},
	{"key.remoteJid", "recipient_id", as_user},
	{"key.remoteJid", "recipient_user_id", as_user},
	{"key.fromMe", "", reshape_yes},
	{"update.status", "status", as_status},
	{"update.messageStubParameters", "errors", as_codes},
	{"update.messageTimestamp", "timestamp"},
	{"update.outboundKey", "biz_opaque_callback_data"},
	AS_IT_CAME,
	{0},
};

const struct cloud_list cloud_lists[] = {
	{"messages", false, customer},
	{"message_echoes", false, echo},
	{"statuses", true, status},
};
const size_t cloud_list_count = ARRAY_LEN(cloud_lists);

/* --- what ------------------------------------------------------------------- */

/* The first row is there whatever the message lacks, and makes the shape. */
#define SHAPE(name)                                                                    \
	{"message." name ".cloudType", "type"},                                        \
		{"message." name ".contextInfo.stanzaId", "context.id"},               \
		{"message." name ".contextInfo.participant", "context.from", as_user}, \
		{"message." name ".contextInfo.isForwarded", "context.forwarded"},     \
		{"message." name ".contextInfo.externalAdReply.title",                 \
			"referral.headline"},                                          \
		{"message." name ".contextInfo.externalAdReply.body",                  \
			"referral.body"},                                              \
		{"message." name ".contextInfo.externalAdReply.sourceUrl",             \
			"referral.source_url"},                                        \
	{                                                                              \
		"message." name ".contextInfo.externalAdReply.sourceId",               \
			"referral.source_id"                                           \
	}

#define MEDIA(name, type)                                              \
	SHAPE(name), {"message." name ".mimetype", type ".mime_type"}, \
		{"message." name ".fileSha256", type ".sha256"},       \
		{"message." name ".mediaId", type ".id"},              \
	{                                                              \
		"message." name ".caption", type ".caption"            \
	}

static const struct reshape_row text[] = {
	SHAPE("extendedTextMessage"),
	{"message.extendedTextMessage.text", "text.body"},
	{0},
};

static const struct reshape_row image[] = {MEDIA("imageMessage", "image"), {0}};
static const struct reshape_row video[] = {MEDIA("videoMessage", "video"), {0}};

static const struct reshape_row audio[] = {
	MEDIA("audioMessage", "audio"),
	{"message.audioMessage.ptt", "audio.voice"},
	{0},
};

static const struct reshape_row document[] = {
	MEDIA("documentMessage", "document"),
	{"message.documentMessage.fileName", "document.filename"},
	{0},
};

static const struct reshape_row sticker[] = {
	MEDIA("stickerMessage", "sticker"),
	{"message.stickerMessage.isAnimated", "sticker.animated"},
	{0},
};

static const struct reshape_row location[] = {
	SHAPE("locationMessage"),
	{"message.locationMessage.degreesLatitude", "location.latitude"},
	{"message.locationMessage.degreesLongitude", "location.longitude"},
	{"message.locationMessage.name", "location.name"},
	{"message.locationMessage.address", "location.address"},
	{"message.locationMessage.url", "location.url"},
	{0},
};

static const struct reshape_row contacts[] = {
	SHAPE("contactsArrayMessage"),
	{"message.contactsArrayMessage.contacts", "contacts", as_cards},
	{0},
};

static const struct reshape_row contact[] = {
	SHAPE("contactMessage"),
	{"message.contactMessage.displayName", "contacts.0.name.formatted_name"},
	{"message.contactMessage.displayName", "contacts.0.name.first_name"},
	{"message.contactMessage.vcard", "contacts.0", as_card},
	{0},
};

static const struct reshape_row template_reply[] = {
	SHAPE("templateButtonReplyMessage"),
	{"message.templateButtonReplyMessage.selectedDisplayText", "button.text"},
	{"message.templateButtonReplyMessage.selectedId", "button.payload"},
	{0},
};

static const struct reshape_row button_reply[] = {
	SHAPE("buttonsResponseMessage"),
	{"message.buttonsResponseMessage.selectedDisplayText",
		"interactive.button_reply.title"},
	{"message.buttonsResponseMessage.selectedButtonId",
		"interactive.button_reply.id"},
	{0},
};

static const struct reshape_row list_reply[] = {
	SHAPE("listResponseMessage"),
	{"message.listResponseMessage.title", "interactive.list_reply.title"},
	{"message.listResponseMessage.description",
		"interactive.list_reply.description"},
	{"message.listResponseMessage.singleSelectReply.selectedRowId",
		"interactive.list_reply.id"},
	{0},
};

static const struct reshape_row form_reply[] = {
	SHAPE("interactiveResponseMessage"),
	{"message.interactiveResponseMessage.body.text", "interactive.nfm_reply.body"},
	{"message.interactiveResponseMessage.nativeFlowResponseMessage.name",
		"interactive.nfm_reply.name"},
	{"message.interactiveResponseMessage.nativeFlowResponseMessage.paramsJson",
		"interactive.nfm_reply.response_json"},
	{0},
};

static const struct reshape_row order[] = {
	SHAPE("orderMessage"),
	{"message.orderMessage.message", "order.text"},
	{"message.orderMessage.orderTitle", "order.product_items", as_items},
	{0},
};

static const struct reshape_row reaction[] = {
	{"message.reactionMessage.key.id", "reaction.message_id"},
	{"message.reactionMessage.text", "reaction.emoji"},
	{0},
};

/* Of the new content the words: nothing else can be edited. */
static const struct reshape_row edit[] = {
	{"message.protocolMessage.type", "", as_edit},
	{"message.protocolMessage.key.id", "edit.original_message_id"},
	{"message.protocolMessage.editedMessage.conversation",
		"edit.message.text.body"},
	{"message.protocolMessage.editedMessage.conversation",
		"edit.message.image.caption"},
	{"message.protocolMessage.editedMessage.conversation",
		"edit.message.video.caption"},
	{"message.protocolMessage.editedMessage.conversation",
		"edit.message.document.caption"},
	{0},
};

static const struct reshape_row revoke[] = {
	{"message.protocolMessage.type", "", as_revoke},
	{"message.protocolMessage.key.id", "revoke.original_message_id"},
	{0},
};

static const struct reshape_row notice[] = {
	{"messageStubType", "system.type", as_notice},
	{"messageStubParameters", "system.wa_id", as_only},
	{0},
};

static const struct reshape_row unknown[] = {
	{"message.unsupported.cloudType", "type"},
	{"message.unsupported.cloudType", "", as_meta},
	{0},
};

static const struct shape {
	const char *type, *has;
	const struct reshape_row *rows;
} shapes[] = {
	{"text", "text.body", text},
	{"image", "image", image},
	{"video", "video", video},
	{"audio", "audio", audio},
	{"document", "document", document},
	{"sticker", "sticker", sticker},
	{"location", "location", location},
	{"contacts", "contacts.1", contacts},
	{"contacts", "contacts.0", contact},
	{"button", "button", template_reply},
	{"interactive", "interactive.button_reply", button_reply},
	{"interactive", "interactive.list_reply", list_reply},
	{"interactive", "interactive.nfm_reply", form_reply},
	{"order", "order", order},
	{"reaction", "reaction.message_id", reaction},
	{"edit", "edit.original_message_id", edit},
	{"revoke", "revoke.original_message_id", revoke},
	{"system", "system.type", notice},
};

static const struct reshape_row *
rows_of(const struct reshape *r)
{
	struct str type = val_text(val_get(r->item, "type"));

	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		if (str_eqz(type, shapes[i].type) && reshape_value(r, shapes[i].has))
			return shapes[i].rows;
	return unknown;
}

void
cloud_write(struct arena *a, const struct cloud_list *list, const struct val *item,
	const struct val *who, struct buf *b)
{
	struct reshape r = {.arena = a, .body = who, .item = item};

	reshape_write(&r, list->who, list->is_update ? NULL : rows_of(&r), b);
}
