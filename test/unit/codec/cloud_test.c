/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/cloud.h"
#include "codec/webhook.h"

#define CHANGE(phone, rest)                                 \
	"{\"field\":\"messages\",\"value\":{\"metadata\":{" \
	"\"phone_number_id\":\"" phone "\"}," rest "}}"
#define BODY(changes)    "{\"entry\":[{\"id\":\"1\",\"changes\":[" changes "]}]}"
#define LIST(name, item) BODY(CHANGE("106", "\"" name "\":[" item "]"))

#define FROM "\"from\":\"1650\",\"id\":\"wamid.A\",\"timestamp\":\"7\""
#define KEY                                                                   \
	"{\"key\":{\"id\":\"wamid.A\",\"remoteJid\":\"1650@s.whatsapp.net\"," \
	"\"fromMe\":false},\"messageTimestamp\":\"7\",\"provider\":\"meta\","

#define ENTRY_TWICE                                                         \
	"{\"entry\":[],\"entry\":[{\"changes\":[{\"value\":{\"metadata\":{" \
	"\"phone_number_id\":\"2\"},\"messages\":[1]}}]}]}"

/* What Meta sends, and what becomes of it without "cloud", the item as it came. */
static const struct row {
	const char *list, *item, *before, *after;
} rows[] = {
	{"messages", "{" FROM ",\"type\":\"text\",\"text\":{\"body\":\"hi\"}}", KEY,
		",\"message\":{\"extendedTextMessage\":{\"cloudType\":\"text\","
		"\"text\":\"hi\"}}}"},
	{"messages",
		"{" FROM ",\"type\":\"text\",\"text\":{\"body\":\"hi\"},\"context\":"
		"{\"from\":\"1555\",\"id\":\"wamid.Q\",\"forwarded\":true},"
		"\"referral\":{\"headline\":\"Boats\",\"source_url\":\"https://fb\"}}",
		KEY,
		",\"message\":{\"extendedTextMessage\":{\"cloudType\":\"text\","
		"\"contextInfo\":{\"stanzaId\":\"wamid.Q\",\"participant\":"
		"\"1555@s.whatsapp.net\",\"isForwarded\":true,\"externalAdReply\":{"
		"\"title\":\"Boats\",\"sourceUrl\":\"https://fb\"}},\"text\":\"hi\"}}"
		"}"},
	{"messages",
		"{" FROM ",\"type\":\"image\",\"image\":{\"id\":\"9\",\"mime_type\":"
		"\"image/jpeg\",\"caption\":\"a\"}}",
		KEY,
		",\"message\":{\"imageMessage\":{\"cloudType\":\"image\",\"mimetype\":"
		"\"image/jpeg\",\"mediaId\":\"9\",\"caption\":\"a\"}}}"},
	{"messages",
		"{" FROM ",\"type\":\"contacts\",\"contacts\":[{\"name\":{"
		"\"formatted_name\":\"Bo\\nTEL:666\"},\"phones\":[{\"phone\":\"+1 "
		"650\","
		"\"wa_id\":\"1650\"},{\"phone\":\"7\",\"wa_id\":\"7;x=1\"}]}]}",
		KEY,
		",\"message\":{\"contactMessage\":{\"cloudType\":\"contacts\","
		"\"displayName\":\"Bo\\nTEL:666\",\"vcard\":\"BEGIN:VCARD\\nVERSION:3."
		"0\\nFN:Bo TEL:666\\nTEL;waid=1650:+1 650\\nTEL:7\\nEND:VCARD\\n\"}}}"},
	{"messages",
		"{" FROM ",\"type\":\"reaction\",\"reaction\":{\"message_id\":"
		"\"wamid.Q\"}}",
		KEY,
		",\"message\":{\"reactionMessage\":{\"key\":{\"id\":\"wamid.Q\"}}}}"},
	{"messages",
		"{" FROM ",\"type\":\"system\",\"system\":{\"type\":"
		"\"user_changed_number\",\"wa_id\":\"77\"}}",
		KEY, ",\"messageStubType\":42,\"messageStubParameters\":[\"77\"]}"},
	{"messages", "{" FROM ",\"type\":\"hologram\",\"hologram\":{}}", KEY,
		",\"message\":{\"unsupported\":{\"cloudType\":\"hologram\"}}}"},
	{"messages", "{\"from_user_id\":\"US.1349\",\"id\":\"wamid.A\",\"type\":\"x\"}",
		"{\"key\":{\"id\":\"wamid.A\",\"remoteJid\":\"US.1349@bsuid\","
		"\"fromMe\":false,\"senderLid\":\"US.1349@bsuid\"},\"provider\":"
		"\"meta\",",
		",\"message\":{\"unsupported\":{\"cloudType\":\"x\"}}}"},
	{"messages",
		"{" FROM ",\"group_id\":\"Y2Fw\",\"type\":\"text\",\"text\":{\"body\":"
		"\"hi\"}}",
		"{\"key\":{\"id\":\"wamid.A\",\"remoteJid\":\"Y2Fw@g.us\",\"fromMe\":"
		"false,\"participant\":\"1650@s.whatsapp.net\"},\"messageTimestamp\":"
		"\"7\",\"provider\":\"meta\",",
		",\"message\":{\"extendedTextMessage\":{\"cloudType\":\"text\","
		"\"text\":\"hi\"}}}"},
	{"messages", "5", "{\"key\":{\"fromMe\":false},\"provider\":\"meta\",",
		",\"message\":{\"unsupported\":{\"cloudType\":\"meta\"}}}"},
	{"message_echoes",
		"{\"from\":\"1555\",\"to\":\"+1650\",\"id\":\"wamid.A\",\"type\":"
		"\"text\",\"text\":{\"body\":\"hi\"}}",
		"{\"key\":{\"id\":\"wamid.A\",\"remoteJid\":\"1650@s.whatsapp.net\","
		"\"fromMe\":true},\"provider\":\"meta\",",
		",\"message\":{\"extendedTextMessage\":{\"cloudType\":\"text\","
		"\"text\":\"hi\"}}}"},
	{"statuses",
		"{\"id\":\"wamid.A\",\"status\":\"failed\",\"timestamp\":\"7\","
		"\"recipient_id\":\"1650\",\"biz_opaque_callback_data\":\"3EB0AA\","
		"\"errors\":[{\"code\":131047}]}",
		"{\"key\":{\"id\":\"wamid.A\",\"remoteJid\":\"1650@s.whatsapp.net\","
		"\"fromMe\":true},\"update\":{\"status\":\"ERROR\","
		"\"messageStubParameters\":[131047],\"messageTimestamp\":\"7\","
		"\"outboundKey\":\"3EB0AA\"},\"provider\":\"meta\",",
		"}"},
	{"statuses",
		"{\"id\":\"wamid.A\",\"status\":\"dozing\",\"timestamp\":\"7\","
		"\"recipient_user_id\":\"US.1349\"}",
		"{\"key\":{\"id\":\"wamid.A\",\"remoteJid\":\"US.1349@bsuid\","
		"\"fromMe\":true},\"update\":{\"messageTimestamp\":\"7\"},\"provider\":"
		"\"meta\",",
		"}"},
};

