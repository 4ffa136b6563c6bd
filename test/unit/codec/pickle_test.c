/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/pickle.h"
#include "codec/val.h"

static struct arena arena;
static char why[128];

static struct str
from_hex(const char *hex)
{
	size_t n = strlen(hex) / 2;
	char *to = arena_alloc(&arena, n + 1);

	for (size_t i = 0; i < n; i++) {
		unsigned byte = 0;

		sscanf(hex + 2 * i, "%2x", &byte);
		to[i] = (char)byte;
	}
	return (struct str){to, n};
}

static int
parse(struct str bytes, struct val **v)
{
	why[0] = '\0';
	return pickle_parse(&arena, bytes, v, why);
}

static void
check_json(const struct val *v, const char *want)
{
	struct buf json;

	buf_init(&json);
	val_json(&json, v);
	CHECK_STR(buf_str(&json), want);
	buf_done(&json);
}

static struct str
pickled(struct buf *out, const char *json)
{
	buf_clear(out, 0);
	pickle_begin(out);
	CHECK_INT(pickle_json(out, str_of(json)), 0);
	pickle_end(out);
	return buf_str(out);
}

/* What python3 -c 'pickle.dumps(..., protocol)' writes, and what it means. */
static const struct {
	const char *name, *hex;
} made_by_python[] = {
	{"nested 2", "8002285803000000662e6771004e284b0158010000007871014afbffffff4a701"
		     "101008a06000000000001473ff80000000000007471027d71032858010000006b"
		     "71047d710558010000006e71065d7107284e8889657358010000006571085d710"
		     "9580100000064710a7d710b7574710c2e"},
	{"nested 3", "8003285803000000662e6771004e284b0158010000007871014afbffffff4a701"
		     "101008a06000000000001473ff80000000000007471027d71032858010000006b"
		     "71047d710558010000006e71065d7107284e8889657358010000006571085d710"
		     "9580100000064710a7d710b7574710c2e"},
	{"nested 4", "8004955100000000000000288c03662e67944e284b018c0178944afbffffff4a7"
		     "01101008a06000000000001473ff800000000000074947d94288c016b947d948c"
		     "016e945d94284e888965738c0165945d948c0164947d947574942e"},
	{"nested 5", "8005955100000000000000288c03662e67944e284b018c0178944afbffffff4a7"
		     "01101008a06000000000001473ff800000000000074947d94288c016b947d948c"
		     "016e945d94284e888965738c0165945d948c0164947d947574942e"},
	{"shared 2", "80025d7100285d710128580100000061710258010000006271036568017d71042"
		     "858010000006b7105680558020000006b6b7106680575652e"},
	{"shared 3", "80035d7100285d710128580100000061710258010000006271036568017d71042"
		     "858010000006b7105680558020000006b6b7106680575652e"},
	{"shared 4", "80049524000000000000005d94285d94288c0161948c0162946568017d94288c0"
		     "16b9468058c026b6b94680575652e"},
	{"shared 5", "80059524000000000000005d94285d94288c0161948c0162946568017d94288c0"
		     "16b9468058c026b6b94680575652e"},
	{"big 2", "80025d7100288a090000000000000080008a09ffffffffffffff7fff8a1a00000000"
		  "000000000000000000000000000000000000000000014b004bff4d00014affffffff"
		  "652e"},
	{"big 3", "80035d7100288a090000000000000080008a09ffffffffffffff7fff8a1a00000000"
		  "000000000000000000000000000000000000000000014b004bff4d00014affffffff"
		  "652e"},
	{"big 4", "80049543000000000000005d94288a090000000000000080008a09ffffffffffffff"
		  "7fff8a1a00000000000000000000000000000000000000000000000000014b004bff"
		  "4d00014affffffff652e"},
	{"big 5", "80059543000000000000005d94288a090000000000000080008a09ffffffffffffff"
		  "7fff8a1a00000000000000000000000000000000000000000000000000014b004bff"
		  "4d00014affffffff652e"},
	{"text 2", "80025d7100285808000000c3a9d790f09f988071015803000000eda0bd710258030"
		   "000006100627103652e"},
	{"text 3", "80035d7100285808000000c3a9d790f09f988071015803000000eda0bd710258030"
		   "000006100627103652e"},
	{"text 4", "8004951c000000000000005d94288c08c3a9d790f09f9880948c03eda0bd948c036"
		   "1006294652e"},
	{"text 5", "8005951c000000000000005d94288c08c3a9d790f09f9880948c03eda0bd948c036"
		   "1006294652e"},
	{"bytes 5", "80059534000000000000005d94284302616294960200000000000000636494294b"
		    "0185944b014b0286944b014b024b038794284b014b024b034b047494652e"},
};

