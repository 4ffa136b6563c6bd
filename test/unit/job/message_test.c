/* SPDX-License-Identifier: MIT */
/* message_test.c: each shape of message as Baileys sends it, and what is made of it. */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "job/content.h"
#include "job/message.h"
#include "job/vcard.h"

static struct arena arena;

static int
read_json(const char *json, struct message *m)
{
	struct val *v = NULL;
	char why[128] = "";

	if (json_parse(&arena, str_of(json), 100000, &v, why) < 0)
		FAIL("%s: %.60s", why, json);
	return message_read(&arena, v, m);
}

#define CHAT "972501234567@s.whatsapp.net"
#define KEY  "\"key\":{\"id\":\"A\",\"remoteJid\":\"" CHAT "\"}"

/* A customer's message with that content. */
static struct message
read_content(const char *content)
{
	struct str json = arena_printf(&arena, "{" KEY ",\"message\":%s}", content);
	struct message m;

	CHECK_INT(read_json(json.p, &m), 0);
	return m;
}

static bool
same(struct str is, const char *want)
{
	return want ? str_eqz(is, want) : !is.p;
}

/* --- the table of shapes -------------------------------------------------- */

#define TARGET "{\"remoteJid\":\"" CHAT "\",\"fromMe\":true,\"id\":\"T1\"}"
#define VCARD                                             \
	"BEGIN:VCARD\\nVERSION:3.0\\nFN:Dana Levi\\n"     \
	"item1.TEL;waid=972501234567:+972 50-123-4567\\n" \
	"TEL;type=CELL:03-555\\nNOTE:x\\nEND:VCARD"

