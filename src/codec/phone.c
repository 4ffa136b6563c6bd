/* SPDX-License-Identifier: MIT */
/* phone.c: phone numbers.
 *
 *   text ---> take_digits ---> "+..." or "00..." ---> international ---> modern --->
 * +... |                                    ^
 *                     `---> national (by country) ---------'
 *
 * A number without + is read by the country it was written in.  Where both readings
 * fit, "972..." in Israel as well as "49..." in Germany, a country that dials a trunk
 * prefix at home would have written it, so the number is international; in one that
 * dials none (Italy) it is national. */
#include "codec/phone.h"

#include "base/err.h"
#include "base/utf8.h"

/* trunk: what is dialled before a national number and is no part of it; NULL where
 * there is none, or where it stays (the zero of Italy, San Marino, Congo, Ivory
 * Coast).  min, max: digits of a national number, with some room.  The first row of
 * a calling code answers for it. */
static const struct country {
	const char *iso, *code, *trunk;
	size_t min, max;
} countries[] = {
	{"US", "1", "1", 10, 10},
	{"CA", "1", "1", 10, 10},
	{"DO", "1", "1", 10, 10},
	{"JM", "1", "1", 10, 10},
	{"PR", "1", "1", 10, 10},
	{"RU", "7", "8", 10, 10},
	{"KZ", "7", "8", 10, 10},
	{"EG", "20", "0", 8, 10},
	{"ZA", "27", "0", 9, 9},
	{"GR", "30", NULL, 10, 10},
	{"NL", "31", "0", 9, 11},
	{"BE", "32", "0", 8, 9},
	{"FR", "33", "0", 9, 9},
	{"ES", "34", NULL, 9, 9},
	{"HU", "36", "06", 8, 9},
	{"IT", "39", NULL, 6, 11},
	{"VA", "39", NULL, 6, 11},
	{"RO", "40", "0", 9, 9},
	{"CH", "41", "0", 9, 12},
	{"AT", "43", "0", 6, 13},
	{"GB", "44", "0", 9, 10},
	{"DK", "45", NULL, 8, 8},
	{"SE", "46", "0", 7, 10},
	{"NO", "47", NULL, 8, 12},
	{"PL", "48", NULL, 9, 9},
	{"DE", "49", "0", 6, 13},
	{"PE", "51", "0", 8, 9},
	{"MX", "52", NULL, 10, 11},
	{"AR", "54", "0", 10, 11},
	{"BR", "55", "0", 10, 11},
	{"CL", "56", NULL, 9, 11},
	{"CO", "57", NULL, 8, 10},
	{"VE", "58", "0", 10, 10},
	{"MY", "60", "0", 8, 10},
	{"AU", "61", "0", 9, 9},
	{"ID", "62", "0", 7, 12},
	{"PH", "63", "0", 8, 10},
	{"NZ", "64", "0", 8, 10},
	{"SG", "65", NULL, 8, 8},
	{"TH", "66", "0", 8, 9},
	{"JP", "81", "0", 9, 10},
	{"KR", "82", "0", 8, 11},
	{"VN", "84", "0", 9, 10},
	{"CN", "86", "0", 9, 11},
	{"TR", "90", "0", 10, 10},
	{"IN", "91", "0", 10, 10},
	{"PK", "92", "0", 9, 10},
	{"AF", "93", "0", 9, 9},
	{"LK", "94", "0", 9, 9},
	{"MM", "95", "0", 7, 10},
	{"IR", "98", "0", 10, 10},
	{"MA", "212", "0", 9, 9},
	{"DZ", "213", "0", 8, 9},
	{"TN", "216", NULL, 8, 8},
	{"LY", "218", "0", 8, 9},
	{"SN", "221", NULL, 9, 9},
	{"CI", "225", NULL, 10, 10},
	{"GH", "233", "0", 9, 9},
	{"NG", "234", "0", 8, 10},
	{"CM", "237", NULL, 8, 9},
	{"CG", "242", NULL, 9, 9},
	{"SD", "249", "0", 9, 9},
	{"RW", "250", "0", 9, 9},
	{"ET", "251", "0", 9, 9},
	{"KE", "254", "0", 7, 10},
	{"TZ", "255", "0", 9, 9},
	{"UG", "256", "0", 9, 9},
	{"ZM", "260", "0", 9, 9},
	{"ZW", "263", "0", 9, 9},
	{"PT", "351", NULL, 9, 9},
	{"LU", "352", NULL, 5, 11},
	{"IE", "353", "0", 7, 10},
	{"IS", "354", NULL, 7, 9},
	{"AL", "355", "0", 8, 9},
	{"MT", "356", NULL, 8, 8},
	{"CY", "357", NULL, 8, 8},
	{"FI", "358", "0", 6, 12},
	{"BG", "359", "0", 7, 9},
	{"LT", "370", "0", 8, 8},
	{"LV", "371", NULL, 8, 8},
	{"EE", "372", NULL, 7, 10},
	{"MD", "373", "0", 8, 8},
	{"AM", "374", "0", 8, 8},
	{"BY", "375", "80", 9, 9},
	{"SM", "378", NULL, 6, 10},
	{"UA", "380", "0", 9, 9},
	{"RS", "381", "0", 6, 10},
	{"ME", "382", "0", 8, 8},
	{"HR", "385", "0", 8, 9},
	{"SI", "386", "0", 8, 8},
	{"BA", "387", "0", 8, 9},
	{"MK", "389", "0", 8, 8},
	{"CZ", "420", NULL, 9, 9},
	{"SK", "421", "0", 9, 9},
	{"GT", "502", NULL, 8, 8},
	{"SV", "503", NULL, 8, 8},
	{"HN", "504", NULL, 8, 8},
	{"NI", "505", NULL, 8, 8},
	{"CR", "506", NULL, 8, 8},
	{"PA", "507", NULL, 7, 8},
	{"BO", "591", "0", 8, 8},
	{"EC", "593", "0", 8, 9},
	{"PY", "595", "0", 8, 9},
	{"UY", "598", "0", 8, 8},
	{"HK", "852", NULL, 8, 8},
	{"KH", "855", "0", 8, 9},
	{"BD", "880", "0", 8, 10},
	{"TW", "886", "0", 8, 9},
	{"LB", "961", "0", 7, 8},
	{"JO", "962", "0", 8, 9},
	{"SY", "963", "0", 8, 9},
	{"IQ", "964", "0", 8, 10},
	{"KW", "965", NULL, 7, 8},
	{"SA", "966", "0", 9, 9},
	{"YE", "967", "0", 7, 9},
	{"OM", "968", NULL, 8, 8},
	{"PS", "970", "0", 8, 9},
	{"AE", "971", "0", 8, 9},
	{"IL", "972", "0", 8, 9},
	{"BH", "973", NULL, 8, 8},
	{"QA", "974", NULL, 8, 8},
	{"NP", "977", "0", 8, 10},
	{"AZ", "994", "0", 9, 9},
	{"GE", "995", "0", 9, 9},
	{"KG", "996", "0", 9, 9},
	{"UZ", "998", "0", 9, 9},
};