static const struct {
	const char *name, *json;
} meanings[] = {
	{"nested", "[\"f.g\",null,[1,\"x\",-5,70000,1099511627776,1.5],{\"k\":{\"n\":["
		   "null,true,false]},\"e\":[],\"d\":{}}]"},
	{"shared", "[[\"a\",\"b\"],[\"a\",\"b\"],{\"k\":\"k\",\"kk\":\"k\"}]"},
	{"big", "[9223372036854775808,-9223372036854775809,"
		"1606938044258990275541962092341162602522202993782792835301376,0,255,"
		"256,-1]"},
	{"text", "[\"éא😀\",\"\\ud83d\",\"a\\u0000b\"]"},
	{"bytes", "[\"ab\",\"cd\",[],[1],[1,2],[1,2,3],[1,2,3,4]]"},
};

static const char *
meaning_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (str_starts(str_of(name), str_of(meanings[i].name)))
			return meanings[i].json;
	FAIL("no meaning of %s", name);
}

TEST(pythons_pickles_of_all_protocols_are_read)
{
	struct val *v;

	for (size_t i = 0; i < ARRAY_LEN(made_by_python); i++) {
		int err = parse(from_hex(made_by_python[i].hex), &v);

		if (err < 0)
			FAIL("%s: %s", made_by_python[i].name, why);
		check_json(v, meaning_of(made_by_python[i].name));
	}
}

TEST(a_pickle_cut_anywhere_is_refused)
{
	struct val *v;

	for (size_t i = 0; i < ARRAY_LEN(made_by_python); i++) {
		struct str whole = from_hex(made_by_python[i].hex);

		for (size_t n = 0; n < whole.n; n++)
			if (parse(arena_str(&arena, (struct str){whole.p, n}), &v) == 0)
				FAIL("%s cut at %zu", made_by_python[i].name, n);
	}
}

TEST(bytes_after_the_end_are_refused)
{
	struct val *v;

	CHECK_INT(parse(from_hex("80024e2e"), &v), 0);
	CHECK(parse(from_hex("80024e2e2e"), &v) < 0);
}

TEST(json_becomes_the_golden_pickle)
{
	struct str golden = from_hex(
		"80025d284e88894b004bff4d00014dffff4a000001004afbffffff8a050000008000"
		"473ff80000000000005802000000c3a95d7d652e");
	struct buf out;

	buf_init(&out);
	CHECK(str_eq(golden,
		pickled(&out,
			"[null,true,false,0,255,256,65535,65536,-5,2147483648,1.5,"
			"\"\\u00e9\",[],{}]")));
	buf_done(&out);
}

/* docs/protocol.md: tasks.add(2, 3), as RQ's workers run it. */
TEST(a_call_reads_as_the_golden_one)
{
	struct buf out;

	buf_init(&out);
	pickle_begin(&out);
	pickle_tuple_open(&out);
	pickle_text(&out, STR("tasks.add"));
	pickle_null(&out);
	pickle_int(&out, 2);
	pickle_int(&out, 3);
	buf_addc(&out, '\x86');
	pickle_dict_open(&out);
	pickle_dict_close(&out);
	pickle_tuple_close(&out);
	pickle_end(&out);
	struct val *v;
	CHECK_INT(parse(buf_str(&out), &v), 0);
	check_json(v, "[\"tasks.add\",null,[2,3],{}]");
	CHECK_INT(
		parse(from_hex("80022858090000007461736b732e6164644e4b024b03867d742e"),
			&v),
		0);
	check_json(v, "[\"tasks.add\",null,[2,3],{}]");
	buf_done(&out);
}

TEST(json_pickled_and_read_says_the_same)
{
	static const char *const texts[] = {"null", "true", "[]", "{}", "0", "-1",
		"255", "256", "65535", "65536", "2147483647", "2147483648",
		"-2147483648", "-2147483649", "9223372036854775807",
		"-9223372036854775808", "9223372036854775808",
		"123456789012345678901234567890", "-123456789012345678901234567890",
		"0.1", "1.5", "-2.25", "\"\"", "\"a\"", "[1]", "[1,2]", "[1,2,3,4,5]",
		"{\"a\":1}", "{\"a\":{\"b\":[{\"c\":null}]},\"d\":[]}", "\"\\ud83d\"",
		"\"\\u0000\"", "[[[[[[[[]]]]]]]]"};
	struct buf out;
	struct val *v;

	buf_init(&out);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (parse(pickled(&out, texts[i]), &v) < 0)
			FAIL("%s: %s", texts[i], why);
		check_json(v, texts[i]);
		/* and the tree pickles to the same bytes */
		struct buf again;
		buf_init(&again);
		pickle_begin(&again);
		pickle_val(&again, v);
		pickle_end(&again);
		if (!str_eq(buf_str(&again), buf_str(&out)))
			FAIL("%s: the tree pickles otherwise", texts[i]);
		buf_done(&again);
	}
	buf_done(&out);
}

