/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <openssl/evp.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/rqjob.h"
#include "codec/val.h"
#include "codec/webhook.h"

static struct arena arena;
static char why[128];

static const char message[] =
	"{\"key\":{\"id\":\"A\"},\"n\":[1,-5,70000,1099511627776,1.5,null,true,"
	"18446744073709551617],\"t\":\"\\u00e9\\ud83d\"}";

static int
parse(struct str data, struct rqjob_call *call)
{
	arena_done(&arena);
	arena_init(&arena);
	return rqjob_parse(&arena, data, call, why);
}

static void
check_round(bool as_json, const char *tenant, const char *business)
{
	struct rqjob_call call;
	struct buf data, json;

	buf_init(&data);
	buf_init(&json);
	buf_addz(&data, "kept");
	CHECK_INT(rqjob_webhook(&data, as_json, STR("a.b.webhook_process_job"),
			  str_of(tenant), STR(message)),
		0);
	buf_take(&data, 4);
	CHECK_INT(parse(buf_str(&data), &call), 0);
	CHECK(call.as_json == as_json);
	CHECK_STR(call.func, "a.b.webhook_process_job");
	CHECK_INT(call.args->count, 0);
	CHECK_STR(val_text(val_get(call.kwargs, "tenant_id")), tenant);
	val_json(&json, val_get(call.kwargs, "business_id"));
	CHECK_STR(buf_str(&json), business);
	buf_clear(&json, 0);
	val_json(&json, val_at(val_get(call.kwargs, "messages"), 0));
	CHECK_STR(buf_str(&json),
		"{\"key\":{\"id\":\"A\"},\"n\":[1,-5,70000,1099511627776,1.5,null,true,"
		"18446744073709551617],\"t\":\"\xc3\xa9\\ud83d\"}");
	buf_done(&data);
	buf_done(&json);
}

TEST(a_webhook_job_reads_back_the_same_in_both_forms)
{
	check_round(false, "1", "1");
	check_round(true, "1", "1");
	check_round(false, "acme", "null");
	check_round(true, "acme", "null");
}

#define DIGITS_18 "123456789012345678"
#define DIGITS_64 "1234567890123456789012345678901234567890123456789012345678901234"

/* As int() of Python sees it: any number of digits, no leading zeros. */
TEST(the_business_of_a_numeric_tenant_is_its_number_in_both_forms)
{
	static const char *const rows[][2] = {{"0", "0"}, {"000", "0"}, {"007", "7"},
		{DIGITS_18, DIGITS_18}, {DIGITS_64, DIGITS_64},
		{"9223372036854775807", "9223372036854775807"},
		{"9223372036854775808", "9223372036854775808"}, {"1_0", "null"},
		{"-1", "null"}, {"0x1", "null"}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		check_round(false, rows[i][0], rows[i][1]);
		check_round(true, rows[i][0], rows[i][1]);
	}
}

/* Python's pickle.loads() and json.loads() make of these what rqjob.h says. */
TEST(a_call_with_kwargs_reads_back_the_same_in_both_forms)
{
	static const char kwargs[] = "{\"days\":30,\"deep\":{\"a\":[1.5,null,true]},"
				     "\"\xc3\xa9\":\"\\ud83d\"}";

	for (int as_json = 0; as_json < 2; as_json++) {
		struct rqjob_call call;
		struct buf data, json;
		struct val *v;

		buf_init(&data);
		buf_init(&json);
		CHECK_INT(json_parse(&arena, STR(kwargs), 100, &v, why), 0);
		rqjob_write(&data, as_json, STR("jobs.clean_up"), v);
		CHECK_INT(parse(buf_str(&data), &call), 0);
		CHECK(call.as_json == as_json);
		CHECK_STR(call.func, "jobs.clean_up");
		CHECK_INT(call.args->count, 0);
		val_json(&json, call.kwargs);
		CHECK_STR(buf_str(&json), kwargs);
		buf_done(&data);
		buf_done(&json);
	}
}

TEST(a_webhook_job_is_the_bytes_that_python_reads)
{
	static const char pickled[] =
		"\x80\x02(X\3\0\0\0f.gN)}(X\x09\0\0\0tenant_idX\1\0\0\0"
		"7X\x08\0\0\0messages](}(X\1\0\0\0aX\2\0\0\0\xc3\xa9ueX"
		"\x0b\0\0\0business_idK\7ut.";
	struct buf data;

	buf_init(&data);
	CHECK_INT(rqjob_webhook(&data, false, STR("f.g"), STR("7"),
			  STR("{\"a\":\"\\u00e9\"}")),
		0);
	CHECK(str_eq(buf_str(&data), STR(pickled)));
	buf_clear(&data, 0);
	CHECK_INT(rqjob_webhook(&data, true, STR("f.g"), STR("7"),
			  STR("{\"a\":\"\\u00e9\"}")),
		0);
	CHECK_STR(buf_str(&data),
		"[\"f.g\", null, [], {\"tenant_id\": \"7\", \"messages\": "
		"[{\"a\":\"\\u00e9\"}], \"business_id\": 7}]");
	buf_done(&data);
}

