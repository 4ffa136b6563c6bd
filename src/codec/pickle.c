/* SPDX-License-Identifier: MIT */
/* pickle.c: writing pickle, protocol 2.
 *
 * Three ways in: pieces, for a frame built by hand around a value; pickle_json,
 * which turns JSON text into pickle token by token; pickle_val, for a tree.
 * The first two are on the way of every webhook.  Reading is unpickle.c.
 *
 * Both walks recurse as deep as their input, which json.c and the parsers of
 * trees bound. */
#include "codec/pickle.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/bigint.h"
#include "codec/json.h"
#include "codec/val.h"

/* --- pieces --------------------------------------------------------------- */

static char *
put_le32(char *to, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		*to++ = (char)(v >> 8 * i);
	return to;
}

void
pickle_begin(struct buf *out)
{
	buf_adds(out, STR("\x80\x02"));
}

void
pickle_end(struct buf *out)
{
	buf_addc(out, '.');
}

void
pickle_null(struct buf *out)
{
	buf_addc(out, 'N');
}

static void
put_truth(struct buf *out, bool v)
{
	buf_addc(out, v ? '\x88' : '\x89');
}

/* put_long writes LONG1: bytes are two's complement, little endian. */
static void
put_long(struct buf *out, const uint8_t *bytes, size_t n)
{
	buf_addc(out, '\x8a');
	buf_addc(out, (char)n);
	buf_add(out, bytes, n);
}

/* put_int64 writes what has no opcode of its own: five bytes or more. */
static void
put_int64(struct buf *out, int64_t v)
{
	uint8_t bytes[8];
	size_t n = 5;

	/* What is not in n bytes must be copies of the sign: after flipping a negative
	 * one's bits, zeros. */
	uint64_t bits = (uint64_t)v, magnitude = v < 0 ? ~bits : bits;
	while (n < 8 && magnitude >> (8 * n - 1) != 0)
		n++;
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(bits >> 8 * i);
	put_long(out, bytes, n);
}

void
pickle_int(struct buf *out, int64_t v)
{
	char *to = buf_room(out, 5);

	if (v >= 0 && v <= UINT8_MAX) {
		to[0] = 'K';
		to[1] = (char)v;
		buf_grew(out, 2);
	} else if (v >= 0 && v <= UINT16_MAX) {
		to[0] = 'M';
		to[1] = (char)(v & 0xff);
		to[2] = (char)(v >> 8);
		buf_grew(out, 3);
	} else if (v >= INT32_MIN && v <= INT32_MAX) {
		to[0] = 'J';
		put_le32(to + 1, (uint32_t)v);
		buf_grew(out, 5);
	} else {
		put_int64(out, v);
	}
}

static void
put_real(struct buf *out, double d)
{
	char *to = buf_room(out, 9);
	uint64_t bits;

	memcpy(&bits, &d, 8);
	*to++ = 'G';
	for (int shift = 56; shift >= 0; shift -= 8) /* big endian, as nothing else */
		*to++ = (char)(bits >> shift);
	buf_grew(out, 9);
}

void
pickle_text(struct buf *out, struct str s)
{
	assert(s.n <= UINT32_MAX);
	char *to = buf_room(out, s.n + 5);

	*to++ = 'X';
	to = put_le32(to, (uint32_t)s.n);
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	buf_grew(out, s.n + 5);
}

void
pickle_list_open(struct buf *out)
{
	buf_adds(out, STR("]("));
}

void
pickle_list_close(struct buf *out)
{
	buf_addc(out, 'e');
}

void
pickle_dict_open(struct buf *out)
{
	buf_adds(out, STR("}("));
}

void
pickle_dict_close(struct buf *out)
{
	buf_addc(out, 'u');
}

void
pickle_tuple_open(struct buf *out)
{
	buf_addc(out, '(');
}

void
pickle_tuple_close(struct buf *out)
{
	buf_addc(out, 't');
}

void
pickle_tuple_empty(struct buf *out)
{
	buf_addc(out, ')');
}

/* --- from JSON text ------------------------------------------------------- */

/* put_raw writes JSON string bytes.  Their length stands first in a pickle and
 * is known only after decoding. */
static void
put_raw(struct buf *out, struct str raw, bool escaped)
{
	if (!escaped) {
		pickle_text(out, raw);
		return;
	}

	char *to = buf_room(out, raw.n + 5);
	size_t n = json_unescape_to(to + 5, raw);
	*to = 'X';
	put_le32(to + 1, (uint32_t)n);
	buf_grew(out, n + 5);
}

