/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"

TEST(str_next_leaves_out_what_is_empty)
{
	struct str list = STR(" a,, b b ,\t,c, "), s;

	CHECK(str_next(&list, &s));
	CHECK_STR(s, "a");
	CHECK(str_next(&list, &s));
	CHECK_STR(s, "b b");
	CHECK(str_next(&list, &s));
	CHECK_STR(s, "c");
	CHECK(!str_next(&list, &s));
	CHECK_STR(s, "c");
}

TEST(str_cut_walks_a_list)
{
	struct str rest = STR("a,,b");

	CHECK_STR(str_cut(&rest, ','), "a");
	CHECK_STR(str_cut(&rest, ','), "");
	CHECK_STR(str_cut(&rest, ','), "b");
	CHECK(!rest.p);
}

TEST(str_int_knows_its_bounds)
{
	int64_t v = 0;

	CHECK_INT(str_int(STR("9223372036854775807"), &v), 0);
	CHECK(v == INT64_MAX);
	CHECK_INT(str_int(STR("-9223372036854775808"), &v), 0);
	CHECK(v == INT64_MIN);
	CHECK_INT(str_int(STR("9223372036854775808"), &v), -ERANGE);
	CHECK_INT(str_int(STR("12x"), &v), -EINVAL);
	CHECK_INT(str_int(STR("-"), &v), -EINVAL);
	CHECK_INT(str_int(STR(""), &v), -EINVAL);
}