static const struct row {
	const char *content, *kind, *text;
	bool answered;
} rows[] = {
	/* text */
	{"{\"conversation\":\"hi\"}", "text", "hi", true},
	{"{\"extendedTextMessage\":{\"text\":\"see https://a.b\",\"matchedText\":"
	 "\"https://a.b\",\"title\":\"A\"}}",
		"text", "see https://a.b", true},
	{"{\"messageContextInfo\":{\"deviceListMetadata\":{}},\"conversation\":\"hi\"}",
		"text", "hi", true},
	{"{\"senderKeyDistributionMessage\":{\"groupId\":\"1@g.us\"},"
	 "\"conversation\":\"hi\"}",
		"text", "hi", true},
	{"{\"conversation\":\"\",\"imageMessage\":null,\"extendedTextMessage\":{"
	 "\"text\":\"hi\"}}",
		"text", "hi", true},
	{"{\"extendedTextMessage\":{\"text\":\"\"}}", "text", NULL, false},

	/* media */
	{"{\"imageMessage\":{\"url\":\"https://m\",\"mimetype\":\"image/jpeg\","
	 "\"caption\":\"hi\",\"fileLength\":{\"low\":9,\"high\":0,\"unsigned\":true}}}",
		"image", "hi", true},
	{"{\"imageMessage\":{\"mimetype\":\"image/jpeg\"}}", "image", "[image]", false},
	{"{\"imageMessage\":{\"caption\":\"\"}}", "image", "[image]", false},
	{"{\"videoMessage\":{\"seconds\":3,\"gifPlayback\":true,\"caption\":\"look\"}}",
		"video", "look", true},
	{"{\"videoMessage\":{\"seconds\":3}}", "video", "[video]", false},
	{"{\"ptvMessage\":{\"seconds\":3}}", "video", "[video]", false},
	{"{\"documentMessage\":{\"fileName\":\"offer.pdf\",\"mimetype\":"
	 "\"application/pdf\",\"pageCount\":2}}",
		"document", "[document: offer.pdf]", false},
	{"{\"documentMessage\":{\"title\":\"Offer\"}}", "document", "[document: Offer]",
		false},
	{"{\"documentMessage\":{\"mimetype\":\"text/plain\"}}", "document",
		"[document: text/plain]", false},
	{"{\"documentMessage\":{}}", "document", "[document]", false},
	{"{\"documentWithCaptionMessage\":{\"message\":{\"documentMessage\":{"
	 "\"fileName\":\"offer.pdf\",\"caption\":\"is it final?\"}}}}",
		"document", "[document: offer.pdf] is it final?", true},
	{"{\"audioMessage\":{\"mimetype\":\"audio/ogg; codecs=opus\",\"seconds\":7,"
	 "\"ptt\":true,\"waveform\":{\"0\":1}}}",
		"voice", "[voice: 7s]", false},
	{"{\"audioMessage\":{\"seconds\":\"61\",\"ptt\":false}}", "audio",
		"[audio: 61s]", false},
	{"{\"audioMessage\":{\"seconds\":-1}}", "audio", "[audio]", false},
	{"{\"audioMessage\":{\"seconds\":9223372036854775807}}", "audio", "[audio]",
		false},
	{"{\"stickerMessage\":{\"mimetype\":\"image/webp\",\"isAnimated\":true}}",
		"sticker", "[sticker]", false},
	{"{\"lottieStickerMessage\":{\"message\":{\"stickerMessage\":{}}}}", "sticker",
		"[sticker]", false},
	{"{\"stickerPackMessage\":{\"name\":\"Cats\",\"publisher\":\"x\"}}",
		"sticker_pack", "[stickers: Cats]", false},
	{"{\"albumMessage\":{\"expectedImageCount\":2}}", "album", "[album]", false},

	/* places and people */
	{"{\"locationMessage\":{\"degreesLatitude\":32.08,\"degreesLongitude\":34.78,"
	 "\"name\":\"Cafe\",\"address\":\"Main 1\"}}",
		"location", "[location: Cafe, Main 1 (32.08, 34.78)]", false},
	{"{\"locationMessage\":{\"degreesLatitude\":-32,\"degreesLongitude\":"
	 "34.7812345678}}",
		"location", "[location: -32, 34.781235]", false},
	{"{\"locationMessage\":{\"degreesLatitude\":1e999,\"degreesLongitude\":34,"
	 "\"name\":\"Cafe\",\"comment\":\"come\"}}",
		"location", "[location: Cafe] come", true},
	{"{\"locationMessage\":{}}", "location", "[location]", false},
	{"{\"liveLocationMessage\":{\"degreesLatitude\":0,\"degreesLongitude\":0.5,"
	 "\"caption\":\"on my way\",\"sequenceNumber\":\"17\"}}",
		"live_location", "[live location: 0, 0.5] on my way", true},
	{"{\"contactMessage\":{\"displayName\":\"Dana\",\"vcard\":\"" VCARD "\"}}",
		"contact", "[contact: Dana, +972501234567, 03-555]", false},
	{"{\"contactMessage\":{\"vcard\":\"" VCARD "\"}}", "contact",
		"[contact: Dana Levi, +972501234567, 03-555]", false},
	{"{\"contactMessage\":{\"vcard\":\"TEL:1\\r\\nTEL;VALUE=uri:tel:+2\"}}",
		"contact", "[contact: 1, +2]", false},
	{"{\"contactMessage\":{}}", "contact", "[contact]", false},
	{"{\"contactsArrayMessage\":{\"displayName\":\"2 contacts\",\"contacts\":[{"
	 "\"displayName\":\"A\",\"vcard\":\"TEL:1\"},{\"displayName\":\"B\"}]}}",
		"contacts", "[contacts: A, 1; B]", false},
	{"{\"contactsArrayMessage\":{\"displayName\":\"2 contacts\"}}", "contacts",
		"[contacts: 2 contacts]", false},

	/* choices */
	{"{\"buttonsResponseMessage\":{\"selectedButtonId\":\"id1\","
	 "\"selectedDisplayText\":\"Yes\",\"type\":\"DISPLAY_TEXT\"}}",
		"buttons_reply", "Yes", true},
	{"{\"buttonsResponseMessage\":{\"selectedButtonId\":\"id1\"}}", "buttons_reply",
		"id1", true},
	{"{\"templateButtonReplyMessage\":{\"selectedId\":\"1\","
	 "\"selectedDisplayText\":"
	 "\"Confirm\",\"selectedIndex\":0}}",
		"template_reply", "Confirm", true},
	{"{\"listResponseMessage\":{\"title\":\"Haircut\",\"listType\":\"SINGLE_"
	 "SELECT\","
	 "\"singleSelectReply\":{\"selectedRowId\":\"svc_1\"},\"description\":\"30m\"}"
	 "}",
		"list_reply", "Haircut", true},
	{"{\"listResponseMessage\":{\"title\":\"\",\"description\":\"30m\"}}",
		"list_reply", "30m", true},
	{"{\"interactiveResponseMessage\":{\"body\":{\"text\":\"Confirm\"},"
	 "\"nativeFlowResponseMessage\":{\"name\":\"quick_reply\",\"paramsJson\":"
	 "\"{\\\"id\\\":\\\"ok\\\"}\",\"version\":3}}}",
		"interactive_reply", "Confirm", true},
	{"{\"interactiveResponseMessage\":{\"nativeFlowResponseMessage\":{\"name\":"
	 "\"quick_reply\",\"paramsJson\":\"{\\\"id\\\":\\\"ok\\\",\\\"display_text\\\":"
	 "\\\"Fine\\\"}\"}}}",
		"interactive_reply", "Fine", true},
	{"{\"interactiveResponseMessage\":{\"nativeFlowResponseMessage\":{\"name\":"
	 "\"quick_reply\",\"paramsJson\":\"{\\\"id\\\":\\\"ok\\\"}\"}}}",
		"interactive_reply", "ok", true},
	{"{\"interactiveResponseMessage\":{\"nativeFlowResponseMessage\":{\"name\":"
	 "\"flow\",\"paramsJson\":\"{{{\"}}}",
		"interactive_reply", "[choice: flow]", false},

	/* of a business */
	{"{\"buttonsMessage\":{\"contentText\":\"Pick\",\"buttons\":[{\"buttonId\":"
	 "\"1\"}"
	 "],\"headerType\":1}}",
		"buttons", "Pick", false},
	{"{\"listMessage\":{\"title\":\"T\",\"description\":\"Pick\",\"buttonText\":"
	 "\"b\"}"
	 "}",
		"list", "Pick", false},
	{"{\"templateMessage\":{\"hydratedTemplate\":{\"hydratedContentText\":\"Pick\"}"
	 "}"
	 "}",
		"template", "Pick", false},
	{"{\"templateMessage\":{\"interactiveMessageTemplate\":{\"body\":{\"text\":"
	 "\"Pick\"}}}}",
		"template", "Pick", false},
	{"{\"viewOnceMessage\":{\"message\":{\"interactiveMessage\":{\"body\":{"
	 "\"text\":"
	 "\"Pick\"}}}}}",
		"interactive", "Pick", false},
	{"{\"interactiveMessage\":{}}", "interactive", "[interactive]", false},
	{"{\"productMessage\":{\"product\":{\"productId\":\"1\",\"title\":\"Boat\","
	 "\"priceAmount1000\":\"1000\"},\"body\":\"new\"}}",
		"product", "[product: Boat] new", false},

	/* trade, groups, calls */
	{"{\"orderMessage\":{\"orderId\":\"1\",\"itemCount\":2,\"message\":\"two "
	 "please\",\"orderTitle\":\"Boats\",\"totalAmount1000\":{\"low\":1,\"high\":0}}"
	 "}",
		"order", "[order: Boats] two please", true},
	{"{\"orderMessage\":{\"orderId\":\"1\"}}", "order", "[order]", false},
	{"{\"requestPaymentMessage\":{\"amount1000\":\"5000\",\"noteMessage\":{"
	 "\"extendedTextMessage\":{\"text\":\"rent\"}}}}",
		"payment", "[payment request] rent", false},
	{"{\"sendPaymentMessage\":{}}", "payment", "[payment]", false},
	{"{\"eventMessage\":{\"name\":\"Party\",\"startTime\":\"1730092801\"}}",
		"event", "[event: Party]", false},
	{"{\"groupInviteMessage\":{\"groupJid\":\"1@g.us\",\"groupName\":\"Us\","
	 "\"caption\":\"join\"}}",
		"group_invite", "[group invitation: Us] join", false},
	{"{\"call\":{\"callKey\":\"AA==\"}}", "call", "[call]", false},
	{"{\"callLogMesssage\":{\"isVideo\":false,\"callOutcome\":\"MISSED\"}}", "call",
		"[call]", false},
	{"{\"scheduledCallCreationMessage\":{\"title\":\"Talk\"}}", "call",
		"[scheduled call: Talk]", false},

	/* polls */
	{"{\"pollCreationMessage\":{\"name\":\"When?\",\"options\":[{\"optionName\":"
	 "\"Sun\"},{\"optionName\":\"Mon\"}],\"selectableOptionsCount\":1}}",
		"poll", "[poll: When? (Sun, Mon)]", false},
	{"{\"pollCreationMessageV2\":{\"name\":\"When?\"}}", "poll", "[poll: When?]",
		false},
	{"{\"pollCreationMessageV3\":{\"options\":[{\"optionName\":\"Sun\"}]}}", "poll",
		"[poll: (Sun)]", false},
	{"{\"pollCreationMessageV4\":{\"message\":{\"pollCreationMessageV5\":{\"name\":"
	 "\"When?\"}}}}",
		"poll", "[poll: When?]", false},
	{"{\"pollUpdateMessage\":{\"pollCreationMessageKey\":" TARGET ",\"vote\":{"
	 "\"encPayload\":\"AA==\"}}}",
		"poll_vote", NULL, false},

	/* about other messages */
	{"{\"reactionMessage\":{\"key\":" TARGET ",\"text\":\"\xf0\x9f\x91\x8d\","
	 "\"senderTimestampMs\":\"1730092801000\"}}",
		"reaction", "[reaction: \xf0\x9f\x91\x8d]", false},
	{"{\"reactionMessage\":{\"key\":" TARGET ",\"text\":\"\"}}", "reaction", NULL,
		false},
	{"{\"encReactionMessage\":{\"targetMessageKey\":" TARGET "}}", "reaction", NULL,
		false},
	{"{\"protocolMessage\":{\"key\":" TARGET ",\"type\":\"REVOKE\"}}", "revoke",
		NULL, false},
	{"{\"protocolMessage\":{\"key\":" TARGET ",\"type\":0}}", "revoke", NULL,
		false},
	{"{\"protocolMessage\":{\"key\":" TARGET ",\"type\":14,\"editedMessage\":{"
	 "\"conversation\":\"new\"},\"timestampMs\":\"1\"}}",
		"edit", "new", false},
	{"{\"editedMessage\":{\"message\":{\"protocolMessage\":{\"key\":" TARGET
	 ",\"type\":\"MESSAGE_EDIT\",\"editedMessage\":{\"extendedTextMessage\":{"
	 "\"text\":\"new\"}}}}}}",
		"edit", "new", false},
	{"{\"secretEncryptedMessage\":{\"targetMessageKey\":" TARGET
	 ",\"secretEncType\":\"MESSAGE_EDIT\"}}",
		"edit", NULL, false},
	{"{\"commentMessage\":{\"targetMessageKey\":" TARGET ",\"message\":{"
	 "\"conversation\":\"nice\"}}}",
		"comment", "[comment] nice", false},
	{"{\"pinInChatMessage\":{\"key\":" TARGET ",\"type\":1}}", "pin", NULL, false},
	{"{\"keepInChatMessage\":{\"key\":" TARGET "}}", "keep", NULL, false},

	/* nothing to answer */
	{"{\"protocolMessage\":{\"type\":\"EPHEMERAL_SETTING\",\"ephemeralExpiration\":"
	 "86400}}",
		"protocol", NULL, false},
	{"{\"protocolMessage\":{\"type\":11}}", "protocol", NULL, false},
	{"{\"protocolMessage\":{}}", "protocol", NULL, false},
	{"{\"senderKeyDistributionMessage\":{\"groupId\":\"1@g.us\"}}", "protocol",
		NULL, false},
	{"{\"newMessage\":{\"text\":\"hi\"}}", "unknown", NULL, false},
	{"{\"conversation\":7}", "unknown", NULL, false},
	{"{\"imageMessage\":[]}", "unknown", NULL, false},
	{"{\"viewOnceMessageV2\":{}}", "unknown", NULL, false},
	{"{}", "undecrypted", NULL, false},
	{"null", "undecrypted", NULL, false},
	{"[]", "unknown", NULL, false},
	{"7", "unknown", NULL, false},
};

