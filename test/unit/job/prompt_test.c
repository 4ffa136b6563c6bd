/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "../../../src/job/prompt.c"

/* 2026-11-24T05:30:12Z, a Tuesday. */
#define NOW_US 1795498212000000

enum { HISTORY = 30, ROOMY = 100000 };

struct building {
	struct arena arena;
	struct store_text line;
	struct store_history history[HISTORY];
	struct prompt_input in;
	struct prompt out;
};

/* A conversation of `count` messages, "say 0" the oldest; the customer begins. */
static void
building_init(struct building *b, size_t count)
{
	*b = (struct building){.line = {.text = STR("now")}};
	arena_init(&b->arena);
	for (size_t i = 0; i < count; i++)
		b->history[i] = (struct store_history){.from_customer = i % 2 == 0,
			.text = arena_printf(&b->arena, "say %zu", i)};
	b->in = (struct prompt_input){.now_us = NOW_US,
		.prompt = STR("You sell boats."),
		.history = b->history,
		.history_count = count,
		.lines = &b->line,
		.line_count = 1,
		.budget = ROOMY};
}

static void
build(struct building *b)
{
	prompt_build(&b->arena, &b->in, &b->out);
}

static const struct ai_turn *
turn(const struct building *b, size_t from_end)
{
	return &b->out.turns[b->out.count - 1 - from_end];
}

static size_t
times(const struct building *b, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < b->out.count; i++)
		n += str_eqz(b->out.turns[i].text, text);
	return n;
}

static size_t
at_in(struct str s, const char *part)
{
	const char *p = memmem(s.p, s.n, part, strlen(part));

	return p ? (size_t)(p - s.p) : s.n;
}

