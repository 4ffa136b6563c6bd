/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
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

#define NAME_64 "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcd_-"

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
		{"0", "0"},
		{"123456789012345678901234567890", "123456789012345678901234567890"},
		{"\"business_-1\"", "business_-1"},
		{"\"business_1x\"", "business_1x"},
		{"\"" NAME_64 "\"", NAME_64},
	};
	struct webhook w;
	char body[256];

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
		{"{\"tenantId\":null}", ERR_SHAPE, "tenantId is missing"},
		{"{\"tenantId\":-1}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":1.5}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":\"a b\"}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":1e0}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":true}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":[1]}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":01}", ERR_SYNTAX, ""},
		{"{\"tenantId\":\"a\\u0000\"}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":\"\xc3\xa9\"}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":\"" NAME_64 "x\"}", ERR_SHAPE, "tenantId must be"},
		{"{\"tenantId\":1,\"payload\":[]}", ERR_SHAPE,
			"payload must be an object"},
		{"{\"tenantId\":1,\"payload\":{\"messages\":{}}}", ERR_SHAPE,
			"payload.messages must be a list"},
		{"{\"tenantId\":1,\"payload\":{\"updates\":{}}}", ERR_SHAPE,
			"payload.updates must be a list"},
		{"{\"tenantId\":1,\"payload\":{\"updates\":[{\"key\":{},]}}",
			ERR_SYNTAX, ""},
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

/* A body of which a part is no JSON says nothing: its shape is not looked at. */
TEST(syntax_comes_before_shape_wherever_the_two_stand)
{
	static const char *const bodies[] = {
		"[] x",
		"7 7",
		"{\"tenantId\":-1,}",
		"{\"tenantId\":true",
		"{\"tenantId\":1,\"payload\":[],\"x\":nul}",
		"{\"tenantId\":1,\"payload\":{\"messages\":{\"a\":01}}}",
		"{\"tenantId\":1,\"payload\":{\"messages\":\"\x01\"}}",
		"{\"tenantId\":1,\"tenantId\":1,\"x\":[1}",
		"{\"payload\":null} {}",
	};
	struct webhook w;

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		int err = scan(bodies[i], &w);

		if (err != ERR_SYNTAX || !why[0])
			FAIL("%s: %d \"%s\"", bodies[i], err, why);
	}
	CHECK_INT(
		scan("{\"tenantId\":-1,\"payload\":[],\"payload\":7}", &w), ERR_SHAPE);
	CHECK(strstr(why, "tenantId must be")); /* the first of several */
}

/* Each key that the door reads, where it reads it; also with an escape in it. */
TEST(a_known_key_may_not_stand_twice)
{
	static const struct {
		const char *key, *before, *after;
	} rows[] = {
		{"payload", "{\"tenantId\":1,", "}"},
		{"messages", "{\"tenantId\":1,\"payload\":{", "}}"},
		{"key", "{\"tenantId\":1,\"payload\":{\"messages\":[{", "}]}}"},
		{"message", "{\"tenantId\":1,\"payload\":{\"messages\":[{", "}]}}"},
		{"messageStubType", "{\"tenantId\":1,\"payload\":{\"messages\":[{",
			"}]}}"},
		{"id", "{\"tenantId\":1,\"payload\":{\"messages\":[{\"key\":{",
			"}}]}}"},
		{"remoteJid", "{\"tenantId\":1,\"payload\":{\"messages\":[{\"key\":{",
			"}}]}}"},
		{"fromMe", "{\"tenantId\":1,\"payload\":{\"messages\":[{\"key\":{",
			"}}]}}"},
		{"updates", "{\"tenantId\":1,\"payload\":{", "}}"},
		{"key", "{\"tenantId\":1,\"payload\":{\"updates\":[{", "}]}}"},
		{"update", "{\"tenantId\":1,\"payload\":{\"updates\":[{", "}]}}"},
		{"receipt", "{\"tenantId\":1,\"payload\":{\"updates\":[{", "}]}}"},
		{"id", "{\"tenantId\":1,\"payload\":{\"updates\":[{\"key\":{", "}}]}}"},
	};
	struct webhook w;
	char body[256], words[64];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *key = rows[i].key;

		snprintf(words, sizeof(words), "%s stands twice", key);
		snprintf(body, sizeof(body), "%s\"%s\":null,\"\\u%04x%s\":null%s",
			rows[i].before, key, (unsigned)key[0], key + 1, rows[i].after);
		int err = scan(body, &w);
		if (err != ERR_SHAPE || strcmp(why, words))
			FAIL("%s: %d \"%s\"", body, err, why);
	}
}

TEST(other_keys_may_stand_twice_and_known_ones_elsewhere)
{
	struct webhook w;

	CHECK_INT(scan("{\"x\":1,\"x\":2,\"id\":1,\"tenantId\":1,\"key\":{\"id\":1,"
		       "\"id\":2}}",
			  &w),
		0);
	CHECK_INT(scan(ONE("\"id\":\"a\"", TEXT ",\"id\":\"b\",\"id\":\"c\""), &w), 0);
	CHECK_STR(w.msgs[0].id, "a");
}