TEST(every_shape_has_a_kind_and_a_text)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct message m = read_content(rows[i].content);

		if (!str_eqz(str_of(m.kind), rows[i].kind) ||
			!same(m.text, rows[i].text) || m.answerable != rows[i].answered)
			FAIL("%s: %s \"%.*s\" %d", rows[i].content, m.kind,
				STR_FMT(m.text), m.answerable);
		CHECK(!m.answerable || m.words.n);
	}
}

TEST(every_wrapper_is_opened)
{
	static const char *const names[] = {"ephemeralMessage", "viewOnceMessage",
		"viewOnceMessageV2", "viewOnceMessageV2Extension",
		"documentWithCaptionMessage", "deviceSentMessage",
		"associatedChildMessage", "botInvokeMessage", "groupMentionedMessage",
		"groupStatusMessage", "groupStatusMessageV2", "lottieStickerMessage",
		"questionMessage", "limitSharingMessage", "pollCreationMessageV4"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct str json = arena_printf(&arena,
			"{\"%s\":{\"message\":{\"conversation\":\"hi\"}},"
			"\"messageContextInfo\":{}}",
			names[i]);
		struct message m = read_content(json.p);

		if (!str_eqz(m.text, "hi") || !m.answerable)
			FAIL("%s", names[i]);
	}
}

