/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/webhook.h"

static struct arena arena;
static char why[128];

static int
scan(const char *body, struct webhook *w)
{
	arena_clear(&arena);
	why[0] = '\0';
	return webhook_scan(&arena, str_of(body), w, why);
}

#define CHAT "972501234567@s.whatsapp.net"
#define ONE(key, rest)                                                  \
	"{\"tenantId\":\"1\",\"payload\":{\"messages\":[{\"key\":{" key \
	",\"remoteJid\":\"" CHAT "\"}" rest "}]}}"
#define TEXT ",\"message\":{\"conversation\":\"hi\"}"

TEST(the_guides_message_is_read)
{
	struct webhook w;

	CHECK_INT(scan(" " ONE("\"id\":\"TEST123\"", TEXT) "\r\n", &w), 0);
	CHECK_STR(w.tenant, "1");
	CHECK_INT(w.count, 1);
	CHECK_STR(w.msgs[0].id, "TEST123");
	CHECK_STR(w.msgs[0].chat, CHAT);
	CHECK(!w.msgs[0].from_me && !w.msgs[0].stub && !w.msgs[0].unfit);
	CHECK_STR(w.msgs[0].raw,
		"{\"key\":{\"id\":\"TEST123\",\"remoteJid\":\"" CHAT "\"}" TEXT "}");
}

TEST(a_tenant_has_one_name)
{
	static const struct {
		const char *json, *tenant;
	} rows[] = {
		{"\"1\"", "1"},
		{"1", "1"},
		{"\"business_1\"", "1"},
		{"\"business_x\"", "business_x"},
		{"\"business_\"", "business_"},
		{"\"acme-Shop_2\"", "acme-Shop_2"},
		{"\"\\u0031\"", "1"},
	};
	struct webhook w;
	char body[128];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(body, sizeof(body), "{\"tenantId\":%s}", rows[i].json);
		CHECK_INT(scan(body, &w), 0);
		CHECK_STR(w.tenant, rows[i].tenant);
		CHECK_INT(w.count, 0);
	}
}

TEST(what_is_wrong_is_named)
{
	static const struct {
		const char *body;
		int err;
		const char *words; /* part of them */
	} rows[] = {
		{"", ERR_SYNTAX, ""},
		{"{", ERR_SYNTAX, ""},
		{"{\"tenantId\":1} x", ERR_SYNTAX, ""},
		{"[]", ERR_SHAPE, "object"},
		{"7", ERR_SHAPE, "object"},
		{"{}", ERR_SHAPE, "tenantId is missing"},
		{"{\"tenantId\":\"\"}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":null}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":-1}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":1.5}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":\"a b\"}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":1,\"payload\":[]}", ERR_SHAPE,
			"payload must be an object"},
		{"{\"tenantId\":1,\"payload\":{\"messages\":{}}}", ERR_SHAPE,
			"payload.messages must be a list"},
		{"{\"tenantId\":1,\"tenantId\":1}", ERR_SHAPE, "tenantId stands twice"},
		{"{\"tenantId\":1,\"tenant\\u0049d\":1}", ERR_SHAPE,
			"tenantId stands twice"},
		{ONE("\"id\":\"a\",\"id\":\"b\"", TEXT), ERR_SHAPE, "id stands twice"},
		{"{\"tenantId\":1,\"payload\":{\"messages\":[1,]}}", ERR_SYNTAX, ""},
	};
	struct webhook w;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int err = scan(rows[i].body, &w);

		if (err != rows[i].err || !strstr(why, rows[i].words) || !why[0])
			FAIL("%s: %d \"%s\"", rows[i].body, err, why);
	}
}

TEST(absent_and_null_lists_are_empty)
{
	static const char *const bodies[] = {
		"{\"tenantId\":1}",
		"{\"tenantId\":1,\"payload\":null}",
		"{\"tenantId\":1,\"payload\":{}}",
		"{\"payload\":{\"messages\":null},\"tenantId\":1}",
		"{\"tenantId\":1,\"payload\":{\"messages\":[ ]}}",
		"{\"tenantId\":1,\"more\":[{\"id\":1}]}",
	};
	struct webhook w;

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		CHECK_INT(scan(bodies[i], &w), 0);
		CHECK_INT(w.count, 0);
	}
}

