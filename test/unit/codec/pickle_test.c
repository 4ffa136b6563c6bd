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

/* from_hex reads bytes; "4e*1000 " is one of them many times. */
static struct str
from_hex(const char *hex)
{
	char *to = arena_alloc(&arena, 4096);
	size_t n = 0;

	while (*hex) {
		char digits[3] = {hex[0], hex[1], '\0'};
		size_t times = 1;

		hex += 2;
		if (*hex == '*') {
			times = strtoul(hex + 1, (char **)&hex, 10);
			hex++;
		}
		CHECK(n + times <= 4096);
		memset(to + n, (int)strtoul(digits, NULL, 16), times);
		n += times;
	}
	return (struct str){to, n};
}

static int
parse(struct str bytes, struct val **v)
{
	why[0] = '\0';
	*v = NULL;
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
	CHECK_INT(pickle_json(out, str_of(json), PICKLE_NODES_MAX), 0);
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
	{"mixed 5", "80059534000000000000005d94284302616294960200000000000000636494294b"
		    "0185944b014b0286944b014b024b038794284b014b024b034b047494652e"},
	{"bytes 3", "80035d7100284302616271014303ff007a710243007103652e"},
	{"bytes 4", "80049513000000000000005d942843026162944303ff007a94430094652e"},
	{"bytes 5", "80059513000000000000005d942843026162944303ff007a94430094652e"},
	{"bytearray 5", "80059510000000000000005d94960200000000000000616294612e"},
	{"set 4", "80049507000000000000008f94284b01902e"},
	{"set 5", "80059507000000000000008f94284b01902e"},
	{"frozenset 4", "8004950600000000000000284b0791942e"},
	{"frozenset 5", "8005950600000000000000284b0791942e"},
	{"tuples 2", "80025d710028294b018571014b014b028671024b014b024b03877103284b014b"
		     "024b034b0474710429857105652e"},
	{"tuples 4", "80049526000000000000005d9428294b0185944b014b0286944b014b024b0387"
		     "94284b014b024b034b047494298594652e"},
	{"1001 nulls 2", "80025d7100284e*1000 65284e652e"},
	{"1001 nulls 5", "800595f0030000000000005d94284e*1000 65284e652e"},
	{"keys 2", "80027d7100284e4b01884b024afdffffff4b04473ff80000000000004b068a09"
		   "0000000000000000404b0758010000007471014b08752e"},
	{"keys 4", "80049530000000000000007d94284e4b01884b024afdffffff4b04473ff80000"
		   "000000004b068a090000000000000000404b078c0174944b08752e"},
	{"repeated 2",
		"80025d71002858050000007461736b73710168017d7102680168017368018571"
		"03652e"},
	{"repeated 3",
		"80035d71002858050000007461736b73710168017d7102680168017368018571"
		"03652e"},
	{"repeated 4",
		"8004951a000000000000005d94288c057461736b739468017d94680168017368"
		"018594652e"},
	{"repeated 5",
		"8005951a000000000000005d94288c057461736b739468017d94680168017368"
		"018594652e"},
	{"one list 2", "80025d71004b016168007d710158010000006171026800738771032e"},
	{"one list 3", "80035d71004b016168007d710158010000006171026800738771032e"},
	{"one list 4", "80049513000000000000005d944b016168007d948c01619468007387942e"},
	{"one list 5", "80059513000000000000005d944b016168007d948c01619468007387942e"},
	{"apart 2", "80025806000000eda0bdedb88071002e"},
	{"apart 4", "8004950a000000000000008c06eda0bdedb880942e"},
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
	{"mixed", "[\"ab\",\"cd\",[],[1],[1,2],[1,2,3],[1,2,3,4]]"},
	{"bytes", "[\"ab\",\"�\\u0000z\",\"\"]"},
	{"bytearray", "[\"ab\"]"},
	{"set", "[1]"},
	{"frozenset", "[7]"},
	{"tuples", "[[],[1],[1,2],[1,2,3],[1,2,3,4],[[]]]"},
	{"keys", "{\"null\":1,\"true\":2,\"-3\":4,\"1.5\":6,"
		 "\"1180591620717411303424\":7,\"t\":8}"},
	{"repeated", "[\"tasks\",\"tasks\",{\"tasks\":\"tasks\"},[\"tasks\"]]"},
	{"one list", "[[1],[1],{\"a\":[1]}]"},
	{"apart", "\"\\ud83d\\ude00\""},
};

/* meaning_of finds the row whose name, and a protocol after it, is name. */
static const char *
meaning_of(const char *name)
{
	struct str stem = {name, strlen(name) - 2};

	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (str_eqz(stem, meanings[i].name))
			return meanings[i].json;
	return NULL;
}