static struct message
read_nested(int levels)
{
	struct buf b;

	buf_init(&b);
	for (int i = 0; i < levels; i++)
		buf_addz(&b, "{\"ephemeralMessage\":{\"message\":");
	buf_addz(&b, "{\"conversation\":\"hi\"}");
	for (int i = 0; i < levels; i++)
		buf_addz(&b, "}}");
	struct str json = arena_str(&arena, buf_str(&b));
	buf_done(&b);
	return read_content(json.p);
}

TEST(wrappers_are_opened_to_a_depth_and_deeper_is_unknown)
{
	CHECK_STR(read_nested(CONTENT_LEVELS_MAX).text, "hi");
	struct message m = read_nested(CONTENT_LEVELS_MAX + 1);
	CHECK_STR(str_of(m.kind), "unknown");
	CHECK(!m.text.p && !m.answerable);
}

TEST(edits_of_edits_end)
{
	struct buf b;

	buf_init(&b);
	for (int i = 0; i < 20; i++)
		buf_addz(&b, "{\"protocolMessage\":{\"type\":14,\"editedMessage\":");
	buf_addz(&b, "{\"conversation\":\"hi\"}");
	for (int i = 0; i < 20; i++)
		buf_addz(&b, "}}");
	struct str json = arena_str(&arena, buf_str(&b));
	buf_done(&b);
	struct message m = read_content(json.p);
	CHECK_STR(str_of(m.kind), "edit");
	CHECK(!m.text.p);
}

