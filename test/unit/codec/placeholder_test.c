/* SPDX-License-Identifier: MIT */
/* placeholder_test.c: words in braces that stand for the customer's own. */
#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "codec/placeholder.h"

static const struct row {
	const char *text, *name, *filled;
} rows[] = {
	{"Hello {first_name}!", "Dana Cohen", "Hello Dana!"},
	{"Hello {name}!", "Dana Cohen", "Hello Dana Cohen!"},
	{"{name}{name}", " Dana ", "DanaDana"},
	{"Hello {first_name}", NULL, "Hello Customer"},
	{"Hello {name}", "  ", "Hello Customer"},
	{"שלום {first_name}", "דנה כהן", "שלום דנה"},
	{"no braces", "Dana", "no braces"},
	{"{ name } {} {0} { {name", "Dana", "{ name } {} {0} { {name"},
	{"Mr {last_name}", "Dana Ben David", "Mr Ben David"},
	{"Dana{last_name}", "Dana", "Dana"},
	{"Hi {last_name}", NULL, "Hi "},
	{"{{name}} {{first_name}}", "Dana Cohen", "Dana Cohen Dana"},
	{"{{{name}}}", "Dana", "{Dana}"},
	{"{{name}", "Dana", "{Dana"},
	{"{{name", "Dana", "{{name"},
	{"שלום {שם}", "דנה כהן", "שלום דנה כהן"},
	{"שלום {שם פרטי} {{שם משפחה}}", "דנה כהן", "שלום דנה כהן"},
	{"{שלום}", "דנה", "{שלום}"},
	{"", "Dana", ""},
};

TEST(placeholders_are_filled)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out;

		buf_init(&out);
		placeholder_fill(&out, str_of(rows[i].text), str_of(rows[i].name),
			STR("Customer"));
		CHECK_STR(buf_str(&out), rows[i].filled);
		buf_done(&out);
	}
}

TEST(a_name_is_not_looked_into)
{
	struct buf out;

	buf_init(&out);
	placeholder_fill(&out, STR("Hi {name}"), STR("{first_name}"), STR("you"));
	CHECK_STR(buf_str(&out), "Hi {first_name}");
	buf_done(&out);
}

TEST(an_unknown_placeholder_is_found_when_it_is_written)
{
	struct str wrong = {NULL, 0};

	CHECK_INT(placeholder_check(STR("{name} {{nick}} {x}"), &wrong), ERR_SHAPE);
	CHECK_STR(wrong, "{nick}");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_INT(placeholder_check(str_of(rows[i].text), &wrong), 0);
}

UNIT_MAIN
