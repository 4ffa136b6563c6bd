/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/seal.h"

#define HEX    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define OTHER  "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* Of the right length. */
#define NO_HEX    "zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define NO_BASE64 "****AwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static char err[256];

TEST(a_secret_opens_where_it_was_sealed_and_nowhere_else)
{
	struct arena a;
	struct str s, plain;

	arena_init(&a);
	CHECK_INT(seal_init(HEX, NULL, err), 0);
	CHECK(seal_ready());
	s = seal_close(&a, STR("s3cret"), STR("7|ai_api_key"));
	CHECK(seal_is(s) && !memmem(s.p, s.n, "s3cret", 6));
	CHECK_INT(seal_open(&a, s, STR("7|ai_api_key"), &plain), 0);
	CHECK(str_eqz(plain, "s3cret"));
	CHECK_INT(seal_open(&a, s, STR("8|ai_api_key"), &plain), ERR_SEALED);
	CHECK_INT(seal_init(BASE64, NULL, err), 0); /* the same key */
	CHECK_INT(seal_open(&a, s, STR("7|ai_api_key"), &plain), 0);
	arena_done(&a);
}

TEST(two_seals_of_a_secret_differ)
{
	struct arena a;

	arena_init(&a);
	CHECK_INT(seal_init(HEX, NULL, err), 0);
	struct str one = seal_close(&a, STR("s3cret"), STR("x"));
	CHECK(!str_eq(one, seal_close(&a, STR("s3cret"), STR("x"))));
	CHECK(str_eq(one, seal_close(&a, one, STR("x")))); /* it is sealed */
	arena_done(&a);
}

TEST(any_changed_byte_of_a_seal_is_noticed)
{
	struct arena a;
	struct str plain;

	arena_init(&a);
	CHECK_INT(seal_init(HEX, NULL, err), 0);
	struct str s = seal_close(&a, STR("s3cre"), STR("x")); /* no padding */
	for (size_t i = sizeof("sealed:1:") - 1; i < s.n; i++) {
		char *copy = arena_z(&a, s);
		copy[i] = copy[i] == 'B' ? 'C' : 'B';
		CHECK_INT(seal_open(&a, str_of(copy), STR("x"), &plain), ERR_SEALED);
		copy[i] = '\0';
		CHECK_INT(seal_open(&a, str_of(copy), STR("x"), &plain), ERR_SEALED);
	}
	arena_done(&a);
}

TEST(a_key_that_was_replaced_opens_what_it_sealed)
{
	struct arena a;
	struct str plain;

	arena_init(&a);
	CHECK_INT(seal_init(HEX, NULL, err), 0);
	struct str s = seal_close(&a, STR("s3cret"), STR("x"));
	CHECK_INT(seal_init(OTHER, NULL, err), 0);
	CHECK_INT(seal_open(&a, s, STR("x"), &plain), ERR_SEALED);
	CHECK_INT(seal_init(OTHER, HEX, err), 0);
	CHECK_INT(seal_open(&a, s, STR("x"), &plain), 0);
	CHECK(str_eqz(plain, "s3cret"));
	arena_done(&a);
}

TEST(without_a_key_only_what_is_not_sealed_opens)
{
	struct arena a;
	struct str plain;

	arena_init(&a);
	CHECK_INT(seal_init(HEX, NULL, err), 0);
	struct str s = seal_close(&a, STR("s3cret"), STR("x"));
	CHECK_INT(seal_init(NULL, NULL, err), 0);
	CHECK(!seal_ready());
	CHECK_INT(seal_open(&a, s, STR("x"), &plain), ERR_SEALED);
	CHECK_INT(seal_open(&a, STR("plain"), STR("x"), &plain), 0);
	CHECK(str_eqz(plain, "plain"));
	CHECK_INT(seal_open(&a, (struct str){NULL, 0}, STR("x"), &plain), 0);
	CHECK(!plain.p);
	arena_done(&a);
}

TEST(a_key_that_is_none_is_named)
{
	static const char *const bad[] = {"short",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBka", HEX "00", BASE64 "AAAA", NO_HEX,
		NO_BASE64};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK_INT(seal_init(bad[i], NULL, err), -EINVAL);
		CHECK(strstr(err, "SECRETS_KEY=***: allowed are 32 bytes"));
	}
	CHECK_INT(seal_init(HEX, "no", err), -EINVAL);
	CHECK(strstr(err, "SECRETS_KEY_PREVIOUS=***"));
}

UNIT_MAIN
