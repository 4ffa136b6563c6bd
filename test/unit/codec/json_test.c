/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/val.h"

static struct arena arena;
static char why[128];

static int
parse(struct str text, struct val **v)
{
	arena_done(&arena);
	arena_init(&arena);
	why[0] = '\0';
	return json_parse(&arena, text, 100000, v, why);
}

/* same: jansson judges alike.  Where it does not, the reason stands beside. */
static const struct {
	const char *text;
	bool good, same;
} rows[] = {
	{"null", true, true}, {" [ ] ", true, true},
	{"{\"a\":[1,2.5,-3e2,true,false,null,\"x\"]}", true, true},
	{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", true, true},
	{"\"\\ud83d\\ude00\"", true, true},
	{"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", true, true}, {"0", true, true},
	{"-0", true, true}, {"1e5", true, true}, {"\"\\u0000\"", true, true},
	{"\"\\ud800\"", true, false}, /* jansson: a lone surrogate */
	{"\"\\udc00\\ud800\"", true, false},
	{"18446744073709551617", true, false}, /* jansson: too big */
	{"1e400", true, false}, {"", false, true}, {" ", false, true},
	{"[", false, true}, {"]", false, true}, {"[1,]", false, true},
	{"[,1]", false, true}, {"[1 2]", false, true}, {"{\"a\":1,}", false, true},
	{"{\"a\"}", false, true}, {"{a:1}", false, true}, {"{1:1}", false, true},
	{"{\"a\" 1}", false, true}, {"[1}", false, true}, {"nul", false, true},
	{"nullx", false, true}, {"True", false, true}, {"NaN", false, true},
	{"Infinity", false, true}, {"012", false, true}, {"+1", false, true},
	{"-", false, true}, {"1.", false, true}, {".5", false, true},
	{"1e", false, true}, {"0x1", false, true}, {"1 2", false, true},
	{"[] []", false, true}, {"'a'", false, true}, {"\"a", false, true},
	{"\"\x01\"", false, true}, {"\"a\nb\"", false, true}, {"\"\\x\"", false, true},
	{"\"\\u12\"", false, true}, {"\"\\u12g4\"", false, true},
	{"\"\xff\"", false, true}, {"\"\xc0\xaf\"", false, true}, /* overlong */
	{"\"\xe0\x80\x80\"", false, true},
	{"\"\xed\xa0\x80\"", false, true},     /* a surrogate as bytes */
	{"\"\xf4\x90\x80\x80\"", false, true}, /* above U+10FFFF */
	{"\"\xc3\"", false, true}, {"\"\x80\"", false, true}, {"// no\n1", false, true},
	{"\xef\xbb\xbf"
	 "1",
		false, true}, /* a byte order mark */
};

static bool
jansson_takes(struct str text)
{
	json_error_t e;
	json_t *v = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);

	json_decref(v);
	return v != NULL;
}

TEST(texts_are_accepted_or_refused_as_the_standard_says)
{
	struct val *v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool good = parse(str_of(rows[i].text), &v) == 0;

		if (good != rows[i].good)
			FAIL("%s: %s %s", rows[i].text, good ? "accepted" : "refused",
				why);
		if ((jansson_takes(str_of(rows[i].text)) == good) != rows[i].same)
			FAIL("%s: jansson judges %s", rows[i].text,
				rows[i].same ? "otherwise" : "alike");
	}
}

/* One changed byte at a time: whatever comes of it, jansson agrees. */
TEST(mutated_texts_are_judged_as_jansson_judges_them)
{
	static const char base[] = "{\"a\":[1,-2.5e3,true,null,\"x\xc3\xa9\\n\\u00e9\"]"
				   ",\"b\":{\"c\":\"d\"}}";
	static const char bytes[] = "{}[]:,\"\\ 01e.-+tnf\x01\x80\xc3\xff/x";
	struct val *v;
	char text[sizeof(base)];

	for (size_t at = 0; at < sizeof(base) - 1; at++) {
		for (size_t b = 0; b < sizeof(bytes) - 1; b++) {
			memcpy(text, base, sizeof(base));
			text[at] = bytes[b];
			struct str s = {text, sizeof(base) - 1};
			bool good = parse(s, &v) == 0;

			if (good != jansson_takes(s))
				FAIL("%.*s: %s", STR_FMT(s), good ? "accepted" : why);
		}
	}
}

TEST(depth_is_bounded)
{
	char text[2 * JSON_DEPTH_MAX + 3];
	struct val *v;

	for (int depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
		memset(text, '[', (size_t)depth);
		memset(text + depth, ']', (size_t)depth);
		int err = parse((struct str){text, 2 * (size_t)depth}, &v);

		CHECK_INT(err, depth == JSON_DEPTH_MAX ? 0 : ERR_LIMIT);
	}
	char *many = malloc(100000);
	memset(many, '[', 100000);
	CHECK_INT(parse((struct str){many, 100000}, &v), ERR_LIMIT);
	free(many);
}

TEST(values_are_bounded)
{
	struct val *v;

	arena_done(&arena);
	arena_init(&arena);
	CHECK_INT(json_parse(&arena, STR("[1,2,3]"), 4, &v, why), 0);
	CHECK_INT(json_parse(&arena, STR("[1,2,3]"), 3, &v, why), ERR_LIMIT);
}

TEST(a_text_reads_and_writes_the_same)
{
	static const char *const texts[] = {"null", "[]", "{}",
		"[1,-2,0.1,1e400,0,18446744073709551617,1.10]",
		"{\"a\":{\"b\":[\"\\u0000\",\"\\ud800\",\"\\n\",\"\\\\\",\"\\\"\"]}}",
		"\"\xf0\x9f\x98\x80\""};
	struct buf out;
	struct val *v;

	buf_init(&out);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		buf_clear(&out, 0);
		if (parse(str_of(texts[i]), &v) < 0)
			FAIL("%s: %s", texts[i], why);
		val_json(&out, v);
		CHECK_STR(buf_str(&out), texts[i]);
	}
	buf_done(&out);
}

TEST(look_ups_miss_softly)
{
	struct val *v;

	CHECK_INT(parse(STR("{\"a\":{\"n\":\"17\",\"l\":{\"low\":5,\"high\":1,"
			    "\"unsigned\":true},\"r\":3.0,\"t\":true}}"),
			  &v),
		0);
	const struct val *a = val_get(v, "a");
	CHECK_INT(val_int(val_get(a, "n"), -1), 17);
	CHECK_INT(val_int(val_get(a, "l"), -1), 4294967301);
	CHECK_INT(val_int(val_get(a, "r"), -1), 3);
	CHECK_INT(val_int(val_get(a, "t"), -1), -1);
	CHECK(val_true(val_get(a, "t")) && !val_true(val_get(a, "n")));
	CHECK(!val_get(val_get(val_get(v, "x"), "y"), "z") && !val_at(v, 0) &&
		!val_text(NULL).p);
}

TEST(quoting_makes_valid_text_of_anything)
{
	struct buf out;

	buf_init(&out);
	json_quote(&out, (struct str){"a\"\\\n\x01\x00\xff\xed\xa0\xbd\xc3\xa9", 12});
	struct str s = buf_str(&out);
	CHECK(jansson_takes(s));
	CHECK(str_ends(s, STR("\xc3\xa9\"")));
	buf_done(&out);
	arena_done(&arena);
}

UNIT_MAIN
