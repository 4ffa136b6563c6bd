/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/rqcall.h"
#include "codec/rqjob.h"
#include "codec/val.h"

static struct arena arena;
static struct buf out;

static int
write_call(bool as_json, const char *args, const char *kwargs)
{
	return rqcall_write(
		&out, as_json, STR("tasks.add"), str_of(args), str_of(kwargs));
}

static struct str
json_of(const struct val *v)
{
	struct buf json;

	buf_init(&json);
	val_json(&json, v);
	struct str text = arena_str(&arena, buf_str(&json));
	buf_done(&json);
	return text;
}

static void
begin(void)
{
	arena_init(&arena);
	buf_init(&out);
}

static void
end(void)
{
	buf_done(&out);
	arena_done(&arena);
}

TEST(a_call_is_the_bytes_that_python_reads)
{
	static const char want[] = "\x80\x02(X\x09\0\0\0tasks.addN(K\x02K\x03t}t.";

	begin();
	CHECK_INT(write_call(false, "[2, 3]", "{}"), 0);
	CHECK(str_eq(buf_str(&out), (struct str){want, sizeof(want) - 1}));
	end();
}

TEST(both_forms_read_back_as_they_were_written)
{
	static const char *const rows[][2] = {
		{"[]", "{}"},
		{"[1]", "{\"a\":null}"},
		{"[[],{\"x\":[1.5,true,\"\\u00e9\"]},123456789012345678901234567890]",
			"{\"a\":{\"b\":[{}]},\"\":-1}"},
	};

	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		const char *const *row = rows[i / 2];
		struct rqjob_call call;
		char why[128];

		begin();
		CHECK_INT(write_call(i % 2, row[0], row[1]), 0);
		CHECK_INT(rqjob_parse(&arena, buf_str(&out), &call, why), 0);
		CHECK_STR(call.func, "tasks.add");
		CHECK_INT(call.as_json, i % 2);
		CHECK_STR(json_of(call.args),
			i / 2 < 2 ? row[0]
				  : "[[],{\"x\":[1.5,true,\"\xc3\xa9\"]},"
				    "123456789012345678901234567890]");
		CHECK_STR(json_of(call.kwargs), row[1]);
		end();
	}
}

TEST(what_is_no_array_or_object_is_refused_and_nothing_is_written)
{
	static const struct {
		const char *args, *kwargs;
		int err;
	} rows[] = {{"{}", "{}", ERR_SHAPE}, {"[]", "[]", ERR_SHAPE},
		{"1", "{}", ERR_SHAPE}, {"", "{}", ERR_SYNTAX},
		{"[1", "{}", ERR_SYNTAX}, {"[1]]", "{}", ERR_SYNTAX},
		{"[]", "{\"a\"}", ERR_SYNTAX}, {"[]", "{} {}", ERR_SYNTAX}};

	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		begin();
		buf_addz(&out, "before");
		CHECK_INT(write_call(i % 2, rows[i / 2].args, rows[i / 2].kwargs),
			rows[i / 2].err);
		CHECK_STR(buf_str(&out), "before");
		end();
	}
}

TEST(an_exceptions_text_reads_back)
{
	struct str got = {NULL, 0};

	begin();
	rqjob_exc(&out, STR("Traceback:\n  caf\xc3\xa9"));
	CHECK_INT(rqjob_exc_text(&arena, buf_str(&out), &got), 0);
	CHECK_STR(got, "Traceback:\n  caf\xc3\xa9");
	end();
}

TEST(a_long_exception_is_cut_and_a_broken_one_is_an_error)
{
	size_t n = 3 * RQJOB_EXC_MAX;
	struct str got = {NULL, 0};

	begin();
	char *text = memset(arena_alloc(&arena, n), 'x', n);
	rqjob_exc(&out, (struct str){text, n});
	CHECK_INT(rqjob_exc_text(&arena, buf_str(&out), &got), 0);
	CHECK_INT(got.n, RQJOB_EXC_MAX);

	static const char *const bad[] = {"x", "!!!!", "AAAA", "eJw=", ""};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_INT(rqjob_exc_text(&arena, str_of(bad[i]), &got), ERR_SYNTAX);
	end();
}

UNIT_MAIN
