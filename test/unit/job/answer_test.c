/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/arena.h"
#include "job/answer.h"

static struct arena arena;

static struct str
answer(const char *rules, const char *default_text, const char *message)
{
	return answer_builtin(
		&arena, str_of(rules), str_of(default_text), str_of(message));
}

#define RULES                                            \
	"[{\"match\":\"Hours\",\"reply\":\"9 to 17\"},"  \
	"{\"match\":\"\xd7\xa9\",\"reply\":\"shalom\"}," \
	"{\"match\":\"price\",\"reply\":\"\"},{\"reply\":7}]"

TEST(the_first_rule_whose_word_stands_in_the_message_answers)
{
	CHECK_STR(answer(RULES, "later", "what are your hOURS?"), "9 to 17");
	CHECK_STR(answer(RULES, "later", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d"), "shalom");
	CHECK_STR(answer("[{\"match\":\"\",\"reply\":\"all\"}]", "later", "x"), "all");
}

TEST(else_the_default_text_answers)
{
	CHECK_STR(answer(RULES, "later", "hello"), "later");
	CHECK_STR(
		answer(RULES, "later", "price"), "later"); /* a rule without a reply */
	CHECK_STR(answer("[]", "later", "hello"), "later");
	CHECK_STR(answer("not json", "later", "hello"), "later");
	CHECK_STR(answer("{}", "later", "hello"), "later");
}

TEST(without_words_there_is_no_answer)
{
	CHECK(!answer("[]", "", "hello").p);
	CHECK(!answer(NULL, NULL, "hello").p);
	arena_done(&arena);
}

UNIT_MAIN
