/* SPDX-License-Identifier: MIT */
/* zone_rule.c: when a zone's clock changes in years that no list of changes reaches.
 *
 *   CET-1CEST,M3.5.0,M10.5.0/3      last Sundays of March, and of October at 3
 *   <+03>-3                         never
 *
 * Source: POSIX, TZ; RFC 8536 3.3.1 (times from -167 to 167 hours). */
#include "base/err.h"
#include "base/zone_priv.h"

enum { DAY_S = 86400, HOUR_S = 3600, LAST_YEAR = 2099 };

/* A day of each year and a time on it. */
struct turn {
	enum { MONTH_WEEK_DAY, JULIAN, DAY_OF_YEAR } kind;
	int64_t month, week, day, time_s;
};

struct rule {
	int64_t winter, summer; /* seconds east of UTC */
	bool changes;
	struct turn begins, ends; /* of summer */
};

/* --- reading ---------------------------------------------------------------- */

static bool
take(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = (struct str){s->p + 1, s->n - 1};
	return true;
}

static int
take_number(struct str *s, int64_t most, int64_t *ret)
{
	size_t n = 0;

	while (n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	if (str_int((struct str){s->p, n}, ret) < 0 || *ret > most)
		return ERR_SYNTAX;
	*s = (struct str){s->p + n, s->n - n};
	return 0;
}

/* [+-]hh[:mm[:ss]] in seconds */
static int
take_time(struct str *s, int64_t *ret)
{
	bool minus = take(s, '-');
	int64_t unit = HOUR_S, number;

	if (!minus)
		take(s, '+');
	*ret = 0;
	do {
		if (take_number(s, unit == HOUR_S ? 167 : 59, &number) < 0)
			return ERR_SYNTAX;
		*ret += number * unit;
		unit /= 60;
	} while (unit > 0 && take(s, ':'));
	*ret = minus ? -*ret : *ret;
	return 0;
}

static bool
is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Letters, or anything in angle brackets. */
static int
skip_name(struct str *s)
{
	bool quoted = take(s, '<');
	size_t n = 0;

	while (n < s->n && (quoted ? s->p[n] != '>' : is_letter(s->p[n])))
		n++;
	*s = (struct str){s->p + n, s->n - n};
	return n > 0 && (!quoted || take(s, '>')) ? 0 : ERR_SYNTAX;
}

static int
take_day(struct str *s, struct turn *ret)
{
	if (take(s, 'J')) {
		ret->kind = JULIAN;
		return take_number(s, 365, &ret->day);
	}
	if (!take(s, 'M')) {
		ret->kind = DAY_OF_YEAR;
		return take_number(s, 365, &ret->day);
	}
	ret->kind = MONTH_WEEK_DAY;
	if (take_number(s, 12, &ret->month) < 0 || !take(s, '.') ||
		take_number(s, 5, &ret->week) < 0 || !take(s, '.') ||
		take_number(s, 6, &ret->day) < 0 || ret->month < 1 || ret->week < 1)
		return ERR_SYNTAX;
	return 0;
}

static int
take_turn(struct str *s, struct turn *ret)
{
	if (!take(s, ',') || take_day(s, ret) < 0)
		return ERR_SYNTAX;
	ret->time_s = INT64_C(2) * HOUR_S;
	return take(s, '/') ? take_time(s, &ret->time_s) : 0;
}

/* Offsets are those to add to local time: the other way round than ours. */
static int
read_rule(struct str s, struct rule *ret)
{
	*ret = (struct rule){0};
	if (skip_name(&s) < 0 || take_time(&s, &ret->winter) < 0)
		return ERR_SYNTAX;
	ret->winter = -ret->winter;
	ret->changes = s.n > 0;
	if (!ret->changes)
		return 0;
	if (skip_name(&s) < 0)
		return ERR_SYNTAX;
	ret->summer = ret->winter + HOUR_S;
	if (s.n > 0 && s.p[0] != ',') {
		if (take_time(&s, &ret->summer) < 0)
			return ERR_SYNTAX;
		ret->summer = -ret->summer;
	}
	if (take_turn(&s, &ret->begins) < 0 || take_turn(&s, &ret->ends) < 0)
		return ERR_SYNTAX;
	return s.n == 0 ? 0 : ERR_SYNTAX;
}

/* --- years ------------------------------------------------------------------ */

static bool
is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970 to 1 January of a year. */
static int64_t
year_begins(int64_t year)
{
	int64_t y = year - 1;

	return 365 * (year - 1970) + (y / 4 - y / 100 + y / 400) - 477;
}

static int64_t
month_begins(int64_t year, int64_t month)
{
	static const int before[] = {
		0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

	return year_begins(year) + before[month - 1] + (month > 2 && is_leap(year));
}

/* The week-th such weekday of the month; the 5th is the last. */
static int64_t
month_week_day(int64_t year, const struct turn *t)
{
	int64_t first = month_begins(year, t->month);
	int64_t next = t->month < 12 ? month_begins(year, t->month + 1)
				     : year_begins(year + 1);
	int64_t weekday = (first + 4) % 7; /* 1 January 1970 was a Thursday */
	int64_t day = first + (t->day - weekday + 7) % 7 + (t->week - 1) * 7;

	return day < next ? day : day - 7;
}

static int64_t
day_of(int64_t year, const struct turn *t)
{
	switch (t->kind) {
	case MONTH_WEEK_DAY:
		return month_week_day(year, t);
	case JULIAN: /* counts no 29 February */
		return year_begins(year) + t->day - 1 + (is_leap(year) && t->day >= 60);
	case DAY_OF_YEAR:
		break;
	}
	return year_begins(year) + t->day;
}

static int64_t
moment(int64_t year, const struct turn *t, int64_t offset)
{
	return day_of(year, t) * DAY_S + t->time_s - offset;
}

static void
add_after(struct zone_changes *c, int64_t from, int64_t at, int64_t offset)
{
	if (at > from)
		zone_add(c, at, offset);
}

int
zone_rule_add(struct zone_changes *c, struct str rule, int64_t from)
{
	struct rule r;

	if (read_rule(rule, &r) < 0)
		return ERR_SYNTAX;
	if (!r.changes) {
		zone_add(c, from, r.winter);
		return 0;
	}
	int64_t year = 1970 + from / ((int64_t)366 * DAY_S); /* or one before */
	for (; year <= LAST_YEAR; year++) {
		int64_t begins = moment(year, &r.begins, r.winter);
		int64_t ends = moment(year, &r.ends, r.summer);

		if (begins < ends)
			add_after(c, from, begins, r.summer);
		add_after(c, from, ends, r.winter);
		if (begins >= ends)
			add_after(c, from, begins, r.summer);
	}
	return 0;
}