TEST(an_unfit_message_leaves_its_neighbours_alone)
{
	struct webhook w;

	CHECK_INT(scan("{\"tenantId\":1,\"payload\":{\"messages\":[0,"
		       "{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\",\"fromMe\":true},"
		       "\"messageStubType\":1}, null ,"
		       "{\"key\":{\"id\":\"c\",\"remoteJid\":\"d\"},\"message\":"
		       "{\"x\":1}}]}}",
			  &w),
		0);
	CHECK_INT(w.count, 4);
	CHECK(w.msgs[0].unfit && w.msgs[2].unfit);
	CHECK(!w.msgs[1].unfit && w.msgs[1].stub && w.msgs[1].from_me);
	CHECK_STR(w.msgs[2].raw, "null");
	CHECK(!w.msgs[3].unfit && !w.msgs[3].stub && !w.msgs[3].from_me);
	CHECK_STR(w.msgs[3].id, "c");
	CHECK_STR(w.msgs[3].chat, "d");
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
		"{\"tenantId\":1,\"updates\":[{\"key\":{}}]}",
		"{\"tenantId\":1,\"payload\":{\"messages\":null,\"updates\":null}}",
		"{\"tenantId\":1,\"payload\":{\"updates\":[]}}",
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
		{"{\"key\":null,\"message\":{\"x\":1}}", "no key", false},
		{"{\"key\":\"x\",\"message\":{\"x\":1}}", "no key", false},
		{"{\"key\":[],\"message\":{\"x\":1}}", "no key", false},
		{"{\"key\":{},\"message\":{\"x\":1}}", "no chat", false},
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
		/* In a group the key comes along with what can't be read yet. */
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"messageStubType\":2,"
		 "\"message\":{\"senderKeyDistributionMessage\":{\"x\":1},"
		 "\"messageContextInfo\":{},\"conversation\":null}}",
			NULL, true},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"message\":{"
		 "\"senderKeyDistributionMessage\":{\"x\":1}}}",
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

TEST(messages_and_updates_of_one_body_are_read_in_any_order)
{
#define UPDATES                                                                     \
	"\"updates\":[{\"key\":{\"id\":\"u\",\"remoteJid\":\"c\",\"fromMe\":true}," \
	"\"update\":"                                                               \
	"{\"status\":3}}]"
#define MESSAGES                                                                  \
	"\"messages\":[{\"key\":{\"id\":\"m\",\"remoteJid\":\"c\"},\"message\":{" \
	"\"x\":1}}]"
	struct webhook w;

	for (int first = 0; first < 2; first++) { /* where the update stands */
		CHECK_INT(scan(first ? "{\"tenantId\":1,\"payload\":{" MESSAGES
				       ",\"type\":\"notify\"," UPDATES "}}"
				     : "{\"tenantId\":1,\"payload\":{" UPDATES
				       "," MESSAGES "}}",
				  &w),
			0);
		CHECK_INT(w.count, 2);
		const struct webhook_msg *u = &w.msgs[first], *m = &w.msgs[!first];
		CHECK(u->update && u->from_me && !u->stub && !u->unfit);
		CHECK_STR(u->id, "u");
		CHECK_STR(u->chat, "c");
		CHECK(str_ends(u->raw, STR("\"update\":{\"status\":3}}")));
		CHECK(!m->update && !m->unfit && !m->from_me);
		CHECK_STR(m->id, "m");
	}
}

