/* SPDX-License-Identifier: MIT */
#include "codec/session.h"
#include "unit.h"

static const struct {
	const char *said, *reason, *is;
} cases[] = {
	{"open", "", "connected"},
	{"CONNECTED", "", "connected"},
	{"WORKING", "", "connected"},
	{"connecting", "", "connecting"},
	{"waiting_qr", "", "qr"},
	{"SCAN_QR_CODE", "", "qr"},
	{"disconnected", "logged_out", "qr"},
	{"close", "401", "qr"},
	{"close", "403", "restricted"},
	{"close", "515", "connecting"},
	{"disconnected", "session_replaced", "disconnected"},
	{"disconnected", "max_attempts_exceeded", "disconnected"},
	{"disconnected", "the moon", "disconnected"},
	{"connected", "logged_out", "connected"}, /* it was, and is back */
	{"the moon", "", "unknown"},
	{"the moon", "logged_out", "qr"},
	{"", "", "unknown"},
};

TEST(session_state_is_one_of_six_words)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		CHECK_STR(str_of(session_state(
				  str_of(cases[i].said), str_of(cases[i].reason))),
			cases[i].is);
}

UNIT_MAIN