TEST(a_message_that_cant_be_processed_says_why)
{
	static const struct {
		const char *message, *unfit;
		bool stub;
	} rows[] = {
		{"{\"key\":{\"id\":\"TEST123\"}}", "no chat", false},
		{"7", "not an object", false},
		{"{}", "no key", false},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"}}", "no content", false},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"message\":{}}",
			"no content", false},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"message\":null}",
			"no content", false},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":7},\"message\":{\"x\":1}}",
			"no chat", false},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"\"},\"message\":{\"x\":1}}",
			"no chat", false},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"message\":{\"x\":1}}",
			NULL, false},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"messageStubType\":2}",
			NULL, true},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"messageStubType\":"
		 "\"CIPHERTEXT\"}",
			NULL, true},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"messageStubType\":0}",
			"no content", false},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"messageStubType\":2,"
		 "\"message\":{\"x\":1}}",
			NULL, false},
	};
	struct webhook w;
	char body[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(body, sizeof(body),
			"{\"tenantId\":1,\"payload\":{\"messages\":[%s]}}",
			rows[i].message);
		CHECK_INT(scan(body, &w), 0);
		CHECK_INT(w.count, 1);
		CHECK_STR(w.msgs[0].raw, rows[i].message);
		if (!rows[i].unfit != !w.msgs[0].unfit ||
			(rows[i].unfit && strcmp(rows[i].unfit, w.msgs[0].unfit)))
			FAIL("%s: %s", rows[i].message,
				w.msgs[0].unfit ? w.msgs[0].unfit : "fit");
		CHECK(w.msgs[0].stub == rows[i].stub);
	}
}

TEST(ids_are_decoded_before_they_name_anything)
{
	struct webhook w;

	CHECK_INT(scan(ONE("\"\\u0069d\":\"T\\u0045ST\\n\\u00e9\"", TEXT), &w), 0);
	CHECK_STR(w.msgs[0].id, "TEST\n\xc3\xa9");
	CHECK_INT(scan(ONE("\"id\":\"a\\u0000b\"", TEXT), &w), 0);
	CHECK_INT(w.msgs[0].id.n, 3);
	CHECK_INT(scan(ONE("\"id\":\"\\ud83d\"", TEXT), &w), 0); /* half an emoji */
	CHECK_STR(w.msgs[0].id, "\xed\xa0\xbd");
	CHECK_INT(scan(ONE("\"id\":\"\\ud83d\\ude00\"", TEXT), &w), 0);
	CHECK_STR(w.msgs[0].id, "\xf0\x9f\x98\x80");
}

TEST(a_long_or_missing_id_gets_a_hash_that_a_redelivery_has_too)
{
	char body[1024], first[64];
	struct webhook w;

	snprintf(body, sizeof(body), ONE("\"id\":\"%0300d\"", TEXT), 7);
	CHECK_INT(scan(body, &w), 0);
	CHECK_INT(w.msgs[0].id.n, 28);
	CHECK(str_starts(w.msgs[0].id, STR("h-")));

	for (int i = 0; i < 2; i++) {
		CHECK_INT(scan(ONE("\"fromMe\":true", TEXT), &w), 0);
		CHECK(str_starts(w.msgs[0].id, STR("n-")) && w.msgs[0].from_me);
		if (i == 0)
			snprintf(first, sizeof(first), "%.*s", STR_FMT(w.msgs[0].id));
		CHECK_STR(w.msgs[0].id, first);
	}
	CHECK_INT(scan(ONE("\"fromMe\":true", TEXT ",\"x\":1"), &w), 0);
	CHECK(!str_eqz(w.msgs[0].id, first));
}

TEST(odd_but_valid_json_passes_unchanged)
{
	struct webhook w;

	CHECK_INT(scan(ONE("\"id\":\"a\"", TEXT ",\"n\":18446744073709551617,\"e\":"
						"1e400,\"s\":\"\\ud83d\\u0000\""),
			  &w),
		0);
	CHECK(strstr(w.msgs[0].raw.p, "1e400"));
	CHECK(!w.msgs[0].unfit);
}

TEST(too_many_messages_are_refused)
{
	struct buf b;
	struct webhook w;

	buf_init(&b);
	buf_addz(&b, "{\"tenantId\":1,\"payload\":{\"messages\":[0");
	for (int i = 0; i < WEBHOOK_MSGS_MAX; i++)
		buf_addz(&b, ",0");
	buf_addz(&b, "]}}");
	buf_addc(&b, '\0');
	CHECK(scan(buf_str(&b).p, &w) < 0);
	CHECK(strstr(why, "too many messages"));
	buf_done(&b);
	arena_done(&arena);
}

UNIT_MAIN
