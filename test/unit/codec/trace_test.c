/* SPDX-License-Identifier: MIT */
/* trace_test.c: which traceparent is taken, as W3C Trace Context has it. */
#include "unit.h"

#include "codec/trace.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"

TEST(the_trace_of_a_header_is_taken)
{
	static const char *const good[] = {"00-" ID "-00f067aa0ba902b7-01",
		"00-" ID "-00f067aa0ba902b7-00", "00-" ID "-00f067aa0ba902b7-ff",
		"cc-" ID "-00f067aa0ba902b7-01",
		"01-" ID "-00f067aa0ba902b7-01-what-comes-later"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		CHECK(str_eqz(trace_of(str_of(good[i])), ID));
}

TEST(what_is_no_traceparent_is_none)
{
	static const char *const bad[] = {"", "-", "00", "00-" ID,
		"00-" ID "-00f067aa0ba902b7", "00-" ID "-00f067aa0ba902b7-",
		"00-" ID "-00f067aa0ba902b7-1", "00-" ID "-00f067aa0ba902b7-01-",
		"00-" ID "-00f067aa0ba902b7-01-more", "00-" ID "-00f067aa0ba902b7-01 ",
		" 00-" ID "-00f067aa0ba902b7-01", "00-" ID "-00f067aa0ba902b7-0g",
		"ff-" ID "-00f067aa0ba902b7-01", "0-" ID "-00f067aa0ba902b7-01",
		"0x-" ID "-00f067aa0ba902b7-01", "00-" ID "-0000000000000000-01",
		"00-" ID "-00F067AA0BA902B7-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e47361-00f067aa0ba902b7-01"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (trace_of(str_of(bad[i])).p)
			FAIL("taken: \"%s\"", bad[i]);
	CHECK(!trace_of((struct str){NULL, 0}).p);
}

UNIT_MAIN