/* All phones are tenants t1, t2 ... */
static int
read_all(struct arena *a, const char *body, struct cloud *c, char err[128])
{
	int r = cloud_numbers(a, str_of(body), c, err);

	for (size_t i = 0; r == 0 && i < c->count; i++)
		c->numbers[i].tenant = arena_printf(a, "t%zu", i + 1);
	return r < 0 ? r : cloud_read(a, str_of(body), c, err);
}

TEST(each_item_is_said_as_baileys_would_say_it)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		bool update = strcmp(row->list, "statuses") == 0;
		struct cloud c;
		struct webhook w;
		struct arena a;
		char err[128] = "";

		arena_init(&a);
		struct str body =
			arena_printf(&a, LIST("%s", "%s"), row->list, row->item);
		CHECK_INT(read_all(&a, body.p, &c, err), 0);
		CHECK_INT(c.count, 1);
		struct str want = arena_printf(&a,
			"{\"tenantId\":\"t1\",\"payload\":{\"messages\":[%s%s%s%s%s],"
			"\"updates\":[%s%s%s%s%s]}}",
			update ? "" : row->before,
			update ? "" : "\"cloud\":", update ? "" : row->item,
			update ? "" : row->after, "", update ? row->before : "",
			update ? "\"cloud\":" : "", update ? row->item : "",
			update ? row->after : "", "");
		if (!str_eq(c.numbers[0].body, want))
			FAIL("row %zu:\n%.*s\nnot\n%.*s", i, STR_FMT(c.numbers[0].body),
				STR_FMT(want));
		CHECK_INT(webhook_scan(&a, c.numbers[0].body, &w, err), 0);
		CHECK_INT(w.count, 1);
		CHECK(w.msgs[0].update == update);
		CHECK(strcmp(w.msgs[0].provider, "meta") == 0);
		arena_done(&a);
	}
}