static void
put_key(struct buf *out, struct str raw)
{
	put_raw(out, raw, raw.n > 0 && memchr(raw.p, '\\', raw.n));
}

/* put_digits writes an integer beyond int64_t; false when LONG1 can't say it. */
static bool
put_digits(struct buf *out, struct str digits)
{
	uint8_t bytes[BIGINT_BYTES_MAX];
	size_t n = bigint_bytes(digits, bytes);

	if (n > 0)
		put_long(out, bytes, n);
	return n > 0;
}

/* put_real_text needs a NUL for strtod(): the end of *out has room for one. */
static void
put_real_text(struct buf *out, struct str text)
{
	char *z = buf_room(out, text.n + 1);

	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	put_real(out, strtod(z, NULL));
}

static void
put_number(struct buf *out, struct json *j)
{
	bool integer;
	int64_t v;
	struct str text = json_read_number(j, &integer);

	if (!text.p)
		return; /* an error: json_end() will tell */
	if (integer && str_int(text, &v) == 0)
		pickle_int(out, v);
	else if (!integer || !put_digits(out, text))
		put_real_text(out, text);
}

static void put_json(struct buf *out, struct json *j);

static void
put_array(struct buf *out, struct json *j)
{
	bool more = json_enter(j, '[');

	if (!more) {
		buf_addc(out, ']');
		return;
	}
	pickle_list_open(out);
	for (; more; more = json_more(j, ']'))
		put_json(out, j);
	pickle_list_close(out);
}

static void
put_object(struct buf *out, struct json *j)
{
	bool more = json_enter(j, '{');

	if (!more) {
		buf_addc(out, '}');
		return;
	}
	pickle_dict_open(out);
	for (; more; more = json_more(j, '}')) {
		put_key(out, json_key(j));
		put_json(out, j);
	}
	pickle_dict_close(out);
}

static void
put_json(struct buf *out, struct json *j)
{
	bool escaped;
	struct str raw;

	switch (json_peek(j)) {
	case 0:
		break;
	case '{':
		put_object(out, j);
		break;
	case '[':
		put_array(out, j);
		break;
	case '"':
		raw = json_read_string(j, &escaped);
		put_raw(out, raw, escaped);
		break;
	case 'n':
		json_read_literal(j);
		pickle_null(out);
		break;
	case 't':
	case 'f':
		put_truth(out, json_read_literal(j) == 't');
		break;
	default:
		put_number(out, j);
	}
}

int
pickle_json(struct buf *out, struct str json, size_t nodes_max)
{
	struct json j;
	char err[128];

	if (json.n > UINT32_MAX) /* more than a text's length can say */
		return ERR_LIMIT;
	json_init(&j, json);
	j.values_left = nodes_max;
	put_json(out, &j);
	return json_end(&j, err);
}

/* --- from a tree ---------------------------------------------------------- */

static void
put_list(struct buf *out, const struct val *v)
{
	if (v->count == 0) {
		buf_addc(out, ']');
		return;
	}
	pickle_list_open(out);
	for (size_t i = 0; i < v->count; i++)
		pickle_val(out, v->items[i]);
	pickle_list_close(out);
}

static void
put_dict(struct buf *out, const struct val *v)
{
	if (v->count == 0) {
		buf_addc(out, '}');
		return;
	}
	pickle_dict_open(out);
	for (size_t i = 0; i < 2 * v->count; i++)
		pickle_val(out, v->items[i]);
	pickle_dict_close(out);
}

void
pickle_val(struct buf *out, const struct val *v)
{
	switch (v->kind) {
	case VAL_NULL:
		pickle_null(out);
		break;
	case VAL_BOOL:
		put_truth(out, v->truth);
		break;
	case VAL_INT:
		pickle_int(out, v->integer);
		break;
	case VAL_BIG:
		if (!put_digits(out, v->text))
			put_real_text(out, v->text);
		break;
	case VAL_REAL:
		put_real(out, v->real);
		break;
	case VAL_TEXT:
		pickle_text(out, v->text);
		break;
	case VAL_LIST:
		put_list(out, v);
		break;
	case VAL_DICT:
		put_dict(out, v);
		break;
	}
}