TEST(pythons_pickles_of_all_protocols_are_read)
{
	struct val *v;

	for (size_t i = 0; i < ARRAY_LEN(made_by_python); i++) {
		const char *name = made_by_python[i].name;
		int err = parse(from_hex(made_by_python[i].hex), &v);

		if (err < 0)
			FAIL("%s: %s", name, why);
		if (meaning_of(name))
			check_json(v, meaning_of(name));
		else
			CHECK(str_starts(str_of(name), STR("1001 nulls")));
	}
}

/* As Python's bytes.decode("utf-8", "replace"), byte by byte; a surrogate is no
 * UTF-8, and only text may hold one. */
TEST(bytes_that_are_no_utf8_become_replacement_characters)
{
	static const struct {
		const char *hex, *json;
	} rows[] = {
		{"80034302c3a92e", "\"\xc3\xa9\""},
		{"80034301ff2e", "\"\xef\xbf\xbd\""},
		{"80034303eda0bd2e", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"80025803000000eda0bd2e", "\"\\ud83d\""},
	};
	struct val *v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(parse(from_hex(rows[i].hex), &v), 0);
		check_json(v, rows[i].json);
	}
}

/* Python fills a list in batches of 1000. */
TEST(a_list_may_be_filled_in_batches)
{
	struct val *v;
	size_t seen = 0;

	for (size_t i = 0; i < ARRAY_LEN(made_by_python); i++) {
		if (!str_starts(str_of(made_by_python[i].name), STR("1001")))
			continue;
		CHECK_INT(parse(from_hex(made_by_python[i].hex), &v), 0);
		CHECK_INT(v->kind, VAL_LIST);
		CHECK_INT(v->count, 1001);
		CHECK_INT(v->items[1000]->kind, VAL_NULL);
		seen++;
	}
	CHECK_INT(seen, 2);
}

TEST(a_dict_may_be_filled_in_batches)
{
	struct val *v;

	CHECK_INT(parse(from_hex("8004288c01614b01642e"), &v), 0);
	check_json(v, "{\"a\":1}");
	CHECK_INT(
		parse(from_hex("80047d288c01614b01758c01624b0273288c01634b03752e"), &v),
		0);
	check_json(v, "{\"a\":1,\"b\":2,\"c\":3}");
}

TEST(what_a_pickle_shares_is_shared_in_the_tree)
{
	struct val *v;

	CHECK_INT(parse(from_hex("80025d71004b016168007d710158010000006171026800738771"
				 "032e"),
			  &v),
		0);
	CHECK(v->items[0] == v->items[1]);
	CHECK(val_get(v->items[2], "a") == v->items[0]);
}

TEST(integers_are_read_up_to_their_limit)
{
	static const struct {
		const char *hex, *json; /* NULL: too large */
	} rows[] = {
		{"80028a002e", "0"}, {"80028a01ff2e", "-1"}, {"80028a0200ff2e", "-256"},
		{"80028a03ff00002e", "255"}, /* longer than need be */
		{"80028b04000000ffffff7f2e", "2147483647"},
		{"80028a08ffffffffffffff7f2e", "9223372036854775807"},
		{"80028a0900000000000000ff*2 2e", "-72057594037927936"},
		{"80028a090000000000000080002e", "9223372036854775808"},
		{"80028b0001000000*255 012e", NULL}, /* 2 to the 2040 */
	};
	struct val *v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int err = parse(from_hex(rows[i].hex), &v);

		if (err != (rows[i].json ? 0 : ERR_LIMIT))
			FAIL("%s: %d %s", rows[i].hex, err, why);
		if (rows[i].json)
			check_json(v, rows[i].json);
	}
}

