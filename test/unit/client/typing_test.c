/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/defs.h"
#include "client/typing.h"

/* By tables: what is so, and what is done about it. */
struct row {
	bool wanted, asked, maybe_on, room;
	int64_t now_ms; /* due is 100 */
	enum typing_act act;
};

static void
check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		const struct typing_state s = {.wanted = r->wanted,
			.asked = r->asked,
			.maybe_on = r->maybe_on,
			.due_ms = 100};

		if (typing_next(&s, r->room, r->now_ms) != r->act)
			FAIL("row %zu", i);
	}
}

TEST(while_the_turn_goes_on_it_is_shown_when_that_is_due)
{
	static const struct row rows[] = {
		{true, false, false, true, 99, TYPING_WAIT},
		{true, false, false, true, 100, TYPING_POST_ON},
		{true, false, true, true, 99, TYPING_WAIT},
		{true, false, true, true, 500, TYPING_POST_ON},
	};

	check(rows, ARRAY_LEN(rows));
}

TEST(off_is_posted_only_after_an_on_that_may_have_come)
{
	static const struct row rows[] = {
		{false, false, true, true, 0, TYPING_POST_OFF},
		{false, false, true, true, 500, TYPING_POST_OFF},
		{false, false, false, true, 500, TYPING_FORGET},
	};

	check(rows, ARRAY_LEN(rows));
}

TEST(one_request_of_a_chat_is_out_at_a_time)
{
	for (int i = 0; i < 8; i++) {
		const struct row row = {i & 1, true, i & 2, i & 4, 500, TYPING_WAIT};

		check(&row, 1);
	}
}

TEST(without_room_both_wait)
{
	static const struct row rows[] = {
		{true, false, false, false, 500, TYPING_WAIT},
		{true, false, true, false, 500, TYPING_WAIT},
		{false, false, true, false, 500, TYPING_WAIT},
		{false, false, false, false, 500, TYPING_FORGET},
	};

	check(rows, ARRAY_LEN(rows));
}

UNIT_MAIN
