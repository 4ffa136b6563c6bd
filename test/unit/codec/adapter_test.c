/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/arena.h"
#include "base/err.h"
#include "codec/adapter.h"
#include "codec/webhook.h"

#define HEAD(list) "{\"tenantId\":\"1\",\"payload\":{\"type\":\"notify\",\"" list "\":["
#define TAIL       "]}}"

#define INFO                                                                     \
	"\"Info\":{\"Chat\":\"5511@s.whatsapp.net\",\"Sender\":"                 \
	"\"5511:3@s.whatsapp.net\",\"SenderAlt\":\"99@lid\",\"IsFromMe\":false," \
	"\"IsGroup\":false,\"ID\":\"A1\",\"PushName\":\"Ana\",\"Timestamp\":"    \
	"\"2026-11-24T07:00:00-03:00\"}"
#define INFO_OURS                                                                  \
	"{\"key\":{\"id\":\"A1\",\"remoteJid\":\"5511@s.whatsapp.net\",\"fromMe\"" \
	":false,\"remoteJidAlt\":\"99@lid\"},\"messageTimestamp\":1795514400,"     \
	"\"pushName\":\"Ana\""

#define WAHA(rest)                                                            \
	"{\"event\":\"message\",\"session\":\"default\",\"payload\":{\"id\":" \
	"\"false_5511@c.us_A1\",\"timestamp\":7,\"from\":\"5511@c.us\","      \
	"\"fromMe\":false,\"to\":null,\"participant\":null," rest "}}"
#define WAHA_OURS(message)                                                         \
	HEAD("messages")                                                           \
	"{\"key\":{\"id\":\"A1\",\"remoteJid\":\"5511@s.whatsapp.net\",\"fromMe\"" \
	":false},\"messageTimestamp\":7,\"message\":" message "}" TAIL

