/* SPDX-License-Identifier: MIT */
/* str.c: what one does with a slice of bytes. */
#include "base/str.h"

#include <errno.h>
#include <strings.h>

bool
str_ieq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str
str_trim(struct str s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str
str_cut(struct str *s, char sep)
{
	struct str head = *s;
	const char *at = s->n ? memchr(s->p, sep, s->n) : NULL;

	if (!at) {
		*s = (struct str){NULL, 0};
		return head;
	}
	head.n = (size_t)(at - s->p);
	s->p = at + 1;
	s->n -= head.n + 1;
	return head;
}

bool
str_next(struct str *list, struct str *ret)
{
	while (list->p) {
		struct str s = str_trim(str_cut(list, ','));

		if (s.n == 0)
			continue;
		*ret = s;
		return true;
	}
	return false;
}

bool
str_lists(struct str list, struct str one)
{
	struct str each;

	while (str_next(&list, &each))
		if (str_eq(each, one))
			return true;
	return false;
}

bool
str_is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

int
str_int(struct str s, int64_t *ret)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	int64_t v = 0;

	if (s.n == (size_t)negative)
		return -EINVAL;
	for (size_t i = negative; i < s.n; i++) {
		int digit = s.p[i] - '0';

		if (digit < 0 || digit > 9)
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v))
			return -ERANGE;
		if (__builtin_sub_overflow(v, digit, &v)) /* downwards: reaches MIN */
			return -ERANGE;
	}
	if (!negative && __builtin_sub_overflow((int64_t)0, v, &v))
		return -ERANGE;
	*ret = v;
	return 0;
}