TEST(each_phone_gets_what_is_its_own_in_order)
{
	const char *body = BODY(CHANGE("1", "\"messages\":[1,2]") "," CHANGE(
		"2", "\"messages\":[3],\"statuses\":[4]") "," CHANGE("1",
		"\"messages\":[5]"));
	struct cloud c;
	struct webhook w;
	struct arena a;
	char err[128];

	arena_init(&a);
	CHECK_INT(read_all(&a, body, &c, err), 0);
	CHECK_INT(c.count, 2);
	CHECK(str_eqz(c.numbers[0].id, "1") && str_eqz(c.numbers[1].id, "2"));
	CHECK_INT(webhook_scan(&a, c.numbers[0].body, &w, err), 0);
	CHECK_INT(w.count, 3);
	CHECK(str_eqz(w.tenant, "t1"));
	CHECK(memmem(w.msgs[2].raw.p, w.msgs[2].raw.n, "\"cloud\":5", 9));
	CHECK_INT(webhook_scan(&a, c.numbers[1].body, &w, err), 0);
	CHECK_INT(w.count, 2);
	CHECK(!w.msgs[0].update && w.msgs[1].update);
	arena_done(&a);
}

TEST(the_name_is_that_of_who_writes)
{
	const char *body = BODY(CHANGE("1",
		"\"contacts\":[{\"wa_id\":\"9\",\"profile\":{\"name\":\"Bo\"}},{"
		"\"wa_id\":\"1650\",\"user_id\":\"US.1\",\"profile\":{\"name\":\"Ana\"}"
		"}],\"messages\":[{" FROM ",\"type\":\"x\"}]"));
	struct cloud c;
	struct arena a;
	char err[128];

	arena_init(&a);
	CHECK_INT(read_all(&a, body, &c, err), 0);
	struct str ours = c.numbers[0].body;
	CHECK(memmem(ours.p, ours.n, "\"pushName\":\"Ana\"", 16));
	CHECK(memmem(ours.p, ours.n, "\"senderLid\":\"US.1@bsuid\"", 24));
	arena_done(&a);
}

TEST(what_is_no_message_is_a_note)
{
	const char *body = BODY(
		"{\"field\":\"account_update\",\"value\":{\"event\":\"x\"}}," CHANGE(
			"1", "\"errors\":[{\"code\":130429}]"));
	struct cloud c;
	struct arena a;
	char err[128];

	arena_init(&a);
	CHECK_INT(read_all(&a, body, &c, err), 0);
	CHECK_INT(c.count, 1);
	CHECK(!c.numbers[0].body.p);
	CHECK_INT(c.note_count, 2);
	CHECK(str_eqz(c.notes[0].what, "account_update"));
	CHECK(str_eqz(c.notes[1].what, "error"));
	CHECK_INT(c.notes[1].code, 130429);
	arena_done(&a);
}

TEST(a_message_without_a_phone_is_nobody_s)
{
	const char *body =
		BODY("{\"field\":\"messages\",\"value\":{\"messages\":[{" FROM "}]}}");
	struct cloud c;
	struct webhook w;
	struct arena a;
	char err[128];

	arena_init(&a);
	CHECK_INT(cloud_numbers(&a, str_of(body), &c, err), 0);
	CHECK_INT(c.count, 0);
	CHECK_INT(cloud_read(&a, str_of(body), &c, err), 0);
	CHECK_INT(c.count, 1);
	CHECK_INT(webhook_scan(&a, c.numbers[0].body, &w, err), 0);
	CHECK(str_eqz(w.tenant, "meta-unknown"));
	arena_done(&a);
}