TEST(an_edit_that_does_not_say_of_what_is_still_no_new_message)
{
	struct message m = read_content(
		"{\"editedMessage\":{\"message\":{\"conversation\":\"new\"}}}");

	CHECK_STR(str_of(m.kind), "edit");
	CHECK_STR(m.text, "new");
	CHECK(!m.answerable && !m.target.id.p);
}

/* --- what comes with a content -------------------------------------------- */

TEST(what_a_message_is_about_is_named)
{
	static const char *const contents[] = {
		"{\"reactionMessage\":{\"key\":%s,\"text\":\"x\"}}",
		"{\"protocolMessage\":{\"key\":%s,\"type\":0}}",
		"{\"protocolMessage\":{\"key\":%s,\"type\":\"14\"}}",
		"{\"pollUpdateMessage\":{\"pollCreationMessageKey\":%s}}",
		"{\"secretEncryptedMessage\":{\"targetMessageKey\":%s}}",
		"{\"pinInChatMessage\":{\"key\":%s}}",
	};
	char json[512];

	for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
		const char *key =
			i % 2 ? TARGET : "{\"id\":\"T1\",\"participant\":\"7@lid\"}";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(json, sizeof(json), contents[i], key);
#pragma GCC diagnostic pop
		struct message m = read_content(json);
		CHECK_STR(m.target.id, "T1");
		CHECK(m.target.from_me == (i % 2 == 1));
		CHECK(same(m.target.participant, i % 2 ? NULL : "7@lid"));
	}
}

TEST(a_reaction_has_an_emoji_and_none_when_it_is_taken_back)
{
	struct message m = read_content("{\"reactionMessage\":{\"text\":\"x\"}}");

	CHECK_STR(m.emoji, "x");
	m = read_content("{\"reactionMessage\":{\"text\":null}}");
	CHECK(m.emoji.p && m.emoji.n == 0 && !m.text.p);
	CHECK(!read_content("{\"conversation\":\"x\"}").emoji.p);
}

TEST(a_choice_keeps_its_id)
{
	CHECK_STR(
		read_content("{\"buttonsResponseMessage\":{\"selectedButtonId\":\"7\","
			     "\"selectedDisplayText\":\"Yes\"}}")
			.choice,
		"7");
	CHECK_STR(read_content("{\"listResponseMessage\":{\"title\":\"Cut\","
			       "\"singleSelectReply\":{\"selectedRowId\":\"7\"}}}")
			  .choice,
		"7");
	CHECK_STR(read_content("{\"interactiveResponseMessage\":{\"body\":{\"text\":"
			       "\"Yes\"},\"nativeFlowResponseMessage\":{\"paramsJson\":"
			       "\"{\\\"id\\\":\\\"7\\\"}\"}}}")
			  .choice,
		"7");
}

TEST(the_message_that_is_quoted_is_read_in_any_shape_that_carries_it)
{
	static const char *const contents[] = {
		"{\"extendedTextMessage\":{\"text\":\"hi\",%s}}",
		"{\"imageMessage\":{%s}}",
		"{\"ephemeralMessage\":{\"message\":{\"audioMessage\":{%s}}}}",
		"{\"buttonsResponseMessage\":{%s}}",
	};
	static const char info[] =
		"\"contextInfo\":{\"stanzaId\":\"Q1\",\"participant\":\"" CHAT "\","
		"\"quotedMessage\":{\"ephemeralMessage\":{\"message\":{"
		"\"documentMessage\":{\"fileName\":\"a.pdf\",\"contextInfo\":{"
		"\"stanzaId\":\"Q0\"}}}}},\"mentionedJid\":[\"1@lid\",7,\"2@lid\"]}";
	char json[1024];

	for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(json, sizeof(json), contents[i], info);
#pragma GCC diagnostic pop
		struct message m = read_content(json);
		CHECK_STR(m.quoted.id, "Q1");
		CHECK_STR(m.quoted.participant, CHAT);
		CHECK_STR(m.quoted.text, "[document: a.pdf]");
		CHECK_INT(m.mention_count, 2);
		CHECK_STR(m.mentions[1], "2@lid");
	}
	CHECK(!read_content("{\"extendedTextMessage\":{\"text\":\"hi\",\"contextInfo\":"
			    "{\"stanzaId\":\"\"}}}")
			.quoted.id.p);
}