TEST(prompt_tokens_are_estimated_by_alphabet)
{
	static const struct {
		const char *text;
		int64_t tokens;
	} rows[] = {
		{"", 0},
		{"a", 1},
		{"abcd", 1},
		{"abcde", 2},
		{"שלום", 2},
		{"שלום לך", 4},
		{"Привет", 3},
		{"你好", 2},
		{"😀", 2},
		{"abcd😀", 3},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_INT(prompt_tokens(str_of(rows[i].text)), rows[i].tokens);
}

TEST(prompt_says_its_parts_in_order)
{
	static const char *const parts[] = {
		"Now it is Tuesday, 24 November 2026, 07:30 (Asia/Jerusalem).",
		"You sell boats.", "Rules of the house", "Do not repeat yourself",
		"Answer in this language: he.",
		"What is known of the customer:\nname: Dana",
		"Earlier conversation, in short:\nShe asked for a red boat."};
	struct building b;

	building_init(&b, 4);
	b.in.zone = STR("Asia/Jerusalem");
	b.in.offset_s = 7200;
	b.in.language = STR("he");
	b.in.facts = STR("name: Dana");
	b.in.summary = STR(" She asked for a red boat.\n");
	build(&b);

	struct str system = b.out.turns[0].text;
	CHECK_INT(b.out.turns[0].role, AI_SYSTEM);
	for (size_t i = 0, before = 0; i < ARRAY_LEN(parts); i++) {
		size_t at = at_in(system, parts[i]);
		if (at == system.n)
			FAIL("no '%s' in:\n%.*s", parts[i], STR_FMT(system));
		CHECK(i == 0 ? at == 0 : at > before);
		before = at;
	}
	CHECK_INT(b.out.count, 6);
	CHECK_STR(turn(&b, 0)->text, "now");
	arena_done(&b.arena);
}

TEST(prompt_leaves_out_what_nobody_has_said)
{
	struct building b;

	building_init(&b, 0);
	b.in.facts = STR("  ");
	build(&b);
	struct str system = b.out.turns[0].text;
	CHECK(at_in(system, "05:30 (UTC)") < system.n);
	CHECK(at_in(system, "language in which the customer writes") < system.n);
	CHECK(at_in(system, "What is known") == system.n);
	CHECK(at_in(system, "in short") == system.n);
	CHECK_INT(b.out.count, 2);
	CHECK_INT(turn(&b, 0)->role, AI_USER);
	arena_done(&b.arena);
}

TEST(prompt_history_has_its_real_roles_and_keeps_the_newest)
{
	static const struct {
		size_t history;
		int64_t budget_after_system; /* 0: roomy */
		size_t kept;
	} rows[] = {
		{0, 0, 0},
		{1, 0, 1},
		{HISTORY, 0, HISTORY},
		/* "now" and "say 20" cost 5 and 6 */
		{HISTORY, 5 + 3 * 6, 3},
		{HISTORY, 5 + 3 * 6 + 5, 3},
		{HISTORY, 5, 0},
		{HISTORY, 1, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct building b;

		building_init(&b, rows[i].history);
		build(&b);
		if (rows[i].budget_after_system)
			b.in.budget = message_tokens(b.out.turns[0].text) +
				      rows[i].budget_after_system;
		build(&b);
		CHECK_INT(b.out.count, rows[i].kept + 2);
		CHECK_INT(b.out.dropped, rows[i].history - rows[i].kept);
		CHECK(!b.out.cut);
		for (size_t back = 1; back <= rows[i].kept; back++) {
			size_t n = rows[i].history - back;
			char want[16];

			snprintf(want, sizeof(want), "say %zu", n);
			CHECK_STR(turn(&b, back)->text, want);
			CHECK_INT(turn(&b, back)->role,
				n % 2 == 0 ? AI_USER : AI_ASSISTANT);
		}
		CHECK_INT(times(&b, "now"), 1);
		arena_done(&b.arena);
	}
}

TEST(prompt_current_words_come_once_more_though_they_were_said_before)
{
	struct building b;

	building_init(&b, 3);
	b.line.text = STR("say 2");
	build(&b);
	CHECK_INT(times(&b, "say 2"), 2); /* in the history, and now */
	CHECK_STR(turn(&b, 0)->text, "say 2");
	arena_done(&b.arena);
}

TEST(prompt_shows_each_line_of_a_burst_behind_what_it_quotes)
{
	static const struct store_text lines[] = {{.text = STR("hello")},
		{.text = STR("this one"), .quoted = STR("Red boat\n900 a day\n")},
		{.text = STR("is it free?"), .quoted = STR("")}};
	struct building b;

	building_init(&b, 0);
	b.in.lines = lines;
	b.in.line_count = ARRAY_LEN(lines);
	build(&b);
	CHECK_STR(turn(&b, 0)->text,
		"hello\n> Red boat\n> 900 a day\nthis one\nis it free?");
	arena_done(&b.arena);
}

/* count times unit, between two words. */
static struct str
long_text(struct arena *a, const char *unit, size_t count)
{
	struct buf b;

	buf_init(&b);
	buf_addz(&b, "first ");
	while (count-- > 0)
		buf_addz(&b, unit);
	buf_addz(&b, " last");
	struct str s = arena_str(a, buf_str(&b));
	buf_done(&b);
	return s;
}

TEST(prompt_shortens_a_current_turn_that_is_too_long_in_its_middle)
{
	static const char *const units[] = {"x", "ש", "你", "😀"};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct building b;

		building_init(&b, 4);
		b.line.text = long_text(&b.arena, units[i], 20000);
		b.in.budget = 1000;
		build(&b);

		struct str said = turn(&b, 0)->text;
		CHECK(b.out.cut);
		CHECK(b.out.tokens <= 1000 && b.out.tokens > 990);
		CHECK_INT(b.out.count, 2);
		CHECK(str_starts(said, STR("first ")) && str_ends(said, STR(" last")));
		CHECK(at_in(said, CUT_MARK) < said.n);
		CHECK_INT(
			(said.n - strlen("first " CUT_MARK " last")) % strlen(units[i]),
			0); /* whole characters */
		arena_done(&b.arena);
	}
}

TEST(prompt_system_and_a_screen_of_words_are_sent_whatever_the_budget)
{
	struct building b;

	building_init(&b, 4);
	b.line.text = long_text(&b.arena, "x", 20000);
	b.in.budget = 1;
	build(&b);
	CHECK_INT(b.out.count, 2);
	CHECK(at_in(b.out.turns[0].text, "You sell boats.") < b.out.turns[0].text.n);
	int64_t said = prompt_tokens(turn(&b, 0)->text);
	CHECK(said <= PROMPT_SAID_MIN && said > PROMPT_SAID_MIN - 5);

	b.line.text = STR("short");
	build(&b);
	CHECK_STR(turn(&b, 0)->text, "short");
	CHECK(!b.out.cut);
	arena_done(&b.arena);
}

UNIT_MAIN
