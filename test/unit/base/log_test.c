/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "../../../src/base/log.c"

TEST(log_json_is_utf8_whatever_comes)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{"a\"\\\n", "a\\\"\\\\\\u000a"},
		{"\xd7\xa9\xf0\x9f\x98\x80", "\xd7\xa9\xf0\x9f\x98\x80"},
		{"\xf0\x9f\x98", "???"},             /* cut short */
		{"\xc0\xaf|\xed\xa0\x80", "??|???"}, /* overlong, a surrogate */
		{"\xf4\x90\x80\x80\xff", "?????"},
		{"\xe2x", "?x"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b;

		buf_init(&b);
		add_json_text(&b, str_of(cases[i].text));
		CHECK_STR(buf_str(&b), cases[i].shown);
		buf_done(&b);
	}
}

TEST(log_a_long_line_is_whole_in_both_forms)
{
	char words[2000];

	memset(words, 'x', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	for (int json = 0; json < 2; json++) {
		log_init("unit", "info", json);
		log_info("%s|end", words);
		struct str line = buf_str(&log_.out);
		struct str end = json ? STR("x|end\"}\n") : STR("x|end\n");

		CHECK(line.n > sizeof(words) + end.n);
		CHECK(memcmp(line.p + line.n - end.n, end.p, end.n) == 0);
		buf_clear(&log_.out, KEEP);
	}
}

UNIT_MAIN
