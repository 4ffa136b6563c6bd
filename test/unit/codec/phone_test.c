/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/err.h"
#include "codec/phone.h"

struct row {
	const char *country, *written, *phone; /* phone NULL: refused */
};

static void
check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];
		char phone[PHONE_SIZE] = "untouched";
		int err = phone_read(str_of(r->written), str_of(r->country), phone);

		if (!r->phone && err != ERR_SYNTAX)
			FAIL("%s \"%s\" is %s", r->country, r->written, phone);
		if (!r->phone && strcmp(phone, "untouched") != 0)
			FAIL("\"%s\" is refused and yet set", r->written);
		if (r->phone && (err < 0 || strcmp(phone, r->phone) != 0))
			FAIL("%s \"%s\" is %s, not %s", r->country, r->written, phone,
				r->phone);
	}
}

TEST(what_the_original_was_tested_with)
{
	static const struct row rows[] = {
		{"IL", "0501234567", "+972501234567"},
		{"IL", "050-123-4567", "+972501234567"},
		{"IL", "972501234567", "+972501234567"},
		{"IL", "+972501234567", "+972501234567"},
		{"IL", "501234567", "+972501234567"},
		{"IL", "035551234", "+97235551234"},
		{"IL", "", NULL},
		{"IL", NULL, NULL},
		{"IL", "UNKNOWN", NULL},
		{"IL", "unknown", NULL},
	};

	check(rows, ARRAY_LEN(rows));
}

TEST(people_write_a_number_in_many_ways)
{
	static const struct row rows[] = {
		{"IL", "+972 50-123-4567", "+972501234567"},
		{"IL", "+972-(0)50-123-4567", "+972501234567"},
		{"IL", "+9720501234567", "+972501234567"},
		{"IL", "(+972) 50 123 4567", "+972501234567"},
		{"IL", "00972501234567", "+972501234567"},
		{"IL", "00 972 50 1234567", "+972501234567"},
		{"IL", " 050.123.4567 ", "+972501234567"},
		{"IL", "(050) 1234567", "+972501234567"},
		{"IL", "050/1234567", "+972501234567"},
		{"IL", "050\t1234567", "+972501234567"},
		{"IL", "tel:+972-50-123-4567", "+972501234567"},
		{"IL", "TEL:0501234567", "+972501234567"},
		/* no-break space, en dash, non-breaking hyphen, minus */
		{"IL",
			"050\xc2\xa0"
			"123\xe2\x80\x93"
			"4567",
			"+972501234567"},
		{"IL",
			"050\xe2\x80\x91"
			"123\xe2\x88\x92"
			"4567",
			"+972501234567"},
		/* marks of direction around it */
		{"IL", "\xe2\x80\xaa+972 50-123-4567\xe2\x80\xac", "+972501234567"},
		{"IL",
			"\xe2\x81\xa6"
			"0501234567\xe2\x81\xa9",
			"+972501234567"},
		/* Arabic-Indic, Persian and full-width digits */
		{"IL",
			"\xd9\xa0\xd9\xa5\xd9\xa0\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4\xd9"
			"\xa5\xd9\xa6\xd9\xa7",
			"+972501234567"},
		{"IR",
			"\xdb\xb0\xdb\xb9\xdb\xb1\xdb\xb2\xdb\xb3\xdb\xb4\xdb\xb5\xdb"
			"\xb6"
			"\xdb\xb7\xdb\xb8\xdb\xb9",
			"+989123456789"},
		{"IL",
			"\xef\xbc\x8b\xef\xbc\x99\xef\xbc\x97\xef\xbc\x92"
			"501234567",
			"+972501234567"},
	};

	check(rows, ARRAY_LEN(rows));
}