/* -2 to the 2039 is what fills LONG1: there and back. */
TEST(the_largest_integer_survives)
{
	struct val *v;
	struct buf json, again;

	buf_init(&json);
	buf_init(&again);
	struct str bytes = from_hex("80028aff00*254 802e");
	CHECK_INT(parse(bytes, &v), 0);
	CHECK_INT(v->kind, VAL_BIG);
	CHECK_INT(v->text.n, 615);
	val_json(&json, v);
	buf_addc(&json, '\0');
	CHECK(str_eq(pickled(&again, buf_str(&json).p), bytes));

	/* one more digit: no LONG1 can say it, and no double */
	buf_truncate(&json, buf_len(&json) - 1);
	buf_addz(&json, "0");
	buf_addc(&json, '\0');
	CHECK_INT(parse(pickled(&again, buf_str(&json).p), &v), 0);
	check_json(v, "-1e999");
	buf_done(&json);
	buf_done(&again);
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

/* The examples of docs/protocol.md, as RQ's workers run them. */
static const char golden_add[] = "80022858090000007461736b732e6164644e4b024b03867d742e";
static const char golden_echo[] =
	"800228580a0000007461736b732e6563686f4e284b015802000000c3a94afbffffff4a70110100"
	"8a06000000000001473ff8000000000000747d285801000000787d285801000000795d284e8889"
	"657558010000006e58010000006175742e";

TEST(the_golden_calls_are_read)
{
	struct val *v;

	CHECK_INT(parse(from_hex(golden_add), &v), 0);
	check_json(v, "[\"tasks.add\",null,[2,3],{}]");
	CHECK_INT(parse(from_hex(golden_echo), &v), 0);
	check_json(v, "[\"tasks.echo\",null,[1,\"\xc3\xa9\",-5,70000,1099511627776,"
		      "1.5],{\"x\":{\"y\":[null,true,false]},\"n\":\"a\"}]");
}

TEST(the_golden_call_is_written)
{
	static const char *const args[] = {
		"1", "\"\\u00e9\"", "-5", "70000", "1099511627776", "15e-1"};
	struct buf out;

	buf_init(&out);
	pickle_begin(&out);
	pickle_tuple_open(&out);
	pickle_text(&out, STR("tasks.echo"));
	pickle_null(&out);
	pickle_tuple_open(&out);
	for (size_t i = 0; i < ARRAY_LEN(args); i++)
		CHECK_INT(pickle_json(&out, str_of(args[i]), PICKLE_NODES_MAX), 0);
	pickle_tuple_close(&out);
	CHECK_INT(pickle_json(&out,
			  STR(" {\"x\" : {\"y\":[null,true,false]}, "
			      "\"\\u006e\":\"a\"} "),
			  PICKLE_NODES_MAX),
		0);
	pickle_tuple_close(&out);
	pickle_end(&out);
	CHECK(str_eq(buf_str(&out), from_hex(golden_echo)));
	buf_done(&out);
}

TEST(a_frame_built_by_hand_is_read)
{
	struct buf out;
	struct val *v;

	buf_init(&out);
	pickle_begin(&out);
	pickle_tuple_open(&out);
	pickle_tuple_empty(&out);
	pickle_list_open(&out);
	pickle_int(&out, INT64_MIN);
	pickle_list_close(&out);
	pickle_dict_open(&out);
	pickle_text(&out, STR("k"));
	pickle_null(&out);
	pickle_dict_close(&out);
	pickle_tuple_close(&out);
	pickle_end(&out);
	CHECK_INT(parse(buf_str(&out), &v), 0);
	check_json(v, "[[],[-9223372036854775808],{\"k\":null}]");
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
	static const char *const texts[] = {"", "[", "[1,]", "{\"a\"}", "nul", "01",
		"\"\x01\"", "1 2", "\"\\n\x01\"", "{\"\\n\xff\":1}"};
	struct buf out;

	buf_init(&out);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (pickle_json(&out, str_of(texts[i]), PICKLE_NODES_MAX) >= 0)
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
		{"80028301002e", "EXT2"},
		{"800284010000002e", "EXT4"},
		{"8005972e", "NEXT_BUFFER"},
		{"80054e982e", "READONLY_BUFFER"},
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

TEST(opcodes_that_are_no_data_of_protocols_2_to_5_are_refused)
{
	static const char codes[] =
		"ILFSVpgTU\x80\xff"; /* text ones, Python 2's strings */
	struct val *v;

	for (size_t i = 0; i < sizeof(codes) - 1; i++) {
		char bytes[] = {'\x80', 2, codes[i], '1', '\n', '.'};
		char want[16];

		snprintf(want, sizeof(want), "0x%02x", (uint8_t)codes[i]);
		int err = parse((struct str){bytes, sizeof(bytes)}, &v);
		if (err != ERR_SYNTAX || !strstr(why, want))
			FAIL("%s: %d \"%s\"", want, err, why);
	}
}

TEST(malformed_pickles_are_refused)
{
	static const struct {
		const char *name, *hex, *word;
	} rows[] = {
		{"empty", "", "not a pickle"},
		{"no protocol", "4e2e", "not a pickle"},
		{"protocol 1", "80014e2e", "not a pickle"},
		{"protocol 6", "80064e2e", "not a pickle"},
		{"no end", "80024e", "without STOP"},
		{"more after the end", "80024e2e4e", "STOP: more after"},
		{"two values", "80024e4e2e", "STOP: not one"},
		{"an open mark", "8002284e2e", "STOP: not one"},
		{"append to no list", "80024e4e612e", "APPEND: not to"},
		{"append to a tuple", "8002294e612e", "APPEND: not to"},
		{"append to a set", "80048f4e612e", "APPEND: not to"},
		{"appends to a dict", "80027d284e652e", "APPENDS: not to"},
		{"setitem to a list", "80025d4e4e732e", "SETITEM: not to"},
		{"setitems to null", "80024e284e4e752e", "SETITEMS: not to"},
		{"additems to a list", "80045d284e902e", "ADDITEMS: not to"},
		{"additems to a frozen set", "80042891284e902e", "ADDITEMS: not to"},
		{"append below the mark", "80025d284e612e", "APPEND: stack"},
		{"dup below the mark", "80024e28322e", "DUP: stack"},
		{"remember below the mark", "80024e2871002e", "BINPUT: stack"},
		{"a key without value", "80027d284e752e", "SETITEMS: a key"},
		{"a key without value in DICT", "8002284e642e", "DICT: a key"},
		{"a list as key", "80027d5d4e732e", "SETITEM: a dict key"},
		{"a tuple as key", "80027d294e732e", "SETITEM: a dict key"},
		{"a surrogate cut short", "80025802000000eda02e", "BINUNICODE: not"},
		{"overlong text", "80048c02c0af2e", "SHORT_BINUNICODE: not"},
	};
	struct val *v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int err = parse(from_hex(rows[i].hex), &v);

		if (err != ERR_SYNTAX || !strstr(why, rows[i].word))
			FAIL("%s: %d \"%s\"", rows[i].name, err, why);
	}
}

TEST(an_empty_stack_is_noticed_by_whoever_needs_it)
{
	static const char codes[] = "aeutlds012.\x85\x86\x87\x90\x91\x94";
	struct val *v;

	for (size_t i = 0; i < sizeof(codes) - 1; i++) {
		char bytes[] = {'\x80', 4, codes[i], '.'};
		size_t n = codes[i] == '.' ? 3 : 4;

		int err = parse((struct str){bytes, n}, &v);
		if (err != ERR_SYNTAX ||
			(!strstr(why, "stack") && !strstr(why, "mark") &&
				!strstr(why, "not one value")))
			FAIL("0x%02x: %d \"%s\"", (uint8_t)codes[i], err, why);
	}
}

TEST(the_memo_gives_only_what_was_put)
{
	static const struct {
		const char *name, *hex;
		int err;
	} rows[] = {
		{"put, then get", "80025d71016801862e", 0},
		{"never put", "800268052e", ERR_SYNTAX},
		{"below what was put", "80024e710268012e", ERR_SYNTAX},
		{"above what was put", "80024e710268032e", ERR_SYNTAX},
		{"far above", "80024e71026affffffff2e", ERR_SYNTAX},
		{"put at 2^32-1", "80024e72ffffffff2e", ERR_LIMIT},
		{"put with nothing there", "800271002e", ERR_SYNTAX},
		{"MEMOIZE counts what is set", "80044e943068002e", 0},
		{"put again", "80044e7100308871003068002e", 0},
		{"long and short are one memo", "80024e72030000003068032e", 0},
	};
	struct val *v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (parse(from_hex(rows[i].hex), &v) != rows[i].err)
			FAIL("%s: \"%s\"", rows[i].name, why);
	CHECK_INT(parse(from_hex("80044e7100308871003068002e"), &v), 0);
	check_json(v, "true");
}

/* As Python writes them, protocols 2 and 4; the tuple's has POP in it. */
TEST(what_holds_itself_is_refused)
{
	static const char *const rows[] = {
		"80025d71006800612e", "80049506000000000000005d946800612e",
		"80027d710058010000006471016800732e",
		"8004950a000000000000007d948c0164946800732e",
		"80025d71006800857101613068012e",
		"8004950b000000000000005d9468008594613068012e",
		"80025d32612e", /* DUP, APPEND */
	};
	struct val *v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(parse(from_hex(rows[i]), &v), ERR_SYNTAX);
		CHECK(strstr(why, "inside itself"));
	}
}