TEST(arena_keeps_what_it_was_given)
{
	struct arena a;

	arena_init(&a);
	struct str first = arena_str(&a, STR("first"));
	for (int i = 0; i < 1000; i++)
		memset(arena_alloc(&a, (size_t)i * 7 % 5000), 'x',
			(size_t)i * 7 % 5000);
	CHECK_STR(first, "first");
	CHECK_STR(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	CHECK(!arena_str(&a, (struct str){0}).p);
	arena_clear(&a);
	CHECK_STR(arena_str(&a, STR("again")), "again");
	arena_done(&a);
}

TEST(buf_grows_at_the_end_and_is_taken_from_the_front)
{
	struct buf b;

	buf_init(&b);
	for (int i = 0; i < 5000; i++) {
		buf_addf(&b, "%d,", i);
		if (i % 3 == 0)
			buf_take(&b, 1);
	}
	buf_addu(&b, 0);
	buf_addu(&b, UINT64_MAX);
	struct str s = buf_str(&b);
	CHECK(str_ends(s, STR("4999,018446744073709551615")));
	buf_done(&b);
}

TEST(clock_writes_rq_dates)
{
	char iso[CLOCK_ISO_SIZE];

	clock_iso(iso, 1795500312345678);
	CHECK_STR(str_of(iso), "2026-11-24T06:05:12.345678Z");
	clock_iso(iso, 0);
	CHECK_STR(str_of(iso), "1970-01-01T00:00:00.000000Z");
}

TEST(digest_separates_its_parts)
{
	struct str ab[] = {STR("ab"), STR("c")}, a[] = {STR("a"), STR("bc")};
	char one[DIGEST_ID_SIZE], two[DIGEST_ID_SIZE], hex[2 * DIGEST_SIZE + 1];
	uint8_t d[DIGEST_SIZE];

	digest_id(ab, 2, one);
	digest_id(a, 2, two);
	CHECK(strcmp(one, two) != 0);
	CHECK_INT(strlen(one), 26);
	CHECK_INT(strspn(one, "abcdefghijklmnopqrstuvwxyz234567"), 26);

	digest_sha256((struct str[]){STR("abc")}, 1, d);
	digest_hex(d, sizeof(d), hex);
	/* printf '\x03\0\0\0\0\0\0\0abc' | sha256sum */
	CHECK_STR(str_of(hex),
		"ce91dc5eec0139adf091900d225971d6ad246a845bad791b5693a9d0d55dd391");
	CHECK(digest_same(STR("x"), STR("x")) && !digest_same(STR("x"), STR("y")));
	CHECK(!digest_same(STR("x"), STR("xy")));
}

TEST(digest_random_gives_nothing_twice)
{
	enum { ROUNDS = 1000, DIGITS = 32 };
	static char seen[ROUNDS][DIGITS + 1];
	uint8_t most[1024], zero[sizeof(most)] = {0};

	for (size_t i = 0; i < ROUNDS; i++) {
		digest_random_hex(DIGITS, seen[i]);
		CHECK(strspn(seen[i], "0123456789abcdef") == DIGITS);
		for (size_t j = 0; j < i; j++)
			CHECK(strcmp(seen[i], seen[j]) != 0);
	}
	digest_random(most, sizeof(most));
	CHECK(memcmp(most, zero, sizeof(most)) != 0);
}

TEST(digest_is_not_fooled_by_nul_bytes)
{
	struct str ab[] = {STR("a"), STR("0\0b")}, a[] = {STR("a\0000"), STR("b")};
	char one[DIGEST_ID_SIZE], two[DIGEST_ID_SIZE];

	digest_id(ab, 2, one);
	digest_id(a, 2, two);
	CHECK(strcmp(one, two) != 0);
}

TEST(arena_join_passes_nul_bytes)
{
	struct arena a;
	struct str parts[] = {STR("a\0b"), {NULL, 0}, STR("|"), STR("c")};

	arena_init(&a);
	struct str s = arena_join(&a, parts, ARRAY_LEN(parts));
	CHECK(str_eq(s, STR("a\0b|c")));
	arena_done(&a);
}

TEST(err_knows_what_helps)
{
	static const struct {
		int err;
		enum err_class class;
	} rows[] = {
		{0, CLASS_PERMANENT},
		{3, CLASS_PERMANENT},
		{-EINVAL, CLASS_PERMANENT},
		{-ETIMEDOUT, CLASS_TRANSIENT},
		{-12345, CLASS_TRANSIENT},
		{ERR_PROTO, CLASS_PERMANENT},
		{ERR_REMOTE, CLASS_TRANSIENT},
		{ERR_THROTTLED, CLASS_LIMITED},
		{ERR_AMBIGUOUS, CLASS_PERMANENT},
		{ERR_DENIED, CLASS_OPEN},
		{ERR_QUOTA, CLASS_OPEN},
		{ERR_UNAVAILABLE, CLASS_OPEN},
		{ERR_OPEN, CLASS_OPEN},
		{ERR_STORE, CLASS_TRANSIENT},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(err_class(rows[i].err), rows[i].class);
		CHECK_INT(err_transient(rows[i].err), rows[i].class != CLASS_PERMANENT);
	}
}

TEST(err_has_words_for_everything)
{
	CHECK_STR(str_of(err_text(ERR_FENCED)), "another attempt owns this now");
	CHECK_STR(str_of(err_text(-EINVAL)), "Invalid argument");
	CHECK_STR(str_of(err_text(0)), "no error");
}

static int trail;
static flow_step two, three;
static int
one(struct flow *f)
{
	trail = 1;
	return flow_goto(f, two);
}
static int
two(struct flow *f)
{
	trail = trail * 10 + 2;
	return flow_wait(f, three);
}
static int
three(struct flow *f)
{
	(void)f;
	trail = trail * 10 + 3;
	return -EIO;
}
static void
ended(struct flow *f, int err)
{
	CHECK_STR(str_of(f->name), "three");
	trail = trail * 10 + (err == -EIO ? 4 : 0);
}

TEST(flow_runs_its_steps_in_order)
{
	struct flow f;

	flow_init(&f, one, "one", ended);
	flow_wake(&f);
	CHECK_INT(trail, 12);
	flow_wake(&f);
	CHECK_INT(trail, 1234);
}

TEST(metrics_render_as_prometheus_text)
{
	struct buf b;

	buf_init(&b);
	metric_add(M_MSG_ENQUEUED, 3);
	metric_observe(M_HTTP_SECONDS, 3000);
	metrics_render(&b);
	buf_addc(&b, '\0');
	CHECK(strstr(
		b.data, "prosaas_webhook_messages_total{outcome=\"enqueued\"} 3\n"));
	CHECK(strstr(b.data, "prosaas_http_request_duration_seconds_bucket{route="
			     "\"webhook\",le=\"0.0025\"} 0\n"));
	CHECK(strstr(b.data, "prosaas_http_request_duration_seconds_bucket{route="
			     "\"webhook\",le=\"0.005\"} 1\n"));
	CHECK(strstr(b.data, "_count{route=\"webhook\"} 1\n"));
	buf_done(&b);
}

TEST(settings_name_what_is_wrong)
{
	struct settings s;
	char err[256];

	setenv("PORT", "99999", 1);
	CHECK(settings_load(&s, err) < 0);
	CHECK_STR(str_of(err), "PORT=99999: allowed is a number from 0 to 65535");
	setenv("PORT", "", 1);
	CHECK_INT(settings_load(&s, err), 0);
	CHECK_INT(s.port, 5000);
	setenv("LOG_LEVEL", "loud", 1);
	CHECK(settings_load(&s, err) < 0);
	CHECK_STR(str_of(err), "LOG_LEVEL=loud: allowed are error|warn|info|debug");
	unsetenv("LOG_LEVEL");
	setenv("INTERNAL_SECRET_FILE", "/nowhere", 1);
	CHECK(settings_load(&s, err) < 0);
	unsetenv("INTERNAL_SECRET_FILE");
}

TEST(the_queue_of_our_own_is_served_after_those_that_are_named)
{
	struct settings s;
	char err[256];

	CHECK_INT(settings_load(&s, err), 0);
	CHECK_STR(str_of(s.rq_queues), "high,default,low,maintenance,broadcasts,"
				       "prosaas");
	setenv("RQ_QUEUES", "a, b", 1);
	CHECK_INT(settings_load(&s, err), 0);
	CHECK_STR(str_of(s.rq_queues), "a, b,prosaas");
	setenv("RQ_QUEUES", "a, prosaas,b", 1);
	CHECK_INT(settings_load(&s, err), 0);
	CHECK_STR(str_of(s.rq_queues), "a, prosaas,b");
	unsetenv("RQ_QUEUES");
}

TEST(settings_mask_secrets_and_passwords)
{
	struct settings s;
	struct buf b;
	char err[256];

	setenv("INTERNAL_SECRET", "hush", 1);
	setenv("REDIS_URL", "redis://u:hush@h:1/2", 1);
	CHECK_INT(settings_load(&s, err), 0);
	buf_init(&b);
	settings_show(&s, &b);
	buf_addc(&b, '\0');
	CHECK(!strstr(b.data, "hush"));
	CHECK(strstr(b.data, "REDIS_URL=redis://***@h:1/2\n"));
	CHECK(strstr(b.data, "INTERNAL_SECRET=***\n"));
	buf_done(&b);
	unsetenv("INTERNAL_SECRET");
	unsetenv("REDIS_URL");
}

TEST(log_hides_people)
{
	CHECK_STR(str_of(log_chat(STR("972501234567@s.whatsapp.net"))),
		"97…67@s.whatsapp.net");
	CHECK_STR(str_of(log_safe(STR("a\nb\"\x80"))), "a?b\"?");
}

UNIT_MAIN