/* Body, payload and messages stand around a message at the door; call, kwargs
 * and messages in the job: what passes the one must pass the other. */
TEST(the_deepest_message_that_the_door_lets_in_is_a_job_in_both_forms)
{
	static const char before[] = "{\"tenantId\":1,\"payload\":{\"messages\":[";
	struct rqjob_call call;
	struct webhook w;
	struct buf body, data;
	int deep = JSON_DEPTH_MAX - RQJOB_FRAME_DEPTH;

	buf_init(&body);
	buf_init(&data);
	buf_addz(&body, before);
	for (int i = 0; i < deep; i++)
		buf_addc(&body, '[');
	for (int i = 0; i < deep; i++)
		buf_addc(&body, ']');
	buf_addz(&body, "]}}");
	for (int as_json = 0; as_json < 2; as_json++) {
		struct arena door;

		arena_init(&door);
		CHECK_INT(webhook_scan(&door, buf_str(&body), &w, why), 0);
		buf_clear(&data, 0);
		CHECK_INT(rqjob_webhook(
				  &data, as_json, STR("f"), w.tenant, w.msgs[0].raw),
			0);
		CHECK_INT(parse(buf_str(&data), &call), 0);
		arena_done(&door);
	}
	buf_done(&body);
	buf_done(&data);
}

static void
check_refused(bool as_json, struct str text, int err)
{
	struct buf data;

	buf_init(&data);
	buf_addz(&data, "kept");
	CHECK_INT(rqjob_webhook(&data, as_json, STR("f"), STR("1"), text), err);
	CHECK_STR(buf_str(&data), "kept");
	buf_done(&data);
}

TEST(what_is_not_one_json_value_is_no_message_and_leaves_the_buffer_as_it_was)
{
	static const char *const rows[] = {"", "{\"a\":", "1,2", "1],\"x\":[2", "{} x"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		check_refused(false, str_of(rows[i]), ERR_SYNTAX);
		check_refused(true, str_of(rows[i]), ERR_SYNTAX);
	}
}

/* add_list appends a list of n values, itself included. */
static void
add_list(struct buf *b, size_t n)
{
	buf_addz(b, "[0");
	for (size_t i = 2; i < n; i++)
		buf_addz(b, ",0");
	buf_addc(b, ']');
}

static void
check_largest(bool as_json)
{
	struct rqjob_call call;
	struct buf list, data;

	buf_init(&list);
	buf_init(&data);
	add_list(&list, RQJOB_MESSAGE_VALUES_MAX);
	CHECK_INT(rqjob_webhook(&data, as_json, STR("f"), STR("1"), buf_str(&list)), 0);
	CHECK_INT(parse(buf_str(&data), &call), 0);
	buf_clear(&list, 0);
	add_list(&list, RQJOB_MESSAGE_VALUES_MAX + 1);
	check_refused(as_json, buf_str(&list), ERR_LIMIT);
	buf_done(&list);
	buf_done(&data);
}

TEST(the_message_with_most_values_is_a_job_and_one_more_is_refused)
{
	check_largest(false);
	check_largest(true);
}

TEST(a_message_that_makes_too_many_bytes_is_refused)
{
	struct buf text;

	buf_init(&text);
	buf_addc(&text, '"');
	while (buf_len(&text) < RQJOB_DATA_MAX - 20)
		buf_addc(&text, 'x');
	buf_addc(&text, '"');
	check_refused(false, buf_str(&text), ERR_LIMIT);
	check_refused(true, buf_str(&text), ERR_LIMIT);
	buf_done(&text);
}

static void
check_zlib(int level)
{
	struct buf data, packed;
	uLongf n = 4096;
	struct rqjob_call call;

	buf_init(&data);
	buf_init(&packed);
	CHECK_INT(rqjob_webhook(&data, false, STR("f"), STR("1"), STR("{}")), 0);
	CHECK_INT(compress2((Bytef *)buf_room(&packed, n), &n,
			  (const Bytef *)buf_str(&data).p, buf_len(&data), level),
		Z_OK);
	buf_grew(&packed, n);
	CHECK_INT(parse(buf_str(&packed), &call), 0);
	CHECK_STR(call.func, "f");
	for (size_t cut = 1; cut < n; cut++)
		CHECK(parse((struct str){packed.data, cut}, &call) < 0);
	buf_done(&data);
	buf_done(&packed);
}

