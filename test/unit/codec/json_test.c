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
} judged[] = {
	{"null", true, true}, {" [ ] ", true, true},
	{"{\"a\":[1,2.5,-3e2,true,false,null,\"x\"]}", true, true},
	{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", true, true},
	{"\"\\ud83d\\ude00\"", true, true},
	{"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", true, true}, {"0", true, true},
	{"-0", true, true}, {"1e5", true, true}, {"\"\\u0000\"", true, true},
	{"\"\\ud800\"", true, false}, /* jansson: a lone surrogate */
	{"\"\\udc00\\ud800\"", true, false},
	{"18446744073709551617", true, false}, /* jansson: too big */
	{"1e400", true, false},
	{"{\"\\u0000\":1}", true, false}, /* jansson: NUL in a key */
	{"{\"a\":1,\"a\":2}", true, true}, {"\"\x7f\"", true, true},
	{"\"\xed\x9f\xbf\xee\x80\x80\"", true, true}, /* around the surrogates */
	{"\"\xf4\x8f\xbf\xbf\"", true, true}, {"\t\r\n 1 \n", true, true},
	{"\"\xc1\xbf\"", false, true}, {"\"\xf0\x8f\xbf\xbf\"", false, true},
	{"\"\xf5\x80\x80\x80\"", false, true}, {"\"\xe2\x82\"", false, true},
	{"\"\xed\xb0\x80\"", false, true}, {"\"\xf8\x88\x80\x80\x80\"", false, true},
	{"-01", false, true}, {"--1", false, true}, {"1e+", false, true},
	{"1.e1", false, true}, {"-NaN", false, true}, {"[", false, true},
	{"\f1", false, true}, {"{,}", false, true}, {"[1,,2]", false, true},
	{"{\"a\":1 \"b\":2}", false, true}, {"{\"a\"::1}", false, true},
	{"\"\t\"", false, true}, {"\"\\\"", false, true}, {"\"\\u00g0\"", false, true},
	{"\"\\U0041\"", false, true}, {"/**/1", false, true}, {"", false, true},
	{" ", false, true}, {"]", false, true}, {"[1,]", false, true},
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

	for (size_t i = 0; i < ARRAY_LEN(judged); i++) {
		bool good = parse(str_of(judged[i].text), &v) == 0;

		if (good != judged[i].good)
			FAIL("%s: %s %s", judged[i].text, good ? "accepted" : "refused",
				why);
		if ((jansson_takes(str_of(judged[i].text)) == good) != judged[i].same)
			FAIL("%s: jansson judges %s", judged[i].text,
				judged[i].same ? "otherwise" : "alike");
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

/* jansson_dislikes says whether jansson refused what we and the standard take. */
static bool
jansson_dislikes(struct str text)
{
	json_error_t e = {0};
	json_t *v = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);

	json_decref(v);
	return !v &&
	       (json_error_code(&e) == json_error_numeric_overflow ||
		       json_error_code(&e) == json_error_null_byte_in_key ||
		       strstr(e.text, "invalid Unicode '\\u")); /* lone surrogates */
}

static uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* mutate replaces some bytes of text by a piece of another kind. */
static size_t
mutate(char *text, size_t n, uint32_t *seed)
{
	static const char *const pieces[] = {"", "", ",", ":", "[", "]", "{", "}", "\"",
		"\\", "\\u", "\\u0000", "\\ud83d", "\\ude00", "\\uD8", "0", "-", ".",
		"1e5", "1e400", "-0.0", "18446744073709551616", "true", "null", "nul",
		"\x1f", "\x7f", "\xc3\xa9", "\xc3", "\xed\xa0\x80", "\xf0\x9f\x98\x80",
		"\xf4\x90\x80\x80", "\xe0\x9f\xbf", " ", "\n", "\"k\":", "[]", "{}"};
	struct str piece = str_of(pieces[next_random(seed) % ARRAY_LEN(pieces)]);
	size_t at = next_random(seed) % (n + 1);
	size_t cut = next_random(seed) % 3;

	cut = cut < n - at ? cut : n - at;
	memmove(text + at + piece.n, text + at + cut, n - at - cut);
	memcpy(text + at, piece.p, piece.n);
	return n - cut + piece.n;
}

TEST(random_mutations_are_judged_as_jansson_judges_them)
{
	static const char *const bases[] = {"[]", "\"\\ud83d\\ude00\"", "-1.5e-3",
		"{\"a\":[1,-2.5e3,true,null,\"x\xc3\xa9\\n\\u00e9\"],\"b\":{}}",
		"[[[\"\",{}],[]],{\"k\":{\"k\":[0,0.0,1e1]}}]"};
	uint32_t seed = 2463534242;
	size_t good = 0, disliked = 0;
	struct val *v;

	for (int i = 0; i < 50000; i++) {
		const char *base = bases[next_random(&seed) % ARRAY_LEN(bases)];
		char text[256];
		size_t n = strlen(base);

		memcpy(text, base, n);
		for (uint32_t k = 1 + next_random(&seed) % 3; k > 0; k--)
			n = mutate(text, n, &seed);
		struct str s = {text, n};
		bool ours = parse(s, &v) == 0;

		good += ours;
		if (ours == jansson_takes(s))
			continue;
		if (!ours || !jansson_dislikes(s))
			FAIL("%.*s: %s", STR_FMT(s), ours ? "accepted" : why);
		disliked++;
	}
	CHECK(good > 2000 && disliked > 500); /* not all were noise */
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

TEST(escapes_are_decoded)
{
	static const struct {
		const char *raw, *text;
	} rows[] = {
		{"", ""},
		{"plain", "plain"},
		{"\\\"\\\\\\/", "\"\\/"},
		{"\\b\\f\\n\\r\\t", "\b\f\n\r\t"},
		{"a\\u0062c", "abc"},
		{"\\u00e9\\u00E9", "\xc3\xa9\xc3\xa9"},
		{"\\u07ff\\u0800\\uffff", "\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
		{"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
		{"\\uD800\\uDC00", "\xf0\x90\x80\x80"},
		{"\\udbff\\udfff", "\xf4\x8f\xbf\xbf"},
		{"\\ud83d", "\xed\xa0\xbd"}, /* alone, at the end */
		{"\\ud83dx", "\xed\xa0\xbdx"},
		{"\\ud83d\\n", "\xed\xa0\xbd\n"},
		{"\\ude00\\ud83d", "\xed\xb8\x80\xed\xa0\xbd"}, /* the wrong way */
		{"\\ud83d\\ud83d\\ude00", "\xed\xa0\xbd\xf0\x9f\x98\x80"},
		{"\\ud83d\\u0041", "\xed\xa0\xbd"
				   "A"},
	};

	arena_done(&arena);
	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str raw = str_of(rows[i].raw);

		CHECK_STR(json_unescape(&arena, raw), rows[i].text);
		CHECK_STR(json_text(&arena, raw), rows[i].text);
	}
	CHECK(str_eq(json_unescape(&arena, STR("a\\u0000b")), STR("a\0b")));
	CHECK(!json_unescape(&arena, (struct str){0}).p);
	char nothing;
	CHECK_INT(json_unescape_to(&nothing, (struct str){0}), 0);
	arena_done(&arena);
}

TEST(text_without_escapes_is_not_copied)
{
	struct str raw = STR("plain \xc3\xa9");

	CHECK(json_text(&arena, raw).p == raw.p);
}

/* Eight bytes are judged at once: each odd byte at each place. */
TEST(odd_bytes_are_found_wherever_they_stand)
{
	char text[] = "\"xxxxxxxxxxxxxxxxxxxxxxx\"";
	struct val *v;

	for (size_t at = 1; at < sizeof(text) - 2; at++) {
		for (int byte = 0; byte < 256; byte++) {
			char was = text[at];
			bool good = byte >= 0x20 && byte < 0x80 && byte != '"' &&
				    byte != '\\';

			text[at] = (char)byte;
			if ((parse((struct str){text, sizeof(text) - 1}, &v) == 0) !=
				good)
				FAIL("byte 0x%02x at %zu: %s", byte, at, why);
			text[at] = was;
		}
	}
}

TEST(an_error_says_what_and_where)
{
	static const struct {
		const char *text, *words;
		int err;
	} rows[] = {
		{"", "ends too early at byte 0", ERR_SYNTAX},
		{"  [1,", "ends too early at byte 5", ERR_SYNTAX},
		{"[1,]", "no value at byte 3", ERR_SYNTAX},
		{"[1 2]", "no comma and no closing bracket at byte 3", ERR_SYNTAX},
		{"{\"a\" 1}", "no colon at byte 5", ERR_SYNTAX},
		{"{\"a\":1,}", "no string at byte 7", ERR_SYNTAX},
		{"\"a\x01\"", "control byte in a string at byte 2", ERR_SYNTAX},
		{"\"a\\q\"", "bad escape at byte 2", ERR_SYNTAX},
		{"\"a\xff\"", "not UTF-8 at byte 2", ERR_SYNTAX},
		{"1.x", "no digit at byte 2", ERR_SYNTAX},
		{"012", "more after the end at byte 1", ERR_SYNTAX},
	};
	struct val *v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(parse(str_of(rows[i].text), &v), rows[i].err);
		CHECK_STR(str_of(why), rows[i].words);
	}
}

TEST(the_cursor_walks_and_skips)
{
	struct json j;
	struct str seen = {0}, skipped = {0};
	bool escaped = true, integer = false;

	json_init(
		&j, STR(" {\"skip\": [1, {\"x\":null}] , \"n\" : -12 ,\"s\":\"t\"} "));
	CHECK_INT(json_peek(&j), '{');
	for (bool more = json_enter(&j, '{'); more; more = json_more(&j, '}')) {
		struct str key = json_key(&j);

		if (str_eqz(key, "n"))
			CHECK_STR(json_read_number(&j, &integer), "-12");
		else if (str_eqz(key, "s"))
			seen = json_read_string(&j, &escaped);
		else
			skipped = json_skip(&j);
	}
	CHECK_INT(json_end(&j, why), 0);
	CHECK_STR(skipped, "[1, {\"x\":null}]");
	CHECK_STR(seen, "t");
	CHECK(integer && !escaped);
}

TEST(a_caller_may_bound_the_values_that_are_passed)
{
	static const char text[] = "{\"a\":[1,\"x\",null],\"b\":{}}"; /* 8, keys too */
	struct json j;

	for (size_t most = 0; most <= 8; most++) {
		json_init(&j, STR(text));
		j.values_left = most;
		CHECK(json_skip(&j).p || most < 8);
		CHECK_INT(json_end(&j, why), most < 8 ? ERR_LIMIT : 0);
		CHECK(most == 8 || strstr(why, "too many values"));
	}
	CHECK_INT(j.values_left, 0);
}

TEST(the_first_error_sticks_and_ends_every_loop)
{
	struct json j;
	bool flag;
	int turns = 0;

	json_init(&j, STR("[1,2,3]"));
	for (bool more = json_enter(&j, '['); more; more = json_more(&j, ']')) {
		json_read_number(&j, &flag);
		if (++turns == 2)
			json_fail(&j, "enough");
	}
	CHECK_INT(turns, 2);
	json_fail(&j, "later");
	CHECK(!json_enter(&j, '{') && json_peek(&j) == 0 && json_read_literal(&j) == 0);
	CHECK(!json_key(&j).p && !json_read_string(&j, &flag).p);
	CHECK(!json_read_number(&j, &flag).p && !json_skip(&j).p);
	CHECK_INT(json_end(&j, why), ERR_SYNTAX);
	CHECK_STR(str_of(why), "enough at byte 4");
	arena_done(&arena);
}

UNIT_MAIN