TEST(json_that_is_not_well_formed_is_not_pickled)
{
	static const char *const texts[] = {
		"", "[", "[1,]", "{\"a\"}", "nul", "01", "\"\x01\"", "1 2"};
	struct buf out;

	buf_init(&out);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (pickle_json(&out, str_of(texts[i])) >= 0)
			FAIL("accepted: %s", texts[i]);
	buf_done(&out);
}

TEST(what_asks_to_run_code_is_refused_by_name)
{
	static const struct {
		const char *hex, *word;
	} rows[] = {
		{"8002636461746574696d650a646174650a7100635f636f646563730a656e636f64650"
		 "a7101580500000007c3a40101710258060000006c6174696e31710386710452710585"
		 "71065271072e",
			"GLOBAL"},
		{"80049520000000000000008c086461746574696d65948c0464617465949394430407e"
		 "4010194859452942e",
			"STACK_GLOBAL"},
		{"80024e4e522e", "REDUCE"},
		{"80024e4e622e", "BUILD"},
		{"800228696f730a73797374656d0a2e", "INST"},
		{"8002284e6f2e", "OBJ"},
		{"80024e4e812e", "NEWOBJ"},
		{"80024e4e4e922e", "NEWOBJ_EX"},
		{"800282012e", "EXT1"},
		{"80025061620a2e", "PERSID"},
		{"80024e512e", "BINPERSID"},
	};
	struct val *v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int err = parse(from_hex(rows[i].hex), &v);

		if (err != ERR_UNSAFE || !strstr(why, rows[i].word))
			FAIL("%s: %d \"%s\"", rows[i].word, err, why);
	}
}

TEST(malformed_pickles_are_refused)
{
	static const struct {
		const char *name, *hex;
	} rows[] = {
		{"empty", ""},
		{"no protocol", "4e2e"},
		{"protocol 9", "80094e2e"},
		{"stop on an empty stack", "80022e"},
		{"append without a list", "80024e4e612e"},
		{"setitem without a dict", "80024e4e4e732e"},
		{"no mark", "80025d4e652e"},
		{"unknown memo", "800268052e"},
		{"odd dict items", "80027d284e752e"},
		{"a list in itself", "80025d71006800612e"},
		{"an unhashable key", "80027d5d4e732e"},
		{"an unknown opcode", "8002ff2e"},
		{"a length of 4 GB", "800258ffffffff61"},
		{"a length of 2^40", "80048d000000000001000061"},
		{"an integer of 2^31-1 bytes", "80028bffffff7f01"},
		{"a frame of 2^62", "8004950000000000000040"},
	};
	struct val *v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (parse(from_hex(rows[i].hex), &v) >= 0)
			FAIL("accepted: %s", rows[i].name);
}

TEST(shared_references_may_not_multiply)
{
	struct buf out;
	struct val *v;

	buf_init(&out);
	buf_addz(&out, "\x80\x02]q"); /* x = []; then 40 times x = [x, x] */
	buf_addc(&out, 0);
	for (int i = 0; i < 40; i++) {
		buf_addz(&out, "](h");
		buf_addc(&out, (char)i);
		buf_addc(&out, 'h');
		buf_addc(&out, (char)i);
		buf_addz(&out, "eq");
		buf_addc(&out, (char)(i + 1));
	}
	buf_addc(&out, '.');
	CHECK(parse(buf_str(&out), &v) < 0);
	buf_done(&out);
}

TEST(depth_is_bounded)
{
	struct buf out;
	struct val *v;

	buf_init(&out);
	buf_addz(&out, "\x80\x02");
	for (int i = 0; i < 100000; i++)
		buf_addz(&out, "](");
	for (int i = 0; i < 100000; i++)
		buf_addz(&out, "e");
	buf_addc(&out, '.');
	CHECK(parse(buf_str(&out), &v) < 0);
	buf_done(&out);
	arena_done(&arena);
}

UNIT_MAIN
