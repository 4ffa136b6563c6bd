/* SPDX-License-Identifier: MIT */
/* address_fuzz.c: any bytes as an address and as a phone.
 *
 * The first byte chooses the country.  Checked is what the headers promise: what is
 * canonical stays as it is, a phone is + and 8 to 15 digits, and a LID has none. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/jid.h"
#include "codec/phone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_phone(const char phone[PHONE_SIZE])
{
	struct str digits = {phone + 1, strlen(phone) - 1};
	char again[PHONE_SIZE];

	assert(phone[0] == '+' && phone[1] != '0' && str_is_number(digits));
	assert(digits.n >= PHONE_DIGITS_MIN && digits.n <= PHONE_DIGITS_MAX);
	assert(phone_of_user(digits, again) == 0);
	assert(strcmp(phone, again) == 0);
}

static void
check_address(struct str text)
{
	struct jid j, again;
	struct arena a;
	char phone[PHONE_SIZE];

	if (jid_parse(text, &j) < 0)
		return;
	arena_init(&a);
	struct str canonical = jid_text(&a, &j);
	assert(jid_parse(canonical, &again) == 0);
	assert(str_eq(jid_text(&a, &again), canonical));
	assert(!(jid_has_phone(&j) && jid_has_lid(&j)));
	if (jid_has_phone(&j) && phone_of_user(j.user, phone) == 0)
		check_phone(phone);
	arena_done(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const countries[] = {"", "IL", "IT", "US", "RU", "BR", "BY"};
	struct str text = {(const char *)data, n};
	char phone[PHONE_SIZE];

	check_address(text);
	if (n == 0)
		return 0;
	struct str country = str_of(countries[data[0] % ARRAY_LEN(countries)]);
	text = (struct str){text.p + 1, text.n - 1};
	if (phone_read(text, country, phone) == 0)
		check_phone(phone);
	return 0;
}