/* --- bounds --------------------------------------------------------------- */

TEST(details_in_brackets_are_short_and_of_one_line)
{
	char name[600] = "";

	for (int i = 0; i < 200; i++)
		strcat(name, "\xd7\xa9"); /* two bytes a letter */
	struct str json = arena_printf(&arena,
		"{\"documentMessage\":{\"fileName\":\"x%s\",\"caption\":\"a\\nb\"}}",
		name);
	struct message m = read_content(json.p);
	CHECK(str_ends(m.text, STR("\xd7\xa9...] a\nb")));
	CHECK_INT(m.text.n, strlen("[document: ") + 255 + strlen("...] a\nb"));

	m = read_content(
		"{\"documentMessage\":{\"fileName\":\" a\\u0000b\\nc.pdf \"}}");
	CHECK_STR(m.text, "[document: a b c.pdf]");
}

TEST(lists_are_shown_up_to_a_number)
{
	struct buf b;

	buf_init(&b);
	buf_addz(&b, "{\"pollCreationMessage\":{\"name\":\"n\",\"options\":[");
	for (int i = 0; i < 3000; i++)
		buf_addz(&b, i ? ",{\"optionName\":\"o\"}" : "{\"optionName\":\"o\"}");
	buf_addz(&b, "],\"contextInfo\":{\"mentionedJid\":[");
	for (int i = 0; i < 3000; i++)
		buf_addz(&b, i ? ",\"1@lid\"" : "\"1@lid\"");
	buf_addz(&b, "]}}}");
	struct str json = arena_str(&arena, buf_str(&b));
	buf_done(&b);
	struct message m = read_content(json.p);
	CHECK(m.text.n < 100 && str_ends(m.text, STR("o, ...)]")));
	CHECK_INT(m.mention_count, CONTENT_MENTIONS_MAX);
}

/* --- around the content --------------------------------------------------- */

TEST(only_a_person_who_wrote_to_us_is_answered)
{
	static const struct {
		const char *chat, *from_me;
		enum chat_kind where;
		bool answerable;
	} cases[] = {
		{CHAT, "false", CHAT_PERSON, true},
		{"9725:12@s.whatsapp.net", "null", CHAT_PERSON, true},
		{"9725@c.us", "false", CHAT_PERSON, true},
		{"9725@hosted", "false", CHAT_PERSON, true},
		{"123@lid", "false", CHAT_LID, true},
		{"123@hosted.lid", "false", CHAT_LID, true},
		{"US.13@bsuid", "false", CHAT_LID, true},
		{CHAT, "true", CHAT_PERSON, false},
		{"1203@g.us", "false", CHAT_GROUP, false},
		{"status@broadcast", "false", CHAT_STATUS, false},
		{"5551@broadcast", "false", CHAT_BROADCAST, false},
		{"1@newsletter", "false", CHAT_NEWSLETTER, false},
		{"8675@bot", "false", CHAT_BOT, false},
		{"0@c.us", "false", CHAT_BOT, false},
		{"0@s.whatsapp.net", "false", CHAT_BOT, false},
		{"13135550002:7@s.whatsapp.net", "false", CHAT_BOT, false},
		{"1@call", "false", CHAT_OTHER, false},
		{"nobody", "false", CHAT_OTHER, false},
		{"@lid", "false", CHAT_OTHER, false},
		{"1@x@lid", "false", CHAT_OTHER, false},
	};
	struct message m;
	char json[512];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(json, sizeof(json),
			"{\"key\":{\"id\":\"A\",\"remoteJid\":\"%s\",\"fromMe\":%s},"
			"\"message\":{\"conversation\":\"hi\"}}",
			cases[i].chat, cases[i].from_me);
		CHECK_INT(read_json(json, &m), 0);
		if (m.answerable != cases[i].answerable || m.where != cases[i].where)
			FAIL("%s: %d %d", cases[i].chat, m.answerable, m.where);
	}
}