TEST(lengths_beyond_the_input_cost_nothing)
{
	static const struct {
		const char *name, *hex;
	} rows[] = {
		{"BINUNICODE of 4 GB", "800258ffffffff61*12 2e"},
		{"BINUNICODE8 of 2^40", "80048d00000000000100*2 61*8 2e"},
		{"BINBYTES of 4 GB", "800342ffffffff61*12 2e"},
		{"BINBYTES8 of 2^40", "80048e00000000000100*2 61*8 2e"},
		{"BINBYTES8 of 2^64-1", "80048eff*8 61*8 2e"},
		{"BYTEARRAY8 of 2^40", "80059600000000000100*2 61*8 2e"},
		{"LONG4 of 2^31-1", "80028bffffff7f01*12 2e"},
		{"LONG4 of -1", "80028bffffffff01*12 2e"},
		{"FRAME of 2^40", "80049500000000000100*2 4e2e"},
		{"FRAME of 2^63", "80049500000000000000804e2e"},
	};
	struct val *v;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (parse(from_hex(rows[i].hex), &v) != ERR_SYNTAX ||
			!strstr(why, "ends too early"))
			FAIL("%s: \"%s\"", rows[i].name, why);
}

/* x = []; then 40 times x = [x, x]: 200 bytes that say 2^40 lists. */
TEST(shared_references_may_not_multiply)
{
	struct buf out;
	struct val *v;

	buf_init(&out);
	buf_addz(&out, "\x80\x02]");
	for (int i = 0; i < 40; i++)
		buf_addz(&out, "2\x86"); /* DUP TUPLE2 */
	buf_addc(&out, '.');
	CHECK_INT(parse(buf_str(&out), &v), ERR_LIMIT);

	buf_clear(&out, 0);
	buf_adds(&out, STR("\x80\x02(]q\0"));
	for (int i = 0; i < 40; i++) {
		char list[] = {
			']', '(', 'h', (char)i, 'h', (char)i, 'e', 'q', (char)(i + 1)};

		buf_add(&out, list, sizeof(list));
	}
	buf_addz(&out, "t.");
	CHECK_INT(parse(buf_str(&out), &v), ERR_LIMIT);
	buf_done(&out);
}