TEST(an_update_that_cant_be_processed_says_why)
{
	static const struct {
		const char *update, *unfit;
	} rows[] = {
		{"7", "not an object"},
		{"[]", "not an object"},
		{"{}", "no key"},
		{"{\"key\":\"x\",\"update\":{}}", "no key"},
		{"{\"key\":{\"id\":\"a\"},\"update\":{}}", "no chat"},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":1},\"update\":{}}", "no chat"},
		{"{\"key\":{\"remoteJid\":\"b\"},\"update\":{}}", "no id"},
		{"{\"key\":{\"id\":\"\",\"remoteJid\":\"b\"},\"receipt\":{}}", "no id"},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"}}", "no update"},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"update\":3}",
			"no update"},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"update\":[3]}",
			"no update"},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"message\":{\"x\":1}}",
			"no update"},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"update\":{}}", NULL},
		{"{\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"},\"receipt\":{}}", NULL},
		{"{\"receipt\":null,\"update\":{\"key\":{\"id\":\"z\"}},"
		 "\"key\":{\"id\":\"a\",\"remoteJid\":\"b\"}}",
			NULL},
	};
	struct webhook w;
	char body[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(body, sizeof(body),
			"{\"tenantId\":1,\"payload\":{\"updates\":[0,%s,0]}}",
			rows[i].update);
		CHECK_INT(scan(body, &w), 0);
		CHECK_INT(w.count, 3);
		const struct webhook_msg *u = &w.msgs[1];
		CHECK(u->update && !u->stub && u->id.n);
		CHECK_STR(u->raw, rows[i].update);
		if (!rows[i].unfit != !u->unfit ||
			(rows[i].unfit && strcmp(rows[i].unfit, u->unfit)))
			FAIL("%s: %s", rows[i].update, u->unfit ? u->unfit : "fit");
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

/* id_of scans a message whose id is count times unit, and returns
 * what it became. */
static struct str
id_of(const char *unit, int count)
{
	struct webhook w;
	struct buf id, body;

	buf_init(&id);
	buf_init(&body);
	for (int i = 0; i < count; i++)
		buf_addz(&id, unit);
	buf_addf(&body, ONE("\"id\":\"%.*s\"", TEXT), STR_FMT(buf_str(&id)));
	buf_addc(&body, '\0');
	CHECK_INT(scan(buf_str(&body).p, &w), 0);
	struct str ret = arena_str(&arena, w.msgs[0].id);
	buf_done(&id);
	buf_done(&body);
	return ret;
}

TEST(an_id_is_measured_as_it_is_meant_not_as_it_is_written)
{
	char plain[64];

	CHECK_INT(id_of("x", WEBHOOK_ID_MAX).n, WEBHOOK_ID_MAX);
	CHECK_INT(id_of("\\u0078", WEBHOOK_ID_MAX).n, WEBHOOK_ID_MAX);
	CHECK(str_starts(id_of("\xc3\xa9", WEBHOOK_ID_MAX / 2 + 1), STR("h-")));

	struct str hashed = id_of("x", WEBHOOK_ID_MAX + 1);
	CHECK(str_starts(hashed, STR("h-")));
	snprintf(plain, sizeof(plain), "%.*s", STR_FMT(hashed));
	CHECK_STR(id_of("\\u0078", WEBHOOK_ID_MAX + 1), plain);
	CHECK(!str_eqz(id_of("x", WEBHOOK_ID_MAX + 2), plain));
}

TEST(what_is_nested_too_deep_is_refused)
{
	char body[1024];
	struct webhook w;
	int n = JSON_DEPTH_MAX;

	for (int more = 0; more < 2; more++) { /* the body's object is one level */
		snprintf(body, sizeof(body), "{\"tenantId\":1,\"x\":%.*s%.*s}",
			n - 1 + more,
			"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
			"[[",
			n - 1 + more,
			"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
			"]]");
		CHECK_INT(scan(body, &w), more ? ERR_LIMIT : 0);
	}
	CHECK(strstr(why, "nested too deep"));
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

static int
scan_many(int count, int updates, const char *after)
{
	struct buf b;
	struct webhook w;

	buf_init(&b);
	buf_addz(&b, "{\"tenantId\":1,\"payload\":{\"messages\":[0");
	for (int i = 1; i < count; i++)
		buf_addz(&b, ",0");
	for (int i = 0; i < updates; i++)
		buf_addz(&b, i ? ",0" : "],\"updates\":[0");
	buf_addz(&b, "]}}");
	buf_addz(&b, after);
	buf_addc(&b, '\0');
	int err = scan(buf_str(&b).p, &w);
	buf_done(&b);
	return err < 0 ? err : (int)w.count;
}

TEST(a_message_and_an_update_say_by_which_way_they_came)
{
	static const char *const words[][2] = {{"", "baileys"},
		{",\"provider\":\"meta\"", "meta"},
		{",\"provider\":\"m\\u0065ta\"", "meta"},
		{",\"provider\":\"telegram\"", "baileys"},
		{",\"provider\":7", "baileys"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct webhook w;
		char body[400];

		snprintf(body, sizeof(body),
			"{\"tenantId\":1,\"payload\":{\"messages\":[{\"key\":{}%s}],"
			"\"updates\":[{\"key\":{}%s}]}}",
			words[i][0], words[i][0]);
		CHECK_INT(scan(body, &w), 0);
		CHECK_INT(w.count, 2);
		CHECK(strcmp(w.msgs[0].provider, words[i][1]) == 0);
		CHECK(strcmp(w.msgs[1].provider, words[i][1]) == 0);
	}
	arena_done(&arena);
}

TEST(too_many_messages_are_refused)
{
	CHECK_INT(scan_many(WEBHOOK_MSGS_MAX, 0, ""), WEBHOOK_MSGS_MAX);
	CHECK_INT(scan_many(WEBHOOK_MSGS_MAX + 1, 0, ""), ERR_LIMIT);
	CHECK(strstr(why, "too many messages"));
	CHECK_INT(scan_many(WEBHOOK_MSGS_MAX + 1, 0, "x"), ERR_SYNTAX);
	CHECK_INT(scan_many(1, WEBHOOK_MSGS_MAX - 1, ""), WEBHOOK_MSGS_MAX);
	CHECK_INT(scan_many(1, WEBHOOK_MSGS_MAX, ""), ERR_LIMIT);
	arena_done(&arena);
}

UNIT_MAIN
