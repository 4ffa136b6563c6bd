/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/defs.h"
#include "base/err.h"
#include "job/price.h"

#define PRICES "gpt-4o-mini=0.15/0.60, org/big:7b = 2.50 / 10 ,free=0/0"

TEST(a_million_tokens_cost_what_the_table_says)
{
	static const struct {
		const char *model;
		int64_t in, out, micros;
	} rows[] = {
		{"gpt-4o-mini", 1000000, 0, 150000},
		{"gpt-4o-mini", 0, 1000000, 600000},
		{"gpt-4o-mini", 1000, 100, 210},
		{"gpt-4o-mini", 3, 0, 0}, /* 0.45: rounded */
		{"gpt-4o-mini", 4, 0, 1},
		{"org/big:7b", 10, 10, 125},
		{"free", 1000000, 1000000, 0},
		{"gpt-4o", 1000000, 1000000, 0}, /* not named */
		{"", 1000000, 1000000, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_INT(price_micros(STR(PRICES), str_of(rows[i].model), rows[i].in,
				  rows[i].out),
			rows[i].micros);
	CHECK_INT(price_micros((struct str){0}, STR("gpt-4o-mini"), 1000000, 1), 0);
}

TEST(a_price_that_is_none_is_named)
{
	static const char *const good[] = {"", PRICES, "a=1/2", "a=1e1/.5", "a=1/2,"};
	static const char *const bad[] = {"a", "a=1", "a=1/", "a=/1", "a=1/x", "a=-1/2",
		"=1/2", "a=nan/1", "a=inf/1", "a=1000000/1", "a=1/2/3"};
	struct str wrong;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		CHECK_INT(price_check(str_of(good[i]), &wrong), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK_INT(price_check(str_of(bad[i]), &wrong), ERR_SYNTAX);
		CHECK_STR(wrong, bad[i]);
	}
	CHECK_INT(price_check(STR("a=1/2, b=3, c=4/5"), &wrong), ERR_SYNTAX);
	CHECK_STR(wrong, "b=3");
}

UNIT_MAIN
