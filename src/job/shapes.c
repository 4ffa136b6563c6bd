/* SPDX-License-Identifier: MIT */
/* shapes.c: the table of what a WhatsApp message can be.
 *
 * Source of keys and fields: Message of Baileys' WAProto.proto (7.0.0-rc); of kinds
 * and texts: docs/messages.md, which follows this table.  The first row that a
 * content has counts. */
#include <stdio.h>

#include "base/arena.h"
#include "codec/json.h"
#include "codec/val.h"
#include "job/content.h"
#include "job/content_priv.h"
#include "job/message.h"
#include "job/vcard.h"

enum {
	SECONDS_SHOWN_MAX = 360000, /* 100 hours: more is no recording */
	LISTED_MAX = 20,       /* contacts, options of a poll; WhatsApp allows 12 */
	PHONES_MAX = 3,        /* of one contact */
	PARAMS_MAX = 64 << 10, /* bytes of a form's answers; WhatsApp's own limit is
				  lower */
	PARAMS_VALUES_MAX = 1000,
};

/* --- media ---------------------------------------------------------------- */

static void
more_audio(struct reading *r, const struct val *v)
{
	int64_t seconds = val_int(val_get(v, "seconds"), 0);

	if (val_true(val_get(v, "ptt"))) /* push to talk */
		r->m->kind = r->tag = "voice";
	if (seconds > 0 && seconds < SECONDS_SHOWN_MAX)
		buf_addf(&r->about, "%ds", (int)seconds);
}

/* --- places --------------------------------------------------------------- */

/* A number of degrees within +-max. */
static bool
read_degrees(const struct val *v, double max, double *ret)
{
	double d = val_number(v);

	if (!(d >= -max && d <= max)) /* this way round NaN is out, too */
		return false;
	*ret = d;
	return true;
}

/* Six places are a tenth of a metre; zeros at the end are dropped. */
static void
put_degrees(struct buf *b, double d)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%.6f", d);

	while (text[n - 1] == '0')
		n--;
	if (text[n - 1] == '.')
		n--;
	buf_add(b, text, (size_t)n);
}

static void
more_location(struct reading *r, const struct val *v)
{
	double latitude, longitude;

	content_about(r, content_text(v, "name"));
	content_about(r, content_text(v, "address"));
	if (!read_degrees(val_get(v, "degreesLatitude"), 90, &latitude) ||
		!read_degrees(val_get(v, "degreesLongitude"), 180, &longitude))
		return;

	bool named = buf_len(&r->about) > 0;
	buf_addz(&r->about, named ? " (" : "");
	put_degrees(&r->about, latitude);
	buf_addz(&r->about, ", ");
	put_degrees(&r->about, longitude);
	buf_addz(&r->about, named ? ")" : "");
}

/* --- contacts ------------------------------------------------------------- */

static struct str
name_in(struct str card)
{
	struct vcard_line line;

	while (vcard_next(&card, &line))
		if (str_ieq(line.name, STR("FN")))
			return line.value;
	return (struct str){NULL, 0};
}

/* put_contact appends "name, phone, phone", as far as they are known. */
static void
put_contact(struct buf *b, struct str name, struct str card)
{
	const char *separator = name.n ? ", " : "";
	struct vcard_line line;
	bool waid;

	content_clean(b, name);
	for (int left = PHONES_MAX; left > 0 && vcard_next(&card, &line);) {
		struct str phone = vcard_phone(&line, &waid);

		if (!phone.n)
			continue;
		buf_addz(b, separator);
		buf_addz(b, waid ? "+" : "");
		content_clean(b, phone);
		separator = ", ";
		left--;
	}
}

static void
more_contact(struct reading *r, const struct val *v)
{
	struct str card = content_text(v, "vcard");
	struct str name = content_text(v, "displayName");

	put_contact(&r->about, name.p ? name : name_in(card), card);
}

/* between separates the items of a list, of which at most LISTED_MAX are shown.
 * False: enough. */
static bool
between(struct buf *b, size_t i, const char *first, const char *separator)
{
	if (i == LISTED_MAX) {
		buf_addz(b, separator);
		buf_addz(b, "...");
		return false;
	}
	buf_addz(b, i ? separator : first);
	return true;
}

