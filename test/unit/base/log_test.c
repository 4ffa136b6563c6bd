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

UNIT_MAIN