TEST(a_time_is_read_in_every_spelling_and_nothing_overflows)
{
	static const struct {
		const char *json;
		int64_t us;
	} cases[] = {
		{"1730092801", 1730092801000000},
		{"\"1730092801\"", 1730092801000000},
		{"1730092801.0", 1730092801000000},
		{"{\"low\":1730092801,\"high\":0,\"unsigned\":true}", 1730092801000000},
		{"{\"low\":-2564874495,\"high\":0,\"unsigned\":true}", 0},
		{"1730092801234", 1730092801234000},
		{"{\"low\":-779019054,\"high\":402,\"unsigned\":false}",
			1730092801234000},
		{"1000000000000", 1000000000000000000},
		{"1000000000000001", 0},
		{"9223372036854775807", 0},
		{"99999999999999999999", 0},
		{"\"99999999999999999999\"", 0},
		{"-1", 0},
		{"0", 0},
		{"null", 0},
		{"\"yesterday\"", 0},
		{"{\"low\":0,\"high\":2147483647}", 0},
		{"{\"low\":-1,\"high\":-1,\"unsigned\":true}", 0},
	};
	struct message m;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str json = arena_printf(&arena,
			"{" KEY ",\"message\":{\"conversation\":\"a\"},"
			"\"messageTimestamp\":%s}",
			cases[i].json);

		CHECK_INT(read_json(json.p, &m), 0);
		if (m.sent_us != cases[i].us)
			FAIL("%s: %" PRId64, cases[i].json, m.sent_us);
	}
}

TEST(a_stub_stands_for_what_is_not_there)
{
	static const struct {
		const char *rest, *kind, *text;
	} cases[] = {
		{"\"messageStubType\":2,\"messageStubParameters\":[\"Bad MAC\"]",
			"undecrypted", NULL},
		{"\"messageStubType\":\"CIPHERTEXT\",\"message\":null", "undecrypted",
			NULL},
		{"\"messageStubType\":\"2\",\"message\":{}", "undecrypted", NULL},
		{"\"messageStubType\":2,\"message\":{\"senderKeyDistributionMessage\":"
		 "{\"groupId\":\"1@g.us\"},\"messageContextInfo\":{}}",
			"undecrypted", NULL},
		{"\"messageStubType\":1", "revoke", NULL},
		{"\"messageStubType\":3", "unknown", NULL},
		{"\"messageStubType\":40", "call", "[missed call]"},
		{"\"messageStubType\":\"CALL_MISSED_VIDEO\"", "call",
			"[missed video call]"},
		{"\"messageStubType\":\"GROUP_PARTICIPANT_ADD\"", "system", NULL},
		{"\"messageStubType\":27", "system", NULL},
		{"\"messageStubType\":\"UNKNOWN\"", "undecrypted", NULL},
		{"\"messageStubType\":0,\"message\":null", "undecrypted", NULL},
		{"\"messageStubType\":2,\"message\":{\"conversation\":\"hi\"}", "text",
			"hi"},
	};
	struct message m;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str json = arena_printf(&arena, "{" KEY ",%s}", cases[i].rest);

		CHECK_INT(read_json(json.p, &m), 0);
		if (!str_eqz(str_of(m.kind), cases[i].kind) ||
			!same(m.text, cases[i].text) || (m.answerable && !m.text.p))
			FAIL("%s: %s", cases[i].rest, m.kind);
	}
	CHECK_INT(read_json("{" KEY ",\"messageStubType\":1}", &m), 0);
	CHECK_STR(m.target.id, "A");
	CHECK(str_starts(m.id, STR("n-"))); /* not the row of the message itself */
}

TEST(an_update_is_read_when_it_edits_or_revokes)
{
	static const struct {
		const char *update, *kind, *text; /* kind NULL: neither */
	} cases[] = {
		{"{\"message\":{\"editedMessage\":{\"message\":{\"conversation\":"
		 "\"new\"}}}}",
			"edit", "new"},
		{"{\"message\":{\"editedMessage\":{\"message\":{\"imageMessage\":{"
		 "\"caption\":"
		 "\"new\"}}}},\"messageTimestamp\":7}",
			"edit", "new"},
		{"{\"message\":{\"editedMessage\":{}}}", NULL, NULL},
		{"{\"message\":null,\"messageStubType\":1,\"key\":{\"id\":\"R\"}}",
			"revoke", NULL},
		{"{\"messageStubType\":\"REVOKE\"}", "revoke", NULL},
		{"{\"messageStubType\":2}", NULL, NULL},
		{"{\"message\":{\"conversation\":\"whole\"}}", NULL, NULL},
		{"{\"status\":3}", NULL, NULL},
		{"{\"pollUpdates\":[]}", NULL, NULL},
		{"7", NULL, NULL},
	};
	struct message m;
	struct val *v;
	char err[128];
	bool change;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str json = arena_printf(
			&arena, "{" KEY ",\"update\":%s}", cases[i].update);

		CHECK_INT(json_parse(&arena, json, 1000, &v, err), 0);
		CHECK_INT(message_read_update(&arena, v, &m, &change), 0);
		if (change != (cases[i].kind != NULL) ||
			(change && (!str_eqz(str_of(m.kind), cases[i].kind) ||
					   !same(m.text, cases[i].text))))
			FAIL("%s: %s", cases[i].update, m.kind ? m.kind : "no kind");
		CHECK_STR(m.target.id, "A");
		CHECK(str_starts(m.id, STR("n-")) && !m.answerable);
	}
	CHECK_INT(json_parse(&arena, STR("{\"update\":{}}"), 1000, &v, err), 0);
	CHECK_INT(message_read_update(&arena, v, &m, &change), ERR_UNPROCESSABLE);
}