/* "": it means nothing to us. */
static const struct row {
	const char *adapter, *body, *ours;
} rows[] = {
	{"evolution",
		"{\"event\":\"messages.upsert\",\"instance\":\"shop\",\"data\":{"
		"\"key\":{"
		"\"remoteJid\":\"5511@s.whatsapp.net\",\"fromMe\":false,\"id\":\"A1\"},"
		"\"pushName\":\"Ana\",\"message\":{\"conversation\":\"oi\"},"
		"\"messageType\":\"conversation\",\"messageTimestamp\":7},\"apikey\":"
		"\"KEY\"}",
		HEAD("messages") "{\"key\":{\"remoteJid\":\"5511@s.whatsapp.net\","
				 "\"fromMe\":false,"
				 "\"id\":\"A1\"},\"message\":{\"conversation\":\"oi\"},"
				 "\"messageTimestamp\":7,\"pushName\":\"Ana\"}" TAIL},
	{"evolution",
		"{\"event\":\"messages.update\",\"data\":[{\"keyId\":\"A1\","
		"\"remoteJid\":"
		"\"5511@s.whatsapp.net\",\"fromMe\":true,\"status\":\"READ\"},{\"id\":"
		"\"A2\",\"remoteJid\":\"5511@s.whatsapp.net\",\"status\":\"SERVER_"
		"ACK\"}]"
		"}",
		HEAD("updates") "{\"key\":{\"id\":\"A1\",\"remoteJid\":\"5511@s."
				"whatsapp.net\","
				"\"fromMe\":true},\"update\":{\"status\":\"READ\"}},{"
				"\"key\":{\"id\":"
				"\"A2\",\"remoteJid\":\"5511@s.whatsapp.net\"},"
				"\"update\":{\"status\":"
				"\"SERVER_ACK\"}}" TAIL},
	{"evolution",
		"{\"event\":\"messages.delete\",\"data\":{\"id\":\"A1\",\"remoteJid\":"
		"\"5511@s.whatsapp.net\",\"fromMe\":false}}",
		HEAD("updates") "{\"key\":{\"id\":\"A1\",\"remoteJid\":\"5511@s."
				"whatsapp.net\","
				"\"fromMe\":false},\"update\":{\"messageStubType\":1}"
				"}" TAIL},
	{"evolution", "{\"event\":\"connection.update\",\"data\":{\"state\":\"open\"}}",
		"{\"tenantId\":\"1\",\"connection\":\"open\"}"},
	{"evolution", "{\"event\":\"presence.update\",\"data\":{}}", ""},

	{"waha", WAHA("\"body\":\"oi\",\"hasMedia\":false"),
		WAHA_OURS("{\"conversation\":\"oi\"}")},
	{"waha",
		WAHA("\"body\":\"look\",\"hasMedia\":true,\"media\":{\"url\":\"http://"
		     "w/"
		     "a.jpg\",\"mimetype\":\"image/jpeg\",\"filename\":null}"),
		WAHA_OURS("{\"imageMessage\":{\"mimetype\":\"image/jpeg\",\"url\":"
			  "\"http://w/a.jpg\",\"caption\":\"look\"}}")},
	{"waha",
		WAHA("\"body\":\"this "
		     "one\",\"replyTo\":{\"id\":\"A0\",\"body\":\"which?"
		     "\"}"),
		WAHA_OURS("{\"extendedTextMessage\":{\"text\":\"this one\","
			  "\"contextInfo\":{\"stanzaId\":\"A0\",\"quotedMessage\":{"
			  "\"conversation\":\"which?\"}}}}")},
	{"waha",
		WAHA("\"body\":\"\",\"location\":{\"latitude\":1.5,\"longitude\":-2,"
		     "\"description\":\"Pier\"}"),
		WAHA_OURS("{\"locationMessage\":{\"degreesLatitude\":1.5,"
			  "\"degreesLongitude\":-2,\"name\":\"Pier\"}}")},
	{"waha", /* the NOWEB engine tells what Baileys said */
		WAHA("\"body\":\"oi\",\"_data\":{\"key\":{\"id\":\"A1\",\"remoteJid\":"
		     "\"5511@s.whatsapp.net\"},\"message\":{\"conversation\":\"oi\"}}"),
		HEAD("messages") "{\"key\":{\"id\":\"A1\",\"remoteJid\":\"5511@s."
				 "whatsapp.net\"},"
				 "\"message\":{\"conversation\":\"oi\"}}" TAIL},
	{"waha", /* GOWS, what whatsmeow did */
		WAHA("\"body\":\"oi\",\"_data\":{" INFO
		     ",\"Message\":{\"conversation\":\"oi\"}}"),
		HEAD("messages") INFO_OURS
		",\"message\":{\"conversation\":\"oi\"}}" TAIL},
	{"waha",
		"{\"event\":\"message.any\",\"payload\":{\"id\":\"true_12-34@g.us_A1_"
		"5511"
		"@c.us\",\"from\":\"12-34@g.us\",\"fromMe\":true,\"participant\":"
		"\"5511@c.us\",\"body\":\"oi\"}}",
		HEAD("messages") "{\"key\":{\"id\":\"A1\",\"remoteJid\":\"12-34@g.us\","
				 "\"fromMe\":true,"
				 "\"participant\":\"5511@s.whatsapp.net\"},\"message\":"
				 "{\"conversation\":"
				 "\"oi\"}}" TAIL},
	{"waha",
		"{\"event\":\"message.reaction\",\"payload\":{\"id\":"
		"\"false_5511@c.us_A2\",\"fromMe\":false,\"reaction\":{\"text\":\"+\","
		"\"messageId\":\"true_5511@c.us_A1\"}}}",
		HEAD("messages") "{\"key\":{\"id\":\"A2\",\"remoteJid\":\"5511@s."
				 "whatsapp.net\","
				 "\"fromMe\":false},\"message\":{\"reactionMessage\":{"
				 "\"text\":\"+\","
				 "\"key\":{\"id\":\"A1\",\"remoteJid\":\"5511@c.us\"}}}"
				 "}" TAIL},
	{"waha",
		"{\"event\":\"message.ack\",\"payload\":{\"id\":\"true_5511@c.us_A1\","
		"\"from\":\"77@c.us\",\"fromMe\":true,\"ack\":3,\"ackName\":\"READ\"}}",
		HEAD("updates") "{\"key\":{\"id\":\"A1\",\"remoteJid\":\"5511@s."
				"whatsapp.net\","
				"\"fromMe\":true},\"update\":{\"status\":4}}" TAIL},
	{"waha",
		"{\"event\":\"message.revoked\",\"payload\":{\"revokedMessageId\":"
		"\"A1\","
		"\"after\":{\"id\":\"false_5511@c.us_A9\",\"fromMe\":false}}}",
		HEAD("updates") "{\"key\":{\"id\":\"A1\",\"remoteJid\":\"5511@s."
				"whatsapp.net\","
				"\"fromMe\":false},\"update\":{\"messageStubType\":1}"
				"}" TAIL},
	{"waha",
		"{\"event\":\"message.edited\",\"payload\":{\"editedMessageId\":\"A1\","
		"\"id\":\"false_5511@c.us_A9\",\"fromMe\":false,\"body\":\"two\","
		"\"timestamp\":9}}",
		HEAD("updates") "{\"key\":{\"id\":\"A1\",\"remoteJid\":\"5511@s."
				"whatsapp.net\","
				"\"fromMe\":false},\"update\":{\"message\":{"
				"\"editedMessage\":{"
				"\"message\":{\"conversation\":\"two\"}}},"
				"\"messageTimestamp\":9}}" TAIL},
	{"waha",
		"{\"event\":\"session.status\",\"payload\":{\"status\":\"SCAN_QR_"
		"CODE\"}}",
		"{\"tenantId\":\"1\",\"connection\":\"SCAN_QR_CODE\"}"},

	{"wuzapi",
		"{\"type\":\"Message\",\"event\":{" INFO
		",\"Message\":{\"extendedTextMessage\":{\"text\":\"this\","
		"\"contextInfo\""
		":{\"stanzaID\":\"A0\",\"mentionedJID\":[\"1@lid\"]}}}},\"token\":"
		"\"T\"}",
		HEAD("messages") INFO_OURS
		",\"message\":{\"extendedTextMessage\":{\"text\":\"this\","
		"\"contextInfo\":{\"stanzaId\":\"A0\",\"mentionedJid\":["
		"\"1@lid\"]}}}}" TAIL},
	{"wuzapi", "{\"type\":\"UndecryptableMessage\",\"event\":{" INFO "}}",
		HEAD("messages") INFO_OURS ",\"messageStubType\":2}" TAIL},
	{"wuzapi",
		"{\"type\":\"ReadReceipt\",\"state\":\"Read\",\"event\":{\"Chat\":"
		"\"5511@s.whatsapp.net\",\"MessageIDs\":[\"A1\",\"A2\"],\"Timestamp\":"
		"\"2026-11-24T10:00:00.5Z\",\"Type\":\"read\"}}",
		HEAD("updates") "{\"key\":{\"id\":\"A1\",\"remoteJid\":\"5511@s."
				"whatsapp.net\","
				"\"fromMe\":true},\"update\":{\"status\":4,"
				"\"messageTimestamp\":"
				"1795514400}},{\"key\":{\"id\":\"A2\",\"remoteJid\":"
				"\"5511@s.whatsapp.net\",\"fromMe\":true},\"update\":{"
				"\"status\":4,"
				"\"messageTimestamp\":1795514400}}" TAIL},
	{"wuzapi", "{\"type\":\"LoggedOut\",\"event\":{}}",
		"{\"tenantId\":\"1\",\"connection\":\"close\"}"},
};