static void
more_contacts(struct reading *r, const struct val *v)
{
	const struct val *contacts = val_get(v, "contacts"), *one;

	for (size_t i = 0; (one = val_at(contacts, i)) != NULL; i++) {
		if (!between(&r->about, i, "", "; "))
			break;
		more_contact(r, one);
	}
	if (!buf_len(&r->about))
		content_about(r, content_text(v, "displayName"));
}

/* --- choices and forms ---------------------------------------------------- */

/* {"id":"ok","display_text":"Yes"}: JSON in JSON, and from a stranger. */
static void
more_interactive_reply(struct reading *r, const struct val *v)
{
	struct str json = content_text(v, "nativeFlowResponseMessage.paramsJson");
	struct val *params = NULL;
	char err[128];

	content_about(r, content_text(v, "nativeFlowResponseMessage.name"));
	if (json.n == 0 || json.n > PARAMS_MAX ||
		json_parse(r->arena, json, PARAMS_VALUES_MAX, &params, err) < 0)
		return;
	r->m->choice = content_text(params, "id");
	if (!r->m->words.p)
		r->m->words = content_text(params, "display_text");
	if (!r->m->words.p)
		r->m->words = content_text(params, "title");
}

static void
more_poll(struct reading *r, const struct val *v)
{
	const struct val *options = val_get(v, "options"), *one;
	const char *first = buf_len(&r->about) ? " (" : "(";
	size_t i = 0;

	for (; (one = val_at(options, i)) != NULL; i++) {
		if (!between(&r->about, i, first, ", "))
			break;
		content_clean(&r->about, content_text(one, "optionName"));
	}
	if (i > 0)
		buf_addc(&r->about, ')');
}

/* --- about other messages ------------------------------------------------- */

/* No text is a reaction that was taken back. */
static void
more_reaction(struct reading *r, const struct val *v)
{
	struct str emoji = content_text(v, "text");

	r->m->emoji = emoji.p ? emoji : STR("");
	if (emoji.p)
		r->tag = "reaction";
	content_about(r, emoji);
}

static bool
is_enum(const struct val *v, int64_t number, const char *name)
{
	return v && (val_int(v, -1) == number || str_eqz(val_text(v), name));
}

static void
more_protocol(struct reading *r, const struct val *v)
{
	const struct val *type = val_get(v, "type");
	struct message inner = {0};
	bool wants_answer;

	r->levels--; /* an edit of an edit is deep as well */
	if (is_enum(type, 0, "REVOKE")) {
		r->m->kind = "revoke";
	} else if (is_enum(type, 14, "MESSAGE_EDIT")) {
		r->m->kind = "edit";
		if (r->levels >= 0)
			content_say(r->arena, val_get(v, "editedMessage"), r->levels,
				&inner, &wants_answer);
		r->m->words = inner.text;
	} else {
		return; /* settings and keys: nobody says anything */
	}
	content_target(r->m, val_get(v, "key"));
}

/* --- the table ------------------------------------------------------------ */

#define ITSELF "" /* the value is the text */
#define WORDS  (SHAPE_ANSWERED | SHAPE_BARE)