TEST(what_baileys_says_of_a_message_is_read)
{
	struct message m;

	CHECK_INT(read_json("{\"key\":{\"id\":\"A\",\"remoteJid\":\"1@g.us\","
			    "\"participant\":\"7@lid\",\"participantAlt\":\"9725@s."
			    "whatsapp.net\"},\"pushName\":\"Dana\",\"message\":{"
			    "\"conversation\":\"hi\"}}",
			  &m),
		0);
	CHECK_STR(m.push_name, "Dana");
	CHECK_STR(m.participant, "7@lid");
	CHECK_STR(m.participant_alt, "9725@s.whatsapp.net");
	CHECK(!m.chat_alt.p);

	CHECK_INT(read_json("{\"key\":{\"id\":\"A\",\"remoteJid\":\"7@lid\","
			    "\"remoteJidAlt\":\"9725@s.whatsapp.net\",\"senderPn\":\"1@"
			    "s.whatsapp.net\",\"senderLid\":\"\",\"participant\":null},"
			    "\"senderLid\":\"2@lid\",\"participantPn\":\"3@s.whatsapp."
			    "net\",\"participantLid\":\"4@lid\",\"pushName\":\"\"}",
			  &m),
		0);
	CHECK_STR(m.chat_alt, "9725@s.whatsapp.net");
	CHECK_STR(m.sender_pn, "1@s.whatsapp.net");
	CHECK_STR(m.sender_lid, "2@lid");
	CHECK_STR(m.participant_pn, "3@s.whatsapp.net");
	CHECK_STR(m.participant_lid, "4@lid");
	CHECK(!m.participant.p && !m.push_name.p && m.where == CHAT_LID);
}

TEST(what_has_no_chat_is_unprocessable)
{
	struct message m;

	CHECK_INT(read_json("{\"key\":{\"id\":\"TEST123\"}}", &m), ERR_UNPROCESSABLE);
	CHECK_INT(read_json("{}", &m), ERR_UNPROCESSABLE);
	CHECK_INT(read_json("7", &m), ERR_UNPROCESSABLE);
}

TEST(a_message_without_id_gets_one_of_its_content)
{
	struct message m, again, other;
	static const char one[] = "{\"key\":{\"remoteJid\":\"1@lid\"},\"message\":{"
				  "\"conversation\":\"hi\"}}";

	CHECK_INT(read_json(one, &m), 0);
	CHECK_INT(read_json(one, &again), 0);
	CHECK_INT(read_json("{\"key\":{\"remoteJid\":\"1@lid\"},\"message\":{"
			    "\"conversation\":\"ho\"}}",
			  &other),
		0);
	CHECK(str_starts(m.id, STR("n-")));
	CHECK(str_eq(m.id, again.id) && !str_eq(m.id, other.id));
}

TEST(a_vcard_is_read_line_by_line)
{
	struct str card = STR("item1.TEL;type=\"a:b\";waid=97250:+972 50\nFN:\n\nTEL");
	struct vcard_line line;
	bool waid;

	CHECK(vcard_next(&card, &line));
	CHECK_STR(line.name, "TEL");
	CHECK_STR(line.value, "+972 50");
	CHECK_STR(vcard_phone(&line, &waid), "97250");
	CHECK(waid);
	CHECK(vcard_next(&card, &line));
	CHECK_STR(line.name, "FN");
	CHECK(!vcard_phone(&line, &waid).p);
	CHECK(vcard_next(&card, &line) && vcard_next(&card, &line));
	CHECK(!vcard_phone(&line, &waid).n && !waid);
	CHECK(!vcard_next(&card, &line));
	arena_done(&arena);
}

UNIT_MAIN