TEST(compressed_data_is_read_and_cut_data_refused)
{
	check_zlib(1);
	check_zlib(6);
	check_zlib(9);
}

TEST(a_zlib_bomb_is_refused)
{
	size_t n = (size_t)RQJOB_DATA_MAX + 2;
	uLongf packed_n = compressBound(n);
	char *zeros = calloc(1, n);
	Bytef *packed = malloc(packed_n);
	struct rqjob_call call;

	CHECK_INT(compress(packed, &packed_n, (Bytef *)zeros, n), Z_OK);
	CHECK_INT(parse((struct str){(char *)packed, packed_n}, &call), ERR_LIMIT);
	packed_n = compressBound(n);
	CHECK_INT(compress(packed, &packed_n, (Bytef *)zeros, RQJOB_DATA_MAX), Z_OK);
	CHECK_INT(parse((struct str){(char *)packed, packed_n}, &call), ERR_SYNTAX);
	free(zeros);
	free(packed);
}

TEST(data_that_is_not_compressed_has_the_same_limit)
{
	struct rqjob_call call;
	struct buf data;

	buf_init(&data);
	buf_addz(&data, "[\"f\",null,[],{}]");
	while (buf_len(&data) < RQJOB_DATA_MAX)
		buf_addc(&data, ' ');
	CHECK_INT(parse(buf_str(&data), &call), 0);
	buf_addc(&data, ' ');
	why[0] = '\0';
	CHECK_INT(parse(buf_str(&data), &call), ERR_LIMIT);
	CHECK(why[0]);
	buf_done(&data);
}

TEST(bytes_after_a_zlib_stream_are_refused)
{
	static const char json[] = "[\"f\",null,[],{}]";
	char packed[64];
	uLongf n = sizeof(packed) - 1;
	struct rqjob_call call;

	CHECK_INT(compress((Bytef *)packed, &n, (const Bytef *)json, sizeof(json) - 1),
		Z_OK);
	CHECK_INT(parse((struct str){packed, n}, &call), 0);
	packed[n] = '\0';
	CHECK_INT(parse((struct str){packed, n + 1}, &call), ERR_SYNTAX);
	CHECK(strstr(why, "after the end"));
}

TEST(json_may_begin_with_blanks_and_pickle_may_not)
{
	struct rqjob_call call;

	CHECK_INT(parse(STR("\n\t \r[\"f\",null,[],{}]"), &call), 0);
	CHECK(call.as_json);
	CHECK_INT(parse(STR("\v[\"f\",null,[],{}]"), &call), ERR_SYNTAX);
	CHECK_INT(parse(STR("\n\x80\x02(X\1\0\0\0fN)}t."), &call), ERR_SYNTAX);
	CHECK_INT(parse(STR(" \n"), &call), ERR_SYNTAX);
}

TEST(what_is_no_call_is_refused_with_words)
{
	static const struct {
		const char *data;
		int err;
	} rows[] = {
		{"", ERR_SYNTAX},
		{"nonsense", ERR_SYNTAX},
		{"[", ERR_SYNTAX},
		{"[]", ERR_SHAPE},
		{"[\"f\",null,[]]", ERR_SHAPE},
		{"[\"f\",null,{},{}]", ERR_SHAPE},
		{"[\"f\",null,[],[]]", ERR_SHAPE},
		{"[1,null,[],{}]", ERR_SHAPE},
		{"[\"\",null,[],{}]", ERR_SHAPE},
		{"[\"f\",\"instance\",[],{}]", ERR_SHAPE},
	};
	struct rqjob_call call;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		why[0] = '\0';
		int err = parse(str_of(rows[i].data), &call);

		if (err != rows[i].err || !why[0])
			FAIL("%s: %d \"%s\"", rows[i].data, err, why);
	}
}

