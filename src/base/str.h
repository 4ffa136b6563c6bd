/* SPDX-License-Identifier: MIT */
/* str.h: a slice of bytes.
 *
 * A slice borrows: it never owns what it points at, is not terminated, and may
 * hold NUL bytes.  An absent string is the slice with p == NULL; an empty one
 * has p != NULL and n == 0.  Print one with "%.*s", STR_FMT(s). */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/defs.h"

struct str {
	const char *p;
	size_t n;
};

#define STR(lit)   ((struct str){(lit), sizeof(lit) - 1})
#define STR_FMT(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str
str_of(const char *z)
{
	return (struct str){z, z ? strlen(z) : 0};
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
str_eqz(struct str a, const char *z)
{
	return str_eq(a, str_of(z));
}

static inline bool
str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

static inline bool
str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0;
}

/* str_ieq compares ASCII without regard to case. */
bool str_ieq(struct str a, struct str b);

/* str_trim drops blanks and line ends on both sides. */
struct str str_trim(struct str s);

/* str_cut splits at the first sep: *s becomes what follows it (absent when
 * there was no sep) and what stood before it is returned. */
struct str str_cut(struct str *s, char sep);

/* str_next takes the next of a comma separated list, blanks around it and empty ones
 * left out; false when there is none. */
bool str_next(struct str *list, struct str *ret);

/* str_lists says whether `one` is among them. */
bool str_lists(struct str list, struct str one);

/* str_is_number says whether s is digits only, at least one. */
bool str_is_number(struct str s);

/* str_hex_digit returns 0 to 15, or -1. */
static inline int
str_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* str_int reads a whole decimal number; -EINVAL for anything else, -ERANGE
 * when it does not fit. */
int str_int(struct str s, int64_t *ret) MUSTCHECK;

#endif