/* --- the table ------------------------------------------------------------ */

static const struct country *
country_of(struct str name)
{
	name = str_trim(name);
	if (str_starts(name, STR("+"))) {
		name.p++;
		name.n--;
	}
	for (size_t i = 0; i < ARRAY_LEN(countries) && name.n > 0; i++)
		if (str_ieq(name, str_of(countries[i].iso)) ||
			str_eqz(name, countries[i].code))
			return &countries[i];
	return NULL;
}

bool
phone_is_country(struct str country)
{
	return country_of(country) != NULL;
}

/* No calling code begins with another, so the first that fits is the one. */
static const struct country *
country_of_digits(struct str digits)
{
	for (size_t i = 0; i < ARRAY_LEN(countries); i++)
		if (str_starts(digits, str_of(countries[i].code)))
			return &countries[i];
	return NULL;
}

static struct str
behind(struct str digits, size_t n)
{
	return (struct str){digits.p + n, digits.n - n};
}

static bool
begins(struct str digits, const char *prefix)
{
	return prefix && str_starts(digits, str_of(prefix));
}

/* Where a trunk prefix is dialled, no number itself begins with 0. */
static bool
fits(const struct country *c, struct str national)
{
	if (c->trunk && begins(national, "0"))
		return false;
	return national.n >= c->min && national.n <= c->max;
}

/* --- what is written ------------------------------------------------------ */

enum {
	WRITTEN_MAX = 24,  /* the longest number, with 00 before and (0) inside */
	UNMARKED_MIN = 10, /* the shorter ones are national numbers of somewhere */
};

struct written {
	char digits[WRITTEN_MAX];
	size_t count;
	bool plus;
};

static uint32_t
code_point(const char *p, size_t n)
{
	const uint8_t *s = (const uint8_t *)p;

	if (n == 1)
		return s[0];
	if (n == 2)
		return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	if (n == 3)
		return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	return UINT32_MAX; /* nothing up there belongs to a number */
}

/* 0 to 9, or -1: ASCII, Arabic-Indic, Persian, full width. */
static int
digit_of(uint32_t c)
{
	static const uint32_t zeros[] = {'0', 0x660, 0x6f0, 0xff10};

	for (size_t i = 0; i < ARRAY_LEN(zeros); i++)
		if (c >= zeros[i] && c <= zeros[i] + 9)
			return (int)(c - zeros[i]);
	return -1;
}

/* What stands between digits (E.123 and habit), and the marks of direction that come
 * along when a number is copied out of a Hebrew or Arabic text. */
static bool
is_between(uint32_t c)
{
	if (c < 0x80)
		return c && strchr(" \t-.()/", (int)c);
	return c == 0xa0 || (c >= 0x2000 && c <= 0x2015) ||
	       (c >= 0x202a && c <= 0x202f) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0x2212;
}

