/* SPDX-License-Identifier: MIT */
/* val.c: look-ups in a tree, and the tree as JSON text.
 *
 * Trees come from json_parse() and pickle_parse(), which bound their depth, or
 * are built by hand: val_json() may recurse. */
#include "codec/val.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/utf8.h"

#define INT_SAFE 9007199254740992.0 /* 2^53: above it a double skips integers */

const struct val *
val_get(const struct val *v, const char *key)
{
	if (!v || v->kind != VAL_DICT)
		return NULL;
	for (size_t i = v->count; i-- > 0;)
		if (str_eqz(v->items[2 * i]->text, key))
			return v->items[2 * i + 1];
	return NULL;
}

const struct val *
val_at(const struct val *v, size_t i)
{
	return v && v->kind == VAL_LIST && i < v->count ? v->items[i] : NULL;
}

struct str
val_text(const struct val *v)
{
	return v && v->kind == VAL_TEXT ? v->text : (struct str){0};
}

double
val_number(const struct val *v)
{
	if (v && v->kind == VAL_INT)
		return (double)v->integer;
	return v && v->kind == VAL_REAL ? v->real : NAN;
}

bool
val_true(const struct val *v)
{
	return v && v->kind == VAL_BOOL && v->truth;
}

/* half reads one of protobuf's two 32-bit halves, signed or not. */
static bool
half(const struct val *v, uint32_t *ret)
{
	if (!v || v->kind != VAL_INT || v->integer < INT32_MIN ||
		v->integer > UINT32_MAX)
		return false;
	*ret = (uint32_t)v->integer;
	return true;
}

static int64_t
int_of_halves(const struct val *v, int64_t otherwise)
{
	uint32_t low, high;

	if (!half(val_get(v, "low"), &low) || !half(val_get(v, "high"), &high))
		return otherwise;
	if (high >> 31 && val_true(val_get(v, "unsigned")))
		return otherwise; /* beyond int64_t */
	return (int64_t)((uint64_t)high << 32 | low);
}

int64_t
val_int(const struct val *v, int64_t otherwise)
{
	int64_t i;

	if (!v)
		return otherwise;
	switch (v->kind) {
	case VAL_INT:
		return v->integer;
	case VAL_TEXT:
		return str_int(v->text, &i) == 0 ? i : otherwise;
	case VAL_REAL:
		return fabs(v->real) < INT_SAFE && v->real == trunc(v->real)
			       ? (int64_t)v->real
			       : otherwise;
	case VAL_DICT:
		return int_of_halves(v, otherwise);
	default:
		return otherwise;
	}
}

/* --- writing -------------------------------------------------------------- */

/* put_odd writes what can't stand in a JSON string as it is, and returns how
 * many bytes of the text that was. */
static size_t
put_odd(struct buf *out, const char *p, const char *end, bool keep_surrogates)
{
	static const char letters[] = "\"\\bfnrt", means[] = "\"\\\b\f\n\r\t";
	uint8_t c = (uint8_t)*p;

	if (c < 0x80) {
		const char *mean = c ? strchr(means, c) : NULL;

		if (mean)
			buf_addf(out, "\\%c", letters[mean - means]);
		else
			buf_addf(out, "\\u%04x", c);
		return 1;
	}
	if (!utf8_surrogate(p, end)) {
		buf_addz(out, "\xef\xbf\xbd"); /* U+FFFD */
		return 1;
	}
	if (keep_surrogates)
		buf_addf(out, "\\u%04x", 0xd000 | (p[1] & 63) << 6 | (p[2] & 63));
	else
		buf_addz(out, "\xef\xbf\xbd");
	return 3;
}

/* as_is returns how many bytes at p are a character that needs no escape. */
static size_t
as_is(const char *p, const char *end)
{
	if ((uint8_t)*p < 0x20 || *p == '"' || *p == '\\')
		return 0;
	return utf8_len(p, end);
}

static void
quote(struct buf *out, struct str s, bool keep_surrogates)
{
	const char *p = s.p ? s.p : "", *end = p + s.n;

	buf_addc(out, '"');
	while (p < end) {
		const char *run = p;
		size_t n = 0;

		while (p < end && (n = as_is(p, end)) > 0)
			p += n;
		buf_add(out, run, (size_t)(p - run));
		if (p < end)
			p += put_odd(out, p, end, keep_surrogates);
	}
	buf_addc(out, '"');
}

void
json_quote(struct buf *out, struct str s)
{
	quote(out, s, false);
}

void
json_member(struct buf *out, const char *name, struct str s)
{
	buf_addf(out, ",\"%s\":", name);
	if (s.p)
		json_quote(out, s);
	else
		buf_addz(out, "null");
}

/* put_real writes the shortest text that reads back, with a fraction or an
 * exponent so that it stays a REAL. */
static void
put_real(struct buf *out, double d)
{
	char text[40];

	if (isnan(d)) {
		buf_addz(out, "null"); /* JSON has no word for it */
		return;
	}
	if (isinf(d)) {
		buf_addz(out, d < 0 ? "-1e999" : "1e999");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	buf_addz(out, text);
	if (!strpbrk(text, ".e"))
		buf_addz(out, ".0");
}

static void
put_items(struct buf *out, const struct val *v)
{
	bool dict = v->kind == VAL_DICT;

	buf_addc(out, dict ? '{' : '[');
	for (size_t i = 0; i < v->count; i++) {
		if (i > 0)
			buf_addc(out, ',');
		if (dict) {
			val_json(out, v->items[2 * i]);
			buf_addc(out, ':');
		}
		val_json(out, v->items[dict ? 2 * i + 1 : i]);
	}
	buf_addc(out, dict ? '}' : ']');
}

void
val_json(struct buf *out, const struct val *v)
{
	switch (v->kind) {
	case VAL_NULL:
		buf_addz(out, "null");
		break;
	case VAL_BOOL:
		buf_addz(out, v->truth ? "true" : "false");
		break;
	case VAL_INT:
		buf_addf(out, "%" PRId64, v->integer);
		break;
	case VAL_BIG:
		buf_adds(out, v->text);
		break;
	case VAL_REAL:
		if (v->text.p)
			buf_adds(out, v->text);
		else
			put_real(out, v->real);
		break;
	case VAL_TEXT:
		quote(out, v->text, true);
		break;
	case VAL_LIST:
	case VAL_DICT:
		put_items(out, v);
		break;
	}
}
