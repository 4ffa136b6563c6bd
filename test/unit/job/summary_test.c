/* SPDX-License-Identifier: MIT */
#include "job/summary.h"

#include "base/arena.h"
#include "unit.h"

static struct arena arena;

TEST(notes_are_read_from_whatever_stands_around_them)
{
	static const struct {
		const char *answer, *summary, *key, *value;
	} rows[] = {
		{"{\"summary\":\"wants a boat\",\"facts\":{\"name\":\"Dana\"}}",
			"wants a boat", "name", "Dana"},
		{"```json\n{\"summary\": \" x \", \"facts\": {\" city \": \" Haifa "
		 "\"}}\n```",
			"x", "city", "Haifa"},
		{"Here you are: {\"summary\":\"x\"} Bye!", "x", NULL, NULL},
		{"{\"summary\":\"x\",\"facts\":[1]}", "x", NULL, NULL},
		{"{\"summary\":\"x\",\"facts\":{\"a\":1,\"b\":\"\",\"c\":\"d\"}}", "x",
			"c", "d"},
		/* no JSON: all of it is the summary */
		{"She wants a boat.", "She wants a boat.", NULL, NULL},
		{"{ not json", "{ not json", NULL, NULL},
		{"{\"summary\": \"x\"", "{\"summary\": \"x\"", NULL, NULL},
		/* JSON without one keeps what is known */
		{"{\"facts\":{\"a\":\"b\"}}", NULL, "a", "b"},
		{"", NULL, NULL, NULL},
	};

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct notes n;

		notes_read(&arena, str_of(rows[i].answer), &n);
		CHECK_STR(n.summary, rows[i].summary);
		CHECK_INT((int64_t)n.fact_count, rows[i].key ? 1 : 0);
		if (rows[i].key) {
			CHECK_STR(n.keys[0], rows[i].key);
			CHECK_STR(n.values[0], rows[i].value);
		}
	}
	arena_done(&arena);
}

TEST(a_name_comes_with_how_sure_it_is)
{
	static const struct {
		const char *answer, *name;
		double confidence;
	} rows[] = {
		{"{\"name\":\"Dana\",\"name_confidence\":0.9}", "Dana", 0.9},
		{"{\"name\":\"Dana\",\"name_confidence\":1}", "Dana", 1},
		{"{\"name\":\"Dana\"}", "Dana", 0},
		{"{\"name\":\"Dana\",\"name_confidence\":\"high\"}", "Dana", 0},
		{"{\"name\":7,\"name_confidence\":1}", NULL, 1},
		{"Dana", NULL, 0},
	};

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct notes n;

		notes_read(&arena, str_of(rows[i].answer), &n);
		CHECK_STR(n.name, rows[i].name);
		CHECK(n.name_confidence == rows[i].confidence);
	}
	arena_done(&arena);
}

TEST(notes_have_bounds)
{
	char text[2 * SUMMARY_MAX];
	struct notes n;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof(text); i += 2)
		memcpy(text + i, "ש", 2);
	notes_read(&arena, (struct str){text, sizeof(text)}, &n);
	CHECK_INT((int64_t)n.summary.n, SUMMARY_MAX);

	snprintf(text, sizeof(text),
		"{\"facts\":{\"%0*d\":\"long key\",\"k\":\"%0*d\"}}",
		SUMMARY_KEY_MAX + 1, 0, SUMMARY_VALUE_MAX + 9, 0);
	notes_read(&arena, str_of(text), &n);
	CHECK_INT((int64_t)n.fact_count, 1);
	CHECK_INT((int64_t)n.values[0].n, SUMMARY_VALUE_MAX);

	size_t at = (size_t)snprintf(text, sizeof(text), "{\"facts\":{\"a\":\"b\"");
	for (int i = 0; i < 3 * SUMMARY_FACTS; i++)
		at += (size_t)snprintf(
			text + at, sizeof(text) - at, ",\"k%d\":\"v\"", i);
	snprintf(text + at, sizeof(text) - at, "}}");
	notes_read(&arena, str_of(text), &n);
	CHECK_INT((int64_t)n.fact_count, SUMMARY_FACTS);
	arena_done(&arena);
}

UNIT_MAIN
