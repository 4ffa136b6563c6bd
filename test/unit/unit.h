/* SPDX-License-Identifier: MIT */
/* unit.h: the unit test harness.
 *
 *   TEST(buf_takes_from_the_front)
 *   {
 *           CHECK(buf_len(&b) == 3);
 *   }
 *   UNIT_MAIN
 *
 * A failed CHECK says where and what, and ends that test.  The program ends with
 * "N passed, N failed". */
#ifndef UNIT_H
#define UNIT_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct unit_test {
	const char *name;
	void (*run)(void);
	struct unit_test *next;
};

static struct unit_test *unit_first, **unit_last = &unit_first;
static jmp_buf unit_out;

#define TEST(name)                                                        \
	static void test_##name(void);                                    \
	static struct unit_test unit_##name = {#name, test_##name, NULL}; \
	__attribute__((constructor)) static void unit_add_##name(void)    \
	{                                                                 \
		*unit_last = &unit_##name;                                \
		unit_last = &unit_##name.next;                            \
	}                                                                 \
	static void test_##name(void)

#define FAIL(...)                                      \
	do {                                           \
		printf("%s:%d: ", __FILE__, __LINE__); \
		printf(__VA_ARGS__);                   \
		printf("\n");                          \
		longjmp(unit_out, 1);                  \
	} while (0)

#define CHECK(cond)                                \
	do {                                       \
		if (!(cond))                       \
			FAIL("not so: %s", #cond); \
	} while (0)

#define CHECK_INT(is, want)                                                         \
	do {                                                                        \
		intmax_t is_ = (intmax_t)(is), want_ = (intmax_t)(want);            \
		if (is_ != want_)                                                   \
			FAIL("%s is %" PRIdMAX ", not %" PRIdMAX, #is, is_, want_); \
	} while (0)

/* A struct str against a C string. */
#define CHECK_STR(is, want)                                                          \
	do {                                                                         \
		struct str is_ = (is);                                               \
		if (!str_eqz(is_, want))                                             \
			FAIL("%s is \"%.*s\", not \"%s\"", #is, STR_FMT(is_), want); \
	} while (0)

static int
unit_run(void)
{
	volatile int passed = 0, failed = 0;

	for (struct unit_test *volatile t = unit_first; t; t = t->next) {
		if (setjmp(unit_out) == 0) {
			t->run();
			passed++;
		} else {
			printf("FAILED %s\n", t->name);
			failed++;
		}
		fflush(stdout);
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}

#define UNIT_MAIN                  \
	int main(void)             \
	{                          \
		return unit_run(); \
	}

#endif