TEST(pickles_that_are_no_call_are_refused_with_words)
{
	static const struct {
		struct str data;
		int err;
		const char *words;
	} rows[] = {
		{STR("\x80\x02N."), ERR_SHAPE, "not (function"},
		{STR("\x80\x02(X\1\0\0\0fN))t."), ERR_SHAPE, "not (function"},
		{STR("\x80\x02(X\1\0\0\0fK\1)}t."), ERR_SHAPE, "method"},
		{STR("\x80\x02(X\0\0\0\0N)}t."), ERR_SHAPE, "not (function"},
		{STR("\x80\x02(X\1\0\0\0fcos\nsystem\n)}t."), ERR_UNSAFE, "GLOBAL"},
		{STR("\x80\x02(X\1\0\0\0fN)}t"), ERR_SYNTAX, "STOP"},
		{STR("\x78\x9c"), ERR_SYNTAX, "neither"},
		{STR("\x78\x9c\xff"), ERR_SYNTAX, "zlib: "},
	};
	struct rqjob_call call;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		why[0] = '\0';
		int err = parse(rows[i].data, &call);

		if (err != rows[i].err || !strstr(why, rows[i].words))
			FAIL("row %zu: %d \"%s\"", i, err, why);
	}
}

TEST(a_value_is_written_in_the_form_of_its_call)
{
	struct val five = {.kind = VAL_INT, .integer = 5}, *items[] = {&five};
	struct val list = {.kind = VAL_LIST, .count = 1, .items = items};
	struct buf out;

	buf_init(&out);
	rqjob_value(&out, true, &list);
	CHECK_STR(buf_str(&out), "[5]");
	buf_clear(&out, 0);
	rqjob_value(&out, false, &list);
	CHECK(str_eq(buf_str(&out), STR("\x80\x02](K\5e.")));
	buf_done(&out);
}

TEST(dates_are_read_to_the_microsecond)
{
	static const struct {
		const char *text;
		int64_t us;
	} rows[] = {
		{"1970-01-01T00:00:00.000000Z", 0},
		{"2026-11-24T06:05:12.345678Z", 1795500312345678},
		{"2024-02-29T23:59:59.9Z", 1709251199900000},
		{"2000-02-29T12:00:00.5Z", 951825600500000},
		{"2000-03-01T00:00:00Z", 951868800000000},
		{"2026-12-31T23:59:59.999999Z", 1798761599999999},
		{"1969-12-31T23:59:59.999999Z", -1},
		{"1900-03-01T00:00:00Z", -2203891200000000},
		{"2100-03-01T00:00:00.000001Z", 4107542400000001},
	};
	static const char *const wrong[] = {"", "2026-11-24", "2026-13-01T00:00:00Z",
		"2026-11-24T06:05:12", "2026-11-24T06:05:12.Z",
		"2026-11-24T06:05:12.1234567Z", "2026-11-24 06:05:12Z",
		"2026-11-24T06:05:12Zx", "2026-11-24T24:05:12Z", "2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-04-31T00:00:00Z",
		"2023-02-29T00:00:00Z", "2024-02-30T00:00:00Z", "2100-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z", "0000-01-01T00:00:00Z", "2026-11-24T06:60:12Z",
		"2026-11-24T06:05:60Z", "2026-11-24T06:05:12+00",
		"+026-11-24T06:05:12Z", " 2026-11-24T06:05:12Z"};
	int64_t us;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(rqjob_date(str_of(rows[i].text), &us), 0);
		CHECK_INT(us, rows[i].us);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		if (rqjob_date(str_of(wrong[i]), &us) == 0)
			FAIL("accepted: %s", wrong[i]);
}

/* unpack_exc takes base64 and zlib off again. */
static struct str
unpack_exc(struct str coded, char *to, uLongf room)
{
	unsigned char packed[4096];

	CHECK(coded.n % 4 == 0 && coded.n / 4 * 3 <= sizeof(packed));
	int n = EVP_DecodeBlock(packed, (const unsigned char *)coded.p, (int)coded.n);
	CHECK(n > 0);
	for (size_t i = coded.n; coded.p[i - 1] == '='; i--)
		n--; /* it counts the padding */
	CHECK_INT(uncompress((Bytef *)to, &room, packed, (uLong)n), Z_OK);
	return (struct str){to, room};
}

TEST(an_exc_string_is_base64_of_zlib)
{
	char text[300], back[sizeof(text)];
	struct buf out;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * i * 31 >> 3); /* NUL and bytes of all kinds */
	buf_init(&out);
	for (size_t n = 0; n <= sizeof(text); n++) {
		buf_clear(&out, 0);
		buf_addz(&out, "kept");
		rqjob_exc(&out, (struct str){text, n});
		CHECK(str_starts(buf_str(&out), STR("kept")));
		buf_take(&out, 4);
		struct str is = unpack_exc(buf_str(&out), back, sizeof(back));
		CHECK(str_eq(is, (struct str){text, n}));
	}
	buf_clear(&out, 0);
	rqjob_exc(&out, (struct str){0});
	CHECK_INT(unpack_exc(buf_str(&out), back, sizeof(back)).n, 0);
	buf_done(&out);
	arena_done(&arena);
}

UNIT_MAIN