TEST(a_number_without_plus_is_of_the_country_it_was_written_in)
{
	static const struct row rows[] = {
		{"il", "0501234567", "+972501234567"},
		{"972", "0501234567", "+972501234567"},
		{"+972", "0501234567", "+972501234567"},
		{"US", "(212) 555-1234", "+12125551234"},
		{"US", "1-212-555-1234", "+12125551234"},
		{"US", "011 972 50 123 4567", "+972501234567"},
		{"1", "2125551234", "+12125551234"},
		{"GB", "07911 123456", "+447911123456"},
		{"GB", "020 7946 0018", "+442079460018"},
		{"DE", "030 123456", "+4930123456"},
		{"DE", "4930123456", "+4930123456"},
		{"DE", "0171 1234567", "+491711234567"},
		{"FR", "06 12 34 56 78", "+33612345678"},
		{"RU", "8 (916) 123-45-67", "+79161234567"},
		{"RU", "79161234567", "+79161234567"},
		{"RU", "9161234567", "+79161234567"},
		{"KZ", "8 701 123 4567", "+77011234567"},
		{"HU", "06 20 123 4567", "+36201234567"},
		{"BY", "8 029 123 4567", "+375291234567"},
		{"IN", "9198765432", "+919198765432"},
		{"IN", "09876543210", "+919876543210"},
		{"IN", "919876543210", "+919876543210"},
		{"AE", "050 123 4567", "+971501234567"},
		{"AU", "0412 345 678", "+61412345678"},
		{"ZA", "082 123 4567", "+27821234567"},
		{"TR", "0532 123 45 67", "+905321234567"},
		{"IL", "447911123456", "+447911123456"},
		{"IL", "12125551234", "+12125551234"},
		{NULL, "972501234567", "+972501234567"},
		{"", "447911123456", "+447911123456"},
		{"XX", "972501234567", "+972501234567"},
	};

	check(rows, ARRAY_LEN(rows));
}

TEST(the_zero_stays_where_it_is_part_of_the_number)
{
	static const struct row rows[] = {
		{"IT", "06 6982 1234", "+390669821234"},
		{"IT", "+39 06 6982 1234", "+390669821234"},
		{"IT", "0039 06 6982 1234", "+390669821234"},
		{"IT", "333 123 4567", "+393331234567"},
		{"IT", "391 234 5678", "+393912345678"},
		{"IT", "39 333 123 4567", "+393331234567"},
		{"VA", "06 6988 1234", "+390669881234"},
		{"SM", "0549 88 1234", "+3780549881234"},
		{"CI", "07 12 34 56 78", "+2250712345678"},
		{"CI", "+225 07 12 34 56 78", "+2250712345678"},
		{"CG", "06 123 4567", "+242061234567"},
		/* no trunk prefix and no zero either */
		{"ES", "612 34 56 78", "+34612345678"},
		{"PL", "512 345 678", "+48512345678"},
		{"DK", "20 12 34 56", "+4520123456"},
		{"SG", "8123 4567", "+6581234567"},
	};

	check(rows, ARRAY_LEN(rows));
}

TEST(plans_that_changed_are_followed)
{
	static const struct row rows[] = {
		{"MX", "55 1234 5678", "+525512345678"},
		{NULL, "+52 1 55 1234 5678", "+525512345678"},
		{NULL, "+52 55 1234 5678", "+525512345678"},
		{"BR", "(11) 91234-5678", "+5511912345678"},
		{"BR", "011 91234-5678", "+5511912345678"},
		{NULL, "+55 31 8123-4567", "+5531981234567"},
		{NULL, "+55 11 3123-4567", "+551131234567"}, /* a landline */
	};

	check(rows, ARRAY_LEN(rows));
}

