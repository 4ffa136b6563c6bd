/* SPDX-License-Identifier: MIT */
/* name_test.c: what people are called, and what is no name. */
#include "unit.h"

#include "codec/name.h"

static struct str
read_name(const char *raw)
{
	static char room[NAME_SIZE];

	return name_read(str_of(raw), room);
}

TEST(a_name_is_cleaned)
{
	static const struct {
		const char *raw, *name;
	} rows[] = {
		{"Dana Cohen", "Dana Cohen"}, {"  Dana \t\n  Cohen ", "Dana Cohen"},
		{"~Dana", "Dana"}, {"~ Dana", "Dana"}, {"דנה כהן", "דנה כהן"},
		{"Dana 🔥", "Dana 🔥"}, {"O'Brien-Smith, Jr.", "O'Brien-Smith, Jr."},
		{"Agent 007", "Agent 007"}, {"李", "李"},
		{"\u202eanaD\u202c", "anaD"},                   /* turned around */
		{"\u2067Dana\u2069 \u200fCohen", "Dana Cohen"}, /* isolated */
		{"Da\u200bna", "Dana"}, /* a blank nobody sees */
		{"Da\x01\x1b[31mna\x7f", "Da[31mna"},
		{"Dana\u00a0\u3000Cohen", "Dana Cohen"},
		{"Da\xffna\xc3", "Dana"},           /* no UTF-8 */
		{"می\u200cخواهم", "می\u200cخواهم"}, /* a joiner that Persian needs */
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(read_name(rows[i].raw), rows[i].name);
}

TEST(what_is_no_name_is_refused)
{
	static const char *const rows[] = {"", " ", "~", ".", "...", "~ .", "-", "7",
		"D", "D.", "🔥", "❤️❤️", "👨\u200d👩\u200d👧", "♥ ★",
		"\u202e\u200f", "+972 50-123-4567", "0501234567", "٠٥٠١٢٣٤٥٦٧",
		"tel 050 123 4567", "972501234567@s.whatsapp.net", "unknown",
		"(Unknown)", "WhatsApp", "WhatsApp User", "whatsapp  user", "USER",
		"User 12", "Customer", "~Customer~", "null", "לקוח", "לקוח 🔥", "ללא שם",
		"\xff\xfe"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK(!read_name(rows[i]).p);
}

TEST(a_long_name_is_cut_between_characters)
{
	char raw[4 * NAME_CHARS + 9], room[NAME_SIZE];

	for (size_t i = 0; i + 1 < sizeof(raw); i += 2)
		memcpy(raw + i, "ש", 2);
	CHECK_INT((int64_t)name_read((struct str){raw, 4 * NAME_CHARS}, room).n,
		2 * NAME_CHARS);
	for (size_t i = 0; i + 3 < sizeof(raw); i += 4)
		memcpy(raw + i, "𠀀", 4);
	CHECK_INT(
		(int64_t)name_read((struct str){raw, sizeof(raw)}, room).n, NAME_SIZE);
}

TEST(a_name_has_a_first_word_and_a_rest)
{
	CHECK_STR(name_first(STR("Dana Ben David")), "Dana");
	CHECK_STR(name_last(STR("Dana Ben David")), "Ben David");
	CHECK_STR(name_first(STR("Dana")), "Dana");
	CHECK_INT((int64_t)name_last(STR("Dana")).n, 0);
	CHECK_INT((int64_t)name_last(STR("Dana ")).n, 0);
	CHECK_INT((int64_t)name_first(STR("")).n, 0);
}

TEST(who_is_trusted_more_replaces_who_is_trusted_less)
{
	static const char *const held[] = {NULL, "push", "verified", "ai", "user"};
	static const struct {
		enum name_source by;
		double confidence;
		const char *may; /* replace each of those */
	} rows[] = {
		{NAME_PUSH, 0, "yy..."},
		{NAME_VERIFIED, 0, "yyy.."},
		{NAME_AI, 0.85, "yyyy."},
		{NAME_AI, 0.849, "....."},
		{NAME_USER, 0, "yyyyy"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (size_t j = 0; j < ARRAY_LEN(held); j++)
			CHECK_INT(name_may_replace(str_of(held[j]), rows[i].by,
					  rows[i].confidence),
				rows[i].may[j] == 'y');
}

UNIT_MAIN
