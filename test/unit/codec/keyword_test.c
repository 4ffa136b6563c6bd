/* SPDX-License-Identifier: MIT */
/* keyword_test.c: a message that is nothing but one word of a list. */
#include "unit.h"

#include "codec/keyword.h"

static const struct {
	const char *text, *list;
	bool is;
} examples[] = {
	{"STOP", "STOP, UNSUBSCRIBE", true},
	{"stop", "STOP, UNSUBSCRIBE", true},
	{"Unsubscribe", "STOP,UNSUBSCRIBE", true},
	{"  stop \n", "STOP", true},
	{"\"Stop!!\"", "STOP", true},
	{"stop it", "STOP", false},
	{"don't stop", "STOP", false},
	{"stopp", "STOP", false},
	{"no more", "STOP, No more", true},
	{"הסר", "STOP, הסר", true},
	{"\u200fהסר.", "STOP, הסר", true},
	{"הסר \u200e", "STOP, הסר", true},
	{"להסר", "STOP, הסר", false},
	{"СТОП…", "СТОП, стоп", true},
	{"Стоп", "СТОП, стоп", false},
	{"", "STOP", false},
	{"...", "STOP, ...", false},
	{"STOP", "", false},
	{"STOP", ", ,", false},
};

TEST(a_message_is_a_keyword_when_it_is_nothing_else)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		if (keyword_is(str_of(examples[i].text), str_of(examples[i].list)) !=
			examples[i].is)
			FAIL("\"%s\" in \"%s\" is not as expected", examples[i].text,
				examples[i].list);
}

TEST(nothing_said_is_no_keyword)
{
	CHECK(!keyword_is((struct str){NULL, 0}, STR("STOP")));
	CHECK(!keyword_is(STR("STOP"), (struct str){NULL, 0}));
}

UNIT_MAIN
