/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <math.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"
#include "codec/val.h"

static struct arena arena;

static const struct val *
of_json(const char *text)
{
	struct val *v;
	char why[128];

	if (json_parse(&arena, str_of(text), 1000, &v, why) < 0)
		FAIL("%s: %s", text, why);
	return v;
}

static void
check_written(const struct val *v, const char *want)
{
	struct buf out;

	buf_init(&out);
	val_json(&out, v);
	CHECK_STR(buf_str(&out), want);
	buf_done(&out);
}

TEST(a_path_is_one_expression)
{
	const struct val *v =
		of_json("{\"key\":{\"remoteJid\":\"1@s\",\"ids\":[7,\"x\"]}}");

	CHECK_STR(val_text(val_get(val_get(v, "key"), "remoteJid")), "1@s");
	CHECK_INT(val_int(val_at(val_get(val_get(v, "key"), "ids"), 0), -1), 7);
	CHECK_STR(val_text(val_at(val_get(val_get(v, "key"), "ids"), 1)), "x");
}

TEST(look_ups_miss_softly)
{
	const struct val *list = of_json("[true]"), *dict = of_json("{\"a\":1}");

	CHECK(!val_get(NULL, "a") && !val_get(list, "a") && !val_get(dict, "b"));
	CHECK(!val_get(dict, "") && !val_get(val_get(val_get(dict, "x"), "y"), "z"));
	CHECK(!val_at(NULL, 0) && !val_at(dict, 0) && !val_at(list, 1));
	CHECK(!val_text(NULL).p && !val_text(list).p);
	CHECK(!val_true(NULL) && !val_true(list) && val_true(val_at(list, 0)));
	CHECK(!val_true(of_json("false")) && !val_true(of_json("1")));
	CHECK(!val_true(of_json("\"true\"")));
}

TEST(of_a_repeated_key_the_last_counts)
{
	const struct val *v = of_json("{\"a\":1,\"b\":2,\"a\":3}");

	CHECK_INT(v->count, 3);
	CHECK_INT(val_int(val_get(v, "a"), -1), 3);
}

TEST(a_key_may_be_written_with_escapes)
{
	CHECK_INT(val_int(val_get(of_json("{\"\\u0061\":5}"), "a"), -1), 5);
	CHECK(!val_get(of_json("{\"a\\u0000\":5}"), "a"));
}

TEST(integers_come_in_many_forms)
{
	static const struct {
		const char *json;
		int64_t value; /* -1: none */
	} rows[] = {
		{"0", 0},
		{"-7", -7},
		{"9223372036854775807", INT64_MAX},
		{"-9223372036854775808", INT64_MIN},
		{"9223372036854775808", -1},
		{"\"1700000000\"", 1700000000},
		{"\"-5\"", -5},
		{"\"9223372036854775808\"", -1},
		{"\"\"", -1},
		{"\" 1\"", -1},
		{"\"1.0\"", -1},
		{"\"x\"", -1},
		{"3.0", 3},
		{"-2e3", -2000},
		{"3.5", -1},
		{"1e15", 1000000000000000},
		{"1e300", -1},
		{"1e999", -1},
		{"{\"low\":5,\"high\":0}", 5},
		{"{\"low\":5,\"high\":1,\"unsigned\":true}", 4294967301},
		{"{\"low\":-1,\"high\":0,\"unsigned\":true}", 4294967295},
		{"{\"low\":4294967295,\"high\":0}", 4294967295},
		{"{\"low\":-2,\"high\":-1,\"unsigned\":false}", -2},
		{"{\"low\":0,\"high\":-1,\"unsigned\":true}", -1}, /* beyond */
		{"{\"low\":-1,\"high\":2147483647}", INT64_MAX},
		{"{\"low\":0,\"high\":-2147483648}", INT64_MIN},
		{"{\"low\":4294967296,\"high\":0}", -1},
		{"{\"low\":\"5\",\"high\":0}", -1},
		{"{\"low\":5}", -1},
		{"{\"high\":5}", -1},
		{"null", -1},
		{"true", -1},
		{"[1]", -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t is = val_int(of_json(rows[i].json), -1);

		if (is != rows[i].value)
			FAIL("%s is %" PRId64, rows[i].json, is);
	}
	CHECK_INT(val_int(NULL, 42), 42);
}

TEST(what_came_from_json_is_written_the_same)
{
	static const char *const texts[] = {"null", "true", "false", "[]", "{}",
		"[1,-2,0.10,1E+5,1e400,-0.0,18446744073709551617]",
		"{\"a\":{\"b\":[\"\\u0000\",\"\\ud800\"]}}",
		"[\"\\n\\r\\t\\b\\f\",\"\\\\\",\"\\\"\"]",
		"{\"\\ud83d\":{\"\":\"\\u001f\x7f/\"}}", "\"\xf0\x9f\x98\x80\\udc00\"",
		"{\"a\":1,\"a\":2}"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		check_written(of_json(texts[i]), texts[i]);
	check_written(of_json(" [ \"\\u0041\\/\\ud83d\\ude00\" , { } ] "),
		"[\"A/\xf0\x9f\x98\x80\",{}]");
}

TEST(a_double_is_written_as_the_shortest_text_that_reads_back)
{
	static const struct {
		double real;
		const char *json;
	} rows[] = {
		{0.0, "0.0"},
		{-0.0, "-0.0"},
		{1.0, "1.0"},
		{0.1, "0.1"},
		{-2.5, "-2.5"},
		{1e22, "1e+22"},
		{123456789012345680.0, "1.2345678901234568e+17"},
		{5e-324, "4.94065645841247e-324"},
		{1.7976931348623157e308, "1.7976931348623157e+308"},
		{INFINITY, "1e999"},
		{-INFINITY, "-1e999"},
		{NAN, "null"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct val v = {.kind = VAL_REAL, .real = rows[i].real};

		check_written(&v, rows[i].json);
		if (!isnan(v.real))
			CHECK(of_json(rows[i].json)->real == v.real);
	}
}

TEST(quoting_makes_valid_text_of_anything)
{
	static const struct {
		struct str text;
		const char *json;
	} rows[] = {
		{{NULL, 0}, "\"\""},
		{{"plain \xc3\xa9", 8}, "\"plain \xc3\xa9\""},
		{{"a\"\\\n\x01\x00/", 7}, "\"a\\\"\\\\\\n\\u0001\\u0000/\""},
		{{"\xff", 1}, "\"\xef\xbf\xbd\""},
		{{"\xed\xa0\xbdx", 4}, "\"\xef\xbf\xbdx\""}, /* a lone surrogate: one */
		{{"\xe2\x82", 2}, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
		{{"\xc0\xaf", 2}, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	};
	struct buf out;

	buf_init(&out);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&out, 0);
		json_quote(&out, rows[i].text);
		CHECK_STR(buf_str(&out), rows[i].json);
		of_json(rows[i].json);
	}
	buf_done(&out);
	arena_done(&arena);
}

UNIT_MAIN