const struct shape shapes[] = {
	/* what a person writes, with the shape's words in words[] */
	{"conversation", "text", WORDS, .words = {ITSELF}},
	{"extendedTextMessage", "text", WORDS, .words = {"text"}},
	{"imageMessage", "image", WORDS, "image", {"caption"}},
	{"videoMessage", "video", WORDS, "video", {"caption"}},
	{"ptvMessage", "video", WORDS, "video", {"caption"}},
	{"documentMessage", "document", SHAPE_ANSWERED, "document", {"caption"},
		{"fileName", "title", "mimetype"}},
	{"audioMessage", "audio", 0, "audio", .more = more_audio},
	{"stickerMessage", "sticker", 0, "sticker"},
	{"stickerPackMessage", "sticker_pack", 0, "stickers", {"caption"}, {"name"}},
	{"albumMessage", "album", 0, "album"},
	{"locationMessage", "location", SHAPE_ANSWERED, "location", {"comment"},
		.more = more_location},
	{"liveLocationMessage", "live_location", SHAPE_ANSWERED, "live location",
		{"caption"}, .more = more_location},
	{"contactMessage", "contact", 0, "contact", .more = more_contact},
	{"contactsArrayMessage", "contacts", 0, "contacts", .more = more_contacts},

	/* what a person chooses */
	{"buttonsResponseMessage", "buttons_reply", WORDS, "choice",
		{"selectedDisplayText"}, .choice = "selectedButtonId"},
	{"templateButtonReplyMessage", "template_reply", WORDS, "choice",
		{"selectedDisplayText"}, .choice = "selectedId"},
	{"listResponseMessage", "list_reply", WORDS, "choice", {"title", "description"},
		.choice = "singleSelectReply.selectedRowId"},
	{"interactiveResponseMessage", "interactive_reply", WORDS, "choice",
		{"body.text"}, .more = more_interactive_reply},

	/* what a business sends to us: answering would be two machines talking */
	{"buttonsMessage", "buttons", SHAPE_BARE, "buttons", {"contentText", "text"}},
	{"listMessage", "list", SHAPE_BARE, "list", {"description", "title"}},
	{"templateMessage", "template", SHAPE_BARE, "template",
		{"hydratedTemplate.hydratedContentText",
			"hydratedFourRowTemplate.hydratedContentText",
			"interactiveMessageTemplate.body.text"}},
	{"highlyStructuredMessage", "template", SHAPE_BARE, "template",
		{"hydratedHsm.hydratedTemplate.hydratedContentText"}},
	{"interactiveMessage", "interactive", SHAPE_BARE, "interactive",
		{"body.text", "header.title"}},
	{"productMessage", "product", 0, "product", {"body"},
		{"product.title", "catalog.title"}},
	{"invoiceMessage", "payment", 0, "invoice", {"note"}},

	/* trade and appointments */
	{"orderMessage", "order", SHAPE_ANSWERED, "order", {"message"}, {"orderTitle"}},
	{"requestPaymentMessage", "payment", 0, "payment request",
		{"noteMessage.extendedTextMessage.text", "noteMessage.conversation"}},
	{"sendPaymentMessage", "payment", 0, "payment",
		{"noteMessage.extendedTextMessage.text", "noteMessage.conversation"}},
	{"declinePaymentRequestMessage", "payment", .tag = "payment declined",
		.target = "key"},
	{"cancelPaymentRequestMessage", "payment", .tag = "payment request cancelled",
		.target = "key"},
	{"paymentInviteMessage", "payment", 0, "payment invitation"},
	{"eventMessage", "event", 0, "event", {"description"}, {"name"}},
	{"encEventResponseMessage", "event_reply", .target = "eventCreationMessageKey"},
	{"groupInviteMessage", "group_invite", 0, "group invitation", {"caption"},
		{"groupName"}},

	/* calls */
	{"call", "call", 0, "call"},
	{"bcallMessage", "call", 0, "call"},
	{"callLogMesssage", "call", 0, "call"}, /* their spelling */
	{"scheduledCallCreationMessage", "call", 0, "scheduled call",
		.about = {"title"}},
	{"scheduledCallEditMessage", "call", .target = "key"},

	/* polls */
	{"pollCreationMessage", "poll", 0, "poll", .about = {"name"},
		.more = more_poll},
	{"pollCreationMessageV2", "poll", 0, "poll", .about = {"name"},
		.more = more_poll},
	{"pollCreationMessageV3", "poll", 0, "poll", .about = {"name"},
		.more = more_poll},
	{"pollCreationMessageV5", "poll", 0, "poll", .about = {"name"},
		.more = more_poll},
	{"pollUpdateMessage", "poll_vote", .target = "pollCreationMessageKey"},

	/* what is about another message */
	{"reactionMessage", "reaction", .target = "key", .more = more_reaction},
	{"encReactionMessage", "reaction", .target = "targetMessageKey"},
	{"commentMessage", "comment", 0, "comment",
		{"message.conversation", "message.extendedTextMessage.text"},
		.target = "targetMessageKey"},
	{"encCommentMessage", "comment", .target = "targetMessageKey"},
	{"secretEncryptedMessage", "edit", .target = "targetMessageKey"},
	{"pinInChatMessage", "pin", .target = "key"},
	{"keepInChatMessage", "keep", .target = "key"},
	{"protocolMessage", "protocol", .more = more_protocol},
};
const size_t shape_count = ARRAY_LEN(shapes);