static bool
take(struct written *w, uint32_t c)
{
	int digit = digit_of(c);

	if (digit >= 0) {
		if (w->count == WRITTEN_MAX)
			return false;
		w->digits[w->count++] = (char)('0' + digit);
		return true;
	}
	if ((c == '+' || c == 0xff0b) && w->count == 0 && !w->plus) {
		w->plus = true;
		return true;
	}
	return is_between(c);
}

static bool
take_digits(struct str text, struct written *w)
{
	const char *end = text.p + text.n;

	*w = (struct written){.count = 0};
	for (const char *p = text.p; p < end;) {
		size_t n = utf8_len(p, end);

		if (n == 0 || !take(w, code_point(p, n)))
			return false;
		p += n;
	}
	return w->count > 0;
}

/* --- what it means -------------------------------------------------------- */

static int
compose(const struct str *parts, size_t count, char ret[PHONE_SIZE])
{
	size_t digits = 0;

	for (size_t i = 0; i < count; i++)
		digits += parts[i].n;
	if (digits < PHONE_DIGITS_MIN || digits > PHONE_DIGITS_MAX)
		return ERR_SYNTAX;

	char *to = ret;
	*to++ = '+';
	for (size_t i = 0; i < count; i++) {
		memcpy(to, parts[i].p, parts[i].n);
		to += parts[i].n;
	}
	*to = '\0';
	return 0;
}

/* Mexico: the 1 that mobiles had until 2019.  Brazil: the 9 that they have since
 * 2016, behind an area code of two digits. */
static int
modern(const struct country *c, struct str national, char ret[PHONE_SIZE])
{
	struct str area = {national.p, 2};
	const struct str as_is[] = {str_of(c->code), national};
	const struct str mobile[] = {
		str_of(c->code), area, STR("9"), behind(national, 2)};

	if (str_eqz(as_is[0], "52") && national.n == 11 && national.p[0] == '1')
		return compose((struct str[]){as_is[0], behind(national, 1)}, 2, ret);
	if (str_eqz(as_is[0], "55") && national.n == 10 && national.p[2] >= '6')
		return compose(mobile, ARRAY_LEN(mobile), ret);
	return compose(as_is, ARRAY_LEN(as_is), ret);
}

/* Behind the calling code people write "(0)" too, which is not dialled from abroad. */
static int
international(struct str digits, char ret[PHONE_SIZE])
{
	const struct country *c = country_of_digits(digits);

	if (digits.n == 0 || digits.p[0] == '0')
		return ERR_SYNTAX;
	if (!c)
		return compose(&digits, 1, ret);
	struct str national = behind(digits, strlen(c->code));
	if (begins(national, "0") && c->trunk && c->trunk[0] == '0')
		national = behind(national, 1);
	return fits(c, national) ? modern(c, national, ret) : ERR_SYNTAX;
}

/* Without + and without a country only what can be nothing else: a calling code of
 * the table, and a number of a length that its country has. */
static int
unmarked(struct str digits, char ret[PHONE_SIZE])
{
	if (digits.n < UNMARKED_MIN || !country_of_digits(digits))
		return ERR_SYNTAX;
	return international(digits, ret);
}

static bool
is_abroad(const struct country *c, struct str digits)
{
	return begins(digits, c->code) && fits(c, behind(digits, strlen(c->code)));
}

static int
national(const struct country *c, struct str digits, char ret[PHONE_SIZE])
{
	if (begins(digits, c->trunk)) {
		struct str rest = behind(digits, strlen(c->trunk));

		if (fits(c, rest))
			return modern(c, rest, ret);
	}
	bool home = fits(c, digits);
	if (is_abroad(c, digits) && (c->trunk || !home))
		return international(digits, ret);
	return home ? modern(c, digits, ret) : unmarked(digits, ret);
}

/* What is dialled before a calling code: 00 in most countries, 011 in those of +1. */
static size_t
exit_code(const struct country *c, struct str digits)
{
	if (c && strcmp(c->code, "1") == 0 && begins(digits, "011"))
		return 3;
	return begins(digits, "00") ? 2 : 0;
}

int
phone_read(struct str text, struct str country, char ret[PHONE_SIZE])
{
	const struct country *c = country_of(country);
	struct written w;

	text = str_trim(text);
	if (text.n >= 4 && str_ieq((struct str){text.p, 4}, STR("tel:")))
		text = behind(text, 4);
	if (!take_digits(text, &w))
		return ERR_SYNTAX;

	struct str digits = {w.digits, w.count};
	size_t skip = w.plus ? 0 : exit_code(c, digits);
	if (w.plus || skip > 0)
		return international(behind(digits, skip), ret);
	return c ? national(c, digits, ret) : unmarked(digits, ret);
}

/* WhatsApp has checked it: lengths that the table does not know are no objection. */
int
phone_of_user(struct str user, char ret[PHONE_SIZE])
{
	if (!str_is_number(user) || user.p[0] == '0')
		return ERR_SYNTAX;
	return international(user, ret) < 0 ? compose(&user, 1, ret) : 0;
}