TEST(two_readers_can_not_disagree_about_a_phone)
{
	/* The cursor must see every phone that the tree can see. */
	static const char *const bodies[] = {
		BODY("{\"value\":{\"metadata\":{\"phone_number_id\":\"1\","
		     "\"phone_number_id\":\"2\"},\"messages\":[1]}}"),
		BODY("{\"value\":{\"metadata\":{\"phone\\u005fnumber_id\":\"2\"},"
		     "\"messages\":[1]}}"),
		BODY("{\"value\":{\"metadata\":{\"phone_number_id\":\"1\"}},\"value\":{"
		     "\"metadata\":{\"phone_number_id\":\"\\u0032\"},\"messages\":[1]}"
		     "}"),
		ENTRY_TWICE,
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		struct cloud c;
		struct arena a;
		char err[128];
		bool seen = false;

		arena_init(&a);
		CHECK_INT(read_all(&a, bodies[i], &c, err), 0);
		for (size_t k = 0; k < c.count; k++)
			seen |= str_eqz(c.numbers[k].id, "2") && c.numbers[k].body.p;
		if (!seen)
			FAIL("body %zu", i);
		arena_done(&a);
	}
}

TEST(a_phone_that_nobody_was_asked_about_is_refused)
{
	const char *asked = BODY(CHANGE("1", "\"messages\":[1]"));
	const char *read = BODY(CHANGE("2", "\"messages\":[1]"));
	struct cloud c;
	struct arena a;
	char err[128];

	arena_init(&a);
	CHECK_INT(cloud_numbers(&a, str_of(asked), &c, err), 0);
	CHECK_INT(cloud_read(&a, str_of(read), &c, err), ERR_SHAPE);
	CHECK(strstr(err, "phone_number_id"));
	arena_done(&a);
}

TEST(what_is_no_webhook_of_meta_is_said)
{
	static const struct {
		const char *body, *words;
		int err;
	} bad[] = {
		{"", "at byte 0", ERR_SYNTAX},
		{"{\"entry\":[}", "at byte 10", ERR_SYNTAX},
		{"[]", "entry must be a list", ERR_SHAPE},
		{"{\"entry\":{}}", "entry must be a list", ERR_SHAPE},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct cloud c;
		struct arena a;
		char err[128] = "";

		arena_init(&a);
		CHECK_INT(read_all(&a, bad[i].body, &c, err), bad[i].err);
		if (!strstr(err, bad[i].words))
			FAIL("row %zu: %s", i, err);
		arena_done(&a);
	}
}

TEST(more_phones_than_one_body_has_are_refused)
{
	struct cloud c;
	struct arena a;
	struct buf b;
	char err[128];

	arena_init(&a);
	buf_init(&b);
	buf_addz(&b, "{\"entry\":[{\"changes\":[0");
	for (int i = 0; i <= CLOUD_NUMBERS_MAX; i++)
		buf_addf(&b, ",{\"value\":{\"metadata\":{\"phone_number_id\":\"%d\"}}}",
			i);
	buf_addz(&b, "]}]}");
	CHECK_INT(cloud_numbers(&a, buf_str(&b), &c, err), ERR_SYNTAX);
	CHECK(strstr(err, "too many phones"));
	buf_done(&b);
	arena_done(&a);
}

TEST(the_tenant_of_a_phone_that_is_nobody_s_names_it)
{
	struct arena a;

	arena_init(&a);
	CHECK(str_eqz(cloud_nobody(&a, STR("106")), "meta-106"));
	CHECK(str_eqz(cloud_nobody(&a, (struct str){NULL, 0}), "meta-unknown"));
	CHECK(str_eqz(cloud_phone_of(STR("meta-106")), "106"));
	CHECK(!cloud_phone_of(STR("meta-unknown")).p);
	CHECK(!cloud_phone_of(STR("meta-")).p);
	CHECK(!cloud_phone_of(STR("106")).p);
	arena_done(&a);
}

UNIT_MAIN
