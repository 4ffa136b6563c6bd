/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/arena.h"
#include "base/err.h"
#include "codec/json.h"
#include "job/message.h"

static struct arena arena;

static int
read_json(const char *json, struct message *m)
{
	struct val *v = NULL;
	char why[128];

	CHECK_INT(json_parse(&arena, str_of(json), 1000, &v, why), 0);
	return message_read(&arena, v, m);
}

#define KEY "\"key\":{\"id\":\"A\",\"remoteJid\":\"9725@s.whatsapp.net\"}"

TEST(words_are_found_wherever_they_stand)
{
	static const struct {
		const char *content, *text;
	} rows[] = {
		{"{\"conversation\":\"hi\"}", "hi"},
		{"{\"extendedTextMessage\":{\"text\":\"hi\"}}", "hi"},
		{"{\"imageMessage\":{\"caption\":\"hi\"}}", "hi"},
		{"{\"ephemeralMessage\":{\"message\":{\"conversation\":\"hi\"}}}",
			"hi"},
		{"{\"messageContextInfo\":{},\"conversation\":\"hi\"}", "hi"},
		{"{\"listResponseMessage\":{\"title\":\"hi\"}}", "hi"},
		{"{\"imageMessage\":{\"caption\":\"\"}}", NULL},
		{"{\"stickerMessage\":{}}", NULL},
		{"{\"conversation\":7}", NULL},
	};
	struct message m;
	char json[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(json, sizeof(json), "{" KEY ",\"message\":%s}",
			rows[i].content);
		CHECK_INT(read_json(json, &m), 0);
		if (!str_eqz(m.text, rows[i].text) ||
			m.answerable != (rows[i].text != NULL))
			FAIL("%s: \"%.*s\"", rows[i].content, STR_FMT(m.text));
		CHECK_STR(str_of(m.kind), rows[i].text ? "text" : "other");
	}
}

TEST(only_a_person_who_wrote_to_us_is_answered)
{
	static const struct {
		const char *chat, *from_me;
		bool answerable;
	} rows[] = {
		{"9725@s.whatsapp.net", "false", true},
		{"9725@c.us", "false", true},
		{"123@lid", "false", true},
		{"9725@s.whatsapp.net", "true", false},
		{"1203@g.us", "false", false},
		{"status@broadcast", "false", false},
		{"1@newsletter", "false", false},
		{"nobody", "false", false},
	};
	struct message m;
	char json[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(json, sizeof(json),
			"{\"key\":{\"id\":\"A\",\"remoteJid\":\"%s\",\"fromMe\":%s},"
			"\"message\":{\"conversation\":\"hi\"}}",
			rows[i].chat, rows[i].from_me);
		CHECK_INT(read_json(json, &m), 0);
		if (m.answerable != rows[i].answerable)
			FAIL("%s fromMe %s", rows[i].chat, rows[i].from_me);
	}
}

TEST(times_come_in_three_forms)
{
	static const char *const forms[] = {"1795500312", "\"1795500312\"",
		"{\"low\":1795500312,\"high\":0,\"unsigned\":true}"};
	struct message m;
	char json[512];

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		snprintf(json, sizeof(json), "{" KEY ",\"messageTimestamp\":%s}",
			forms[i]);
		CHECK_INT(read_json(json, &m), 0);
		CHECK_INT(m.sent_us, 1795500312000000);
		CHECK_STR(str_of(m.kind), "undecrypted");
	}
}

TEST(without_a_chat_it_is_unprocessable_and_without_an_id_it_gets_one)
{
	struct message m, again;

	CHECK_INT(read_json("{\"key\":{\"id\":\"A\"}}", &m), ERR_UNPROCESSABLE);
	CHECK_INT(read_json("{}", &m), ERR_UNPROCESSABLE);
	CHECK_INT(read_json("7", &m), ERR_UNPROCESSABLE);
	CHECK_INT(read_json("{\"key\":{\"remoteJid\":\"a@lid\"}}", &m), 0);
	CHECK_INT(read_json("{\"key\":{\"remoteJid\":\"a@lid\"}}", &again), 0);
	CHECK(str_starts(m.id, STR("n-")) && str_eq(m.id, again.id));
	arena_done(&arena);
}

UNIT_MAIN