TEST(each_event_is_told_in_our_words)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		const struct adapter *ad = adapter_find(str_of(row->adapter));
		struct str ours = STR("");
		enum adapter_says says;
		struct webhook w;
		struct arena a;
		char err[128] = "";

		arena_init(&a);
		if (adapter_read(
			    &a, ad, STR("1"), str_of(row->body), &says, &ours, err) < 0)
			FAIL("row %zu: %s", i, err);
		CHECK_STR(ours, row->ours);
		if (says == ADAPTER_NEWS) {
			CHECK_INT(webhook_scan(&a, ours, &w, err), 0);
			CHECK(w.count > 0 && !w.msgs[0].unfit);
		}
		CHECK_INT(says == ADAPTER_NOTHING, row->ours[0] == '\0');
		arena_done(&a);
	}
}

TEST(what_is_wrong_is_named)
{
	static const struct {
		const char *adapter, *body, *words;
		int err;
	} bad[] = {
		{"evolution", "jsonData=%7B", "byte 0", ERR_SYNTAX},
		{"evolution", "{}", "evolution: no event", ERR_SHAPE},
		{"evolution", "{\"event\":\"messages.upsert\",\"data\":{}}",
			"evolution: messages.upsert without what it is about",
			ERR_SHAPE},
		{"evolution", "{\"event\":\"connection.update\",\"data\":{}}",
			"evolution: connection.update without what it is about",
			ERR_SHAPE},
		{"wuzapi", "{\"type\":7}", "wuzapi: no type", ERR_SHAPE},
		{"wuzapi", "{\"type\":\"ReadReceipt\",\"event\":{\"MessageIDs\":[]}}",
			"wuzapi: ReadReceipt without what it is about", ERR_SHAPE},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		enum adapter_says says;
		struct str ours;
		struct arena a;
		char err[128] = "";

		arena_init(&a);
		CHECK_INT(adapter_read(&a, adapter_find(str_of(bad[i].adapter)),
				  STR("1"), str_of(bad[i].body), &says, &ours, err),
			bad[i].err);
		if (!strstr(err, bad[i].words))
			FAIL("row %zu: %s", i, err);
		arena_done(&a);
	}
}

UNIT_MAIN
