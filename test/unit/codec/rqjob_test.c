/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <zlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/rqjob.h"
#include "codec/val.h"

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

TEST(a_failed_encoding_leaves_the_buffer_as_it_was)
{
	struct buf data;

	buf_init(&data);
	buf_addz(&data, "kept");
	CHECK(rqjob_webhook(&data, false, STR("f"), STR("1"), STR("{\"a\":")) < 0);
	CHECK_STR(buf_str(&data), "kept");
	buf_done(&data);
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
	free(zeros);
	free(packed);
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

TEST(dates_are_read_to_the_microsecond)
{
	static const struct {
		const char *text;
		int64_t us;
	} rows[] = {
		{"1970-01-01T00:00:00.000000Z", 0},
		{"2026-11-24T06:05:12.345678Z", 1795500312345678},
		{"2024-02-29T23:59:59.9Z", 1709251199900000},
		{"2000-03-01T00:00:00Z", 951868800000000},
		{"2100-03-01T00:00:00.000001Z", 4107542400000001},
	};
	static const char *const wrong[] = {"", "2026-11-24", "2026-13-01T00:00:00Z",
		"2026-11-24T06:05:12", "2026-11-24T06:05:12.Z",
		"2026-11-24T06:05:12.1234567Z", "2026-11-24 06:05:12Z",
		"2026-11-24T06:05:12Zx", "2026-11-24T24:05:12Z"};
	int64_t us;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(rqjob_date(str_of(rows[i].text), &us), 0);
		CHECK_INT(us, rows[i].us);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		if (rqjob_date(str_of(wrong[i]), &us) == 0)
			FAIL("accepted: %s", wrong[i]);
}

UNIT_MAIN
