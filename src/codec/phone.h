/* SPDX-License-Identifier: MIT */
/* phone.h: phone numbers, in one form: E.164 with its +.
 *
 * The one place that makes a phone of something: what people write, and the user of
 * an address of WhatsApp.  Sources: ITU-T E.164 (at most 15 digits, country codes),
 * E.123 (how numbers are written), the national plans announced to the ITU (trunk
 * prefixes, lengths).
 *
 *   050-123 45 67   IL   +972501234567     trunk zero goes
 *   06 6982 1234    IT   +390669821234     ... where it is no part of the number
 *   (972) 50...     -    +972501234567     no + is needed where only one reading fits
 *   ٠٥٠١٢٣٤٥٦٧      972  +972501234567     Arabic and Persian digits
 *
 * Plans that changed are followed, since WhatsApp's addresses keep the old form:
 * Mexico's 1 behind 52 is dropped, Brazil's mobiles get their ninth digit. */
#ifndef CODEC_PHONE_H
#define CODEC_PHONE_H

#include <stdbool.h>

#include "base/str.h"

enum {
	PHONE_DIGITS_MIN = 8,
	PHONE_DIGITS_MAX = 15,
	PHONE_SIZE = PHONE_DIGITS_MAX + 2, /* +, digits, NUL */
};

/* phone_is_country: an ISO 3166 code ("IL") or a calling code ("972", "+972") that
 * the table knows. */
bool phone_is_country(struct str country);

/* phone_read normalises a number as people write it.  country is that of numbers
 * without + or 00; absent or unknown: such a number must have one that the table
 * knows.  ERR_SYNTAX for what can't be a phone. */
int phone_read(struct str text, struct str country, char ret[PHONE_SIZE]) MUSTCHECK;

/* phone_of_user normalises the user of an address with a phone (jid_has_phone):
 * digits, country code first.  Never give it the user of a LID. */
int phone_of_user(struct str user, char ret[PHONE_SIZE]) MUSTCHECK;

#endif