TEST(what_can_be_no_phone_is_refused)
{
	static const struct row rows[] = {
		{"IL", "+", NULL},
		{"IL", "-", NULL},
		{"IL", "()", NULL},
		{"IL", "tel:", NULL},
		{"IL", "+1234567", NULL},          /* 7 digits */
		{"IL", "+9991234567890123", NULL}, /* 16 digits */
		{"IL", "+0501234567", NULL},       /* no calling code begins with 0 */
		{"IL", "000972501234567", NULL},
		{"IL", "+00972501234567", NULL},
		{"IL", "+972 (0)0 50 123 567", NULL},
		{"IL", "+972+501234567", NULL},
		{"IL", "972501234567+", NULL},
		{"IL", "++972501234567", NULL},
		{"IL", "050-1234567 / 03-5551234", NULL},
		{"IL", "0501234567 ext 3", NULL},
		{"IL", "0501234567;0521234567", NULL},
		{"IL", "972501234567@s.whatsapp.net", NULL},
		{"IL", "71234567890123@lid", NULL},
		{"IL", "05012345", NULL},
		{"IL", "05012345678", NULL},
		{"IL", "1234567", NULL},
		{"IL", "Dana", NULL},
		{"IL", "\xff\xfe", NULL},
		{"IL", "050123456\xd9", NULL},
		{"IL",
			"0501\xf0\x9f\x93\x9e"
			"234567",
			NULL},
		{NULL, "0501234567", NULL}, /* of which country? */
		{NULL, "501234567", NULL},
		/* numbers as long as a LID */
		{"IL", "71234567890123", NULL},
		{"IL", "123456789012345", NULL},
		{NULL, "234567890123456", NULL},
		{NULL, "972501234567890", NULL},
	};

	check(rows, ARRAY_LEN(rows));
}

TEST(a_nul_byte_does_not_end_a_number)
{
	char phone[PHONE_SIZE];

	CHECK_INT(phone_read((struct str){"0501234567\0", 11}, STR("IL"), phone),
		ERR_SYNTAX);
}

TEST(the_bounds_are_8_and_15_digits)
{
	char phone[PHONE_SIZE];

	CHECK_INT(phone_of_user(STR("1234567"), phone), ERR_SYNTAX);
	CHECK_INT(phone_of_user(STR("12345678"), phone), 0);
	CHECK_STR(str_of(phone), "+12345678");
	CHECK_INT(phone_of_user(STR("123456789012345"), phone), 0);
	CHECK_STR(str_of(phone), "+123456789012345");
	CHECK_INT(phone_of_user(STR("1234567890123456"), phone), ERR_SYNTAX);
}

TEST(the_user_of_an_address_is_a_phone_as_it_stands)
{
	char phone[PHONE_SIZE];

	CHECK_INT(phone_of_user(STR("972501234567"), phone), 0);
	CHECK_STR(str_of(phone), "+972501234567");
	CHECK_INT(phone_of_user(STR("5215512345678"), phone), 0);
	CHECK_STR(str_of(phone), "+525512345678");
	CHECK_INT(phone_of_user(STR("553181234567"), phone), 0);
	CHECK_STR(str_of(phone), "+5531981234567");
	CHECK_INT(phone_of_user(STR("+972501234567"), phone), ERR_SYNTAX);
	CHECK_INT(phone_of_user(STR("0501234567"), phone), ERR_SYNTAX);
	CHECK_INT(phone_of_user(STR(""), phone), ERR_SYNTAX);
}

TEST(what_was_normalised_stays_as_it_is)
{
	static const char *const phones[] = {"+972501234567", "+390669821234",
		"+12125551234", "+525512345678", "+5531981234567", "+2250712345678",
		"+3780549881234", "+4930123456", "+999123456789"};

	for (size_t i = 0; i < ARRAY_LEN(phones); i++)
		check(&(struct row){"IL", phones[i], phones[i]}, 1);
}

TEST(a_country_is_two_letters_or_a_calling_code)
{
	static const char *const good[] = {
		"IL", "il", "972", "+972", " IT ", "39", "1", "US", "KZ", "VA"};
	static const char *const bad[] = {
		"", "I", "ISR", "Israel", "0", "97", "9725", "+", "XX", "++1", NULL};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!phone_is_country(str_of(good[i])))
			FAIL("\"%s\" is refused", good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (phone_is_country(str_of(bad[i])))
			FAIL("\"%s\" is taken", bad[i]);
}

UNIT_MAIN