/* 64 KB of text and 2^11 references to it. */
TEST(shared_text_may_not_multiply)
{
	struct buf out;
	struct val *v;

	buf_init(&out);
	buf_adds(&out, STR("\x80\x02X\0\0\1\0"));
	memset(buf_room(&out, 1 << 16), 'x', 1 << 16);
	buf_grew(&out, 1 << 16);
	for (int i = 0; i < 11; i++)
		buf_addz(&out, "2\x86");
	buf_addc(&out, '.');
	CHECK_INT(parse(buf_str(&out), &v), ERR_LIMIT);
	buf_done(&out);
}

TEST(sharing_within_the_limits_is_fine)
{
	struct val *v;

	CHECK_INT(parse(from_hex("80024e3286328632863286328632862e"), &v), 0);
	CHECK_INT(v->count, 2);
	CHECK(v->items[0] == v->items[1]);
}

static int
parse_nested(int opens, const char *open, int closes, const char *close)
{
	struct buf out;
	struct val *v;

	buf_init(&out);
	buf_addz(&out, "\x80\x02");
	while (opens-- > 0)
		buf_addz(&out, open);
	while (closes-- > 0)
		buf_addz(&out, close);
	buf_addc(&out, '.');
	int err = parse(buf_str(&out), &v);
	buf_done(&out);
	return err;
}

TEST(depth_is_bounded)
{
	int max = PICKLE_DEPTH_MAX;

	CHECK_INT(parse_nested(max, "](", max, "e"), 0);
	CHECK_INT(parse_nested(max + 1, "](", max + 1, "e"), ERR_LIMIT);
	CHECK_INT(parse_nested(100000, "](", 100000, "e"), ERR_LIMIT);
}

/* Without marks, depth shows only on the walk over the graph. */
TEST(depth_without_marks_is_bounded)
{
	int max = PICKLE_DEPTH_MAX;

	CHECK_INT(parse_nested(1, ")", max - 1, "\x85"), 0);
	CHECK_INT(parse_nested(1, ")", max, "\x85"), ERR_LIMIT);
	CHECK_INT(parse_nested(1, ")", 100000, "\x85"), ERR_LIMIT);
	CHECK_INT(parse_nested(max, "]", max - 1, "a"), 0);
	CHECK_INT(parse_nested(max + 1, "]", max, "a"), ERR_LIMIT);
}

/* A list first seen near the root, then too far down. */
TEST(depth_counts_where_a_shared_value_stands_deepest)
{
	struct buf out;
	struct val *v;

	buf_init(&out);
	buf_addz(&out, "\x80\x02)");
	for (int i = 1; i < 40; i++)
		buf_addc(&out, '\x85');
	buf_addc(&out, '2');
	for (int i = 0; i < 40; i++)
		buf_addc(&out, '\x85');
	buf_addz(&out, "\x86.");
	CHECK_INT(parse(buf_str(&out), &v), ERR_LIMIT);
	buf_done(&out);
	arena_done(&arena);
}

UNIT_MAIN
