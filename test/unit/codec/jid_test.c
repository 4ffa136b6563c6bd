/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/arena.h"
#include "base/err.h"
#include "codec/jid.h"
#include "codec/phone.h"

static const struct {
	const char *text, *canonical;
	enum jid_kind kind;
} good[] = {
	{"972501234567@s.whatsapp.net", "972501234567@s.whatsapp.net", JID_PERSON},
	{"972501234567:12@s.whatsapp.net", "972501234567@s.whatsapp.net", JID_PERSON},
	{"972501234567_1@s.whatsapp.net", "972501234567@s.whatsapp.net", JID_PERSON},
	{"972501234567_1:2@s.whatsapp.net", "972501234567@s.whatsapp.net", JID_PERSON},
	{"972501234567:@s.whatsapp.net", "972501234567@s.whatsapp.net", JID_PERSON},
	{"972501234567@c.us", "972501234567@s.whatsapp.net", JID_PERSON},
	{"972501234567:3@C.US", "972501234567@s.whatsapp.net", JID_PERSON},
	{"  972501234567@c.us\r\n", "972501234567@s.whatsapp.net", JID_PERSON},
	{"71234567890123@lid", "71234567890123@lid", JID_LID},
	{"71234567890123:7@lid", "71234567890123@lid", JID_LID},
	{"71234567890123_1:7@lid", "71234567890123@lid", JID_LID},
	{"972501234567:99@hosted", "972501234567@s.whatsapp.net", JID_HOSTED},
	{"71234567890123:99@hosted.lid", "71234567890123@lid", JID_HOSTED_LID},
	{"US.13491208655302741918@bsuid", "US.13491208655302741918@bsuid", JID_LID},
	{"120363041234567890@g.us", "120363041234567890@g.us", JID_GROUP},
	{"972501234567-1400000000@g.us", "972501234567-1400000000@g.us", JID_GROUP},
	{"status@broadcast", "status@broadcast", JID_STATUS},
	{"1400000000@broadcast", "1400000000@broadcast", JID_BROADCAST},
	{"120363041234567890@newsletter", "120363041234567890@newsletter",
		JID_NEWSLETTER},
	{"867051314767696@bot", "867051314767696@bot", JID_BOT},
	{"13135550002@c.us", "13135550002@s.whatsapp.net", JID_BOT},
	{"13165550012@s.whatsapp.net", "13165550012@s.whatsapp.net", JID_BOT},
	{"13165550112@s.whatsapp.net", "13165550112@s.whatsapp.net", JID_PERSON},
	{"0@c.us", "0@s.whatsapp.net", JID_OTHER},
	{"0:1@s.whatsapp.net", "0@s.whatsapp.net", JID_OTHER},
	{"16505361212@c.us", "16505361212@s.whatsapp.net", JID_OTHER},
	{"1@call", "1@call", JID_OTHER},
	{"john_doe:home@example.com", "john_doe:home@example.com", JID_OTHER},
	{"\xd7\x93\xd7\xa0\xd7\x94@example.com", "\xd7\x93\xd7\xa0\xd7\x94@example.com",
		JID_OTHER},
};

TEST(an_address_has_a_kind_and_one_canonical_text)
{
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct jid j, again;

		CHECK_INT(jid_parse(str_of(good[i].text), &j), 0);
		CHECK_STR(jid_text(&a, &j), good[i].canonical);
		if (j.kind != good[i].kind)
			FAIL("%s is of kind %d", good[i].text, (int)j.kind);
		CHECK_INT(jid_parse(jid_text(&a, &j), &again), 0);
		CHECK_STR(jid_text(&a, &again), good[i].canonical);
	}
	arena_done(&a);
}

TEST(what_is_no_address_is_refused)
{
	static const struct str bad[] = {{NULL, 0}, {"", 0}, {"@", 1}, {"a@", 2},
		{"@s.whatsapp.net", 15}, {":1@s.whatsapp.net", 17}, {"_1@lid", 6},
		{"972501234567", 12}, {"UNKNOWN", 7}, {"a b@lid", 7}, {"a@b@c", 5},
		{"a\0@lid", 6}, {"a@l\nid", 6}, {"   ", 3}};
	struct jid j;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (jid_parse(bad[i], &j) != ERR_SYNTAX)
			FAIL("row %zu is taken", i);
}

/* An address gives a phone, or none. */
static const char *
phone_of(const char *text)
{
	static char phone[PHONE_SIZE];
	struct jid j;

	if (jid_parse(str_of(text), &j) < 0 || !jid_has_phone(&j))
		return NULL;
	return phone_of_user(j.user, phone) < 0 ? NULL : phone;
}

TEST(an_address_of_a_person_gives_a_phone_and_no_other_does)
{
	static const char *const none[] = {"71234567890123@lid", "972501234567@lid",
		"972501234567:12@lid", "972501234567:99@hosted.lid", "status@broadcast",
		"120363041234567890@g.us", "972501234567-1400000000@g.us",
		"120363041234567890@newsletter", "867051314767696@bot",
		"13135550002@c.us", "0@c.us", "16505361212@c.us",
		"972501234567@broadcast", "972501234567@example.com", "972501234567",
		"", "name@s.whatsapp.net", "1234567@s.whatsapp.net",
		"1234567890123456@s.whatsapp.net", "0501234567@s.whatsapp.net", NULL};

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (phone_of(none[i]))
			FAIL("%s is %s", none[i], phone_of(none[i]));
	CHECK_STR(str_of(phone_of("972501234567@s.whatsapp.net")), "+972501234567");
	CHECK_STR(str_of(phone_of("972501234567_1:12@c.us")), "+972501234567");
	CHECK_STR(str_of(phone_of("972501234567:99@hosted")), "+972501234567");
}

UNIT_MAIN
