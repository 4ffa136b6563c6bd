/* SPDX-License-Identifier: MIT */
/* json.c: strict JSON, read in one pass.
 *
 *   json_enter --> json_key --> (a value) --> json_more --+--> false: closed
 *                     ^                                   |
 *                     +-----------------------------------+ true
 *
 * Every byte is looked at once; almost all of them are plain string bytes, so
 * those go eight at a time (plain_end).  An error makes the rest of the text
 * vanish (json_fail): all loops then end by themselves.
 *
 * Nesting is counted where it is opened, so the two recursive readers here
 * (skip_value, parse_value) are bounded by JSON_DEPTH_MAX. */
#include "codec/json.h"

#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "codec/val.h"

/* Compared by address: these two are limits, all others are syntax. */
static const char too_deep[] = "nested too deep";
static const char too_many[] = "too many values";

static const char cut_off[] = "ends too early";

void
json_init(struct json *j, struct str text)
{
	const char *p = text.p ? text.p : "";

	*j = (struct json){
		.at = p, .end = p + text.n, .start = p, .values_left = SIZE_MAX};
}

void
json_fail(struct json *j, const char *what)
{
	if (j->err)
		return;
	j->err = what;
	j->end = j->at;
}

/* count is called for each value and key, where it begins. */
static inline void
count(struct json *j)
{
	if (j->values_left == 0)
		json_fail(j, too_many);
	else
		j->values_left--;
}

static inline void
skip_blanks(struct json *j)
{
	const char *p = j->at;

	while (p < j->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	j->at = p;
}

/* expect passes the byte c, blanks before it too. */
static inline bool
expect(struct json *j, char c, const char *missing)
{
	skip_blanks(j);
	if (j->at == j->end || *j->at != c) {
		json_fail(j, j->at == j->end ? cut_off : missing);
		return false;
	}
	j->at++;
	return true;
}

/* clang-format off */
static const bool starts_value[256] = {
	['{'] = true, ['['] = true, ['"'] = true, ['t'] = true, ['f'] = true, ['n'] = true,
	['-'] = true, ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true,
	['5'] = true, ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true,
};
/* clang-format on */

char
json_peek(struct json *j)
{
	skip_blanks(j);
	if (j->at == j->end) {
		json_fail(j, cut_off);
		return 0;
	}
	if (!starts_value[(uint8_t)*j->at]) {
		json_fail(j, "no value");
		return 0;
	}
	return *j->at;
}

bool
json_enter(struct json *j, char open)
{
	char close = (char)(open + 2); /* in ASCII, for both kinds of brackets */

	count(j);
	if (!expect(j, open, open == '{' ? "no object" : "no array"))
		return false;
	if (j->depth == JSON_DEPTH_MAX) {
		json_fail(j, too_deep);
		return false;
	}
	skip_blanks(j);
	if (j->at < j->end && *j->at == close) {
		j->at++;
		return false;
	}
	j->depth++;
	return true;
}

bool
json_more(struct json *j, char close)
{
	skip_blanks(j);
	if (j->at < j->end && *j->at == ',') {
		j->at++;
		return true; /* a value must follow; "]" is none */
	}
	if (expect(j, close, "no comma and no closing bracket"))
		j->depth--;
	return false;
}

struct str
json_key(struct json *j)
{
	bool escaped;
	struct str key = json_read_string(j, &escaped);

	if (!expect(j, ':', "no colon"))
		return (struct str){0};
	return key;
}

/* --- strings -------------------------------------------------------------- */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* odd_bytes sets the high bit of each byte below 0x20, of quotes, backslashes
 * and non-ASCII.  A borrow may set it in a byte above a true one, never below:
 * the lowest bit is exact, and the only one used. */
static inline uint64_t
odd_bytes(uint64_t w)
{
	uint64_t control = w - EACH(0x20);
	uint64_t quote = (w ^ EACH('"')) - EACH(1);
	uint64_t backslash = (w ^ EACH('\\')) - EACH(1);

	return (control | quote | backslash | w) & EACH(0x80);
}

/* plain_end returns the first byte that needs a look, or end. */
static inline const char *
plain_end(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		uint64_t w;

		memcpy(&w, p, 8);
		uint64_t odd = odd_bytes(le64toh(w));
		if (odd)
			return p + __builtin_ctzll(odd) / 8;
	}
	for (; p < end; p++)
		if ((uint8_t)*p < 0x20 || (uint8_t)*p >= 0x80 || *p == '"' ||
			*p == '\\')
			break;
	return p;
}

static void
pass_escape(struct json *j)
{
	static const char bad[] = "bad escape";
	size_t left = (size_t)(j->end - j->at);

	if (left < 2) {
		json_fail(j, cut_off);
		return;
	}
	if (j->at[1] != 'u') {
		if (j->at[1] && strchr("\"\\/bfnrt", j->at[1]))
			j->at += 2;
		else
			json_fail(j, bad);
		return;
	}
	for (size_t i = 2; i < 6; i++) {
		if (i >= left || str_hex_digit(j->at[i]) < 0) {
			json_fail(j, bad);
			return;
		}
	}
	j->at += 6;
}

/* pass_wide passes characters beyond ASCII: they rarely come alone. */
static void
pass_wide(struct json *j)
{
	do {
		size_t n = utf8_len(j->at, j->end);

		if (n == 0) {
			json_fail(j, "not UTF-8");
			return;
		}
		j->at += n;
	} while (j->at < j->end && (uint8_t)*j->at >= 0x80);
}

struct str
json_read_string(struct json *j, bool *ret_escaped)
{
	*ret_escaped = false;
	count(j);
	if (!expect(j, '"', "no string"))
		return (struct str){0};

	const char *start = j->at;
	for (;;) {
		j->at = plain_end(j->at, j->end);
		if (j->at == j->end) {
			json_fail(j, cut_off);
			return (struct str){0};
		}
		if (*j->at == '"')
			break;
		if (*j->at == '\\') {
			*ret_escaped = true;
			pass_escape(j);
		} else if ((uint8_t)*j->at < 0x20) {
			json_fail(j, "control byte in a string");
		} else {
			pass_wide(j);
		}
	}
	j->at++;
	return (struct str){start, (size_t)(j->at - 1 - start)};
}

static uint32_t
hex4(const char *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 4 | (uint32_t)str_hex_digit(p[i]);
	return v;
}

static char *
put_wtf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 63));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 63));
		*to++ = (char)(0x80 | (c & 63));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 63));
		*to++ = (char)(0x80 | (c >> 6 & 63));
		*to++ = (char)(0x80 | (c & 63));
	}
	return to;
}

/* escaped_char decodes the escape at *p and the low surrogate that may belong
 * to it, and moves *p behind them. */
static uint32_t
escaped_char(const char **p, const char *end)
{
	static const char letters[] = "bfnrt", means[] = "\b\f\n\r\t";
	const char *at = *p;

	if (at[1] != 'u') {
		const char *letter = strchr(letters, at[1]);

		*p = at + 2;
		return (uint8_t)(letter ? means[letter - letters] : at[1]);
	}

	uint32_t high = hex4(at + 2);
	*p = at + 6;
	if (high < 0xd800 || high > 0xdbff || end - at < 12 || at[6] != '\\' ||
		at[7] != 'u')
		return high;
	uint32_t low = hex4(at + 8);
	if (low < 0xdc00 || low > 0xdfff)
		return high;
	*p = at + 12;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

size_t
json_unescape_to(char *to, struct str raw)
{
	char *w = to;

	if (raw.n == 0)
		return 0; /* after an error raw is absent */
	for (const char *p = raw.p, *end = p + raw.n; p < end;) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		size_t plain = (size_t)((slash ? slash : end) - p);

		memcpy(w, p, plain);
		w += plain;
		p += plain;
		if (slash)
			w = put_wtf8(w, escaped_char(&p, end));
	}
	return (size_t)(w - to);
}

struct str
json_unescape(struct arena *a, struct str raw)
{
	if (!raw.p)
		return raw;

	char *p = arena_alloc(a, raw.n + 1);
	size_t n = json_unescape_to(p, raw);
	p[n] = '\0';
	return (struct str){p, n};
}

struct str
json_text(struct arena *a, struct str raw)
{
	if (raw.n == 0 || !memchr(raw.p, '\\', raw.n))
		return raw;
	return json_unescape(a, raw);
}

/* --- other values --------------------------------------------------------- */

/* pass_digits passes one digit or more. */
static void
pass_digits(struct json *j)
{
	const char *p = j->at;

	while (p < j->end && *p >= '0' && *p <= '9')
		p++;
	if (p == j->at)
		json_fail(j, "no digit");
	j->at = p;
}

static bool
pass_one_of(struct json *j, char a, char b)
{
	if (j->at == j->end || (*j->at != a && *j->at != b))
		return false;
	j->at++;
	return true;
}

struct str
json_read_number(struct json *j, bool *ret_integer)
{
	*ret_integer = true;
	count(j);
	skip_blanks(j);

	const char *start = j->at;
	pass_one_of(j, '-', '-');
	if (!pass_one_of(j, '0', '0')) /* no digit may follow a leading zero */
		pass_digits(j);
	if (pass_one_of(j, '.', '.')) {
		*ret_integer = false;
		pass_digits(j);
	}
	if (pass_one_of(j, 'e', 'E')) {
		*ret_integer = false;
		pass_one_of(j, '+', '-');
		pass_digits(j);
	}
	if (j->err)
		return (struct str){0};
	return (struct str){start, (size_t)(j->at - start)};
}

char
json_read_literal(struct json *j)
{
	char first = json_peek(j);
	struct str word = str_of(first == 't'   ? "true"
				 : first == 'f' ? "false"
						: "null");

	if (first == 0)
		return 0;
	count(j);
	if (!str_starts((struct str){j->at, (size_t)(j->end - j->at)}, word)) {
		json_fail(j, "no value");
		return 0;
	}
	j->at += word.n;
	return first;
}

static void
skip_value(struct json *j)
{
	bool ignored;

	switch (json_peek(j)) {
	case 0:
		break;
	case '{':
		for (bool more = json_enter(j, '{'); more; more = json_more(j, '}')) {
			json_key(j);
			skip_value(j);
		}
		break;
	case '[':
		for (bool more = json_enter(j, '['); more; more = json_more(j, ']'))
			skip_value(j);
		break;
	case '"':
		json_read_string(j, &ignored);
		break;
	case 't':
	case 'f':
	case 'n':
		json_read_literal(j);
		break;
	default:
		json_read_number(j, &ignored);
	}
}

struct str
json_skip(struct json *j)
{
	skip_blanks(j);
	const char *start = j->at;

	skip_value(j);
	if (j->err)
		return (struct str){0};
	return (struct str){start, (size_t)(j->at - start)};
}

int
json_end(struct json *j, char err[128])
{
	skip_blanks(j);
	if (j->at < j->end)
		json_fail(j, "more after the end");
	if (!j->err)
		return 0;
	snprintf(err, 128, "%s at byte %zu", j->err, (size_t)(j->at - j->start));
	return j->err == too_deep || j->err == too_many ? ERR_LIMIT : ERR_SYNTAX;
}

/* --- a tree --------------------------------------------------------------- */

struct parser {
	struct json j;
	struct arena *arena;
	struct buf open; /* items of containers not closed yet: struct val * */
};

static struct val *
new_val(struct parser *p, enum val_kind kind)
{
	struct val *v = ARENA_NEW(p->arena, struct val);

	v->kind = kind;
	return v;
}

static void
add_item(struct parser *p, struct val *v)
{
	buf_add(&p->open, &v, sizeof(v));
}

static struct val *
text_val(struct parser *p, struct str raw)
{
	struct val *v = new_val(p, VAL_TEXT);

	v->text = json_unescape(p->arena, raw);
	return v;
}

static struct val *
number_val(struct parser *p)
{
	bool integer;
	struct str text = json_read_number(&p->j, &integer);
	struct val *v = new_val(p, VAL_INT);

	if (integer && str_int(text, &v->integer) == 0)
		return v;
	v->kind = integer ? VAL_BIG : VAL_REAL;
	v->text = arena_str(p->arena, text);
	if (!integer && text.p)
		v->real = strtod(v->text.p, NULL);
	return v;
}

static struct val *parse_value(struct parser *p);

/* parse_items reads a container.  Its items wait in p->open until their number
 * is known. */
static struct val *
parse_items(struct parser *p, char open)
{
	struct val *v = new_val(p, open == '{' ? VAL_DICT : VAL_LIST);
	char close = (char)(open + 2);
	size_t before = buf_len(&p->open);

	for (bool more = json_enter(&p->j, open); more;
		more = json_more(&p->j, close)) {
		if (open == '{')
			add_item(p, text_val(p, json_key(&p->j)));
		add_item(p, parse_value(p));
	}

	size_t bytes = buf_len(&p->open) - before;
	v->items = arena_alloc(p->arena, bytes);
	if (bytes > 0)
		memcpy(v->items, buf_str(&p->open).p + before, bytes);
	buf_truncate(&p->open, before);
	v->count = bytes / sizeof(struct val *) / (open == '{' ? 2 : 1);
	return v;
}

static struct val *
parse_value(struct parser *p)
{
	char first = json_peek(&p->j);
	struct val *v;
	bool escaped;

	switch (first) {
	case '{':
	case '[':
		return parse_items(p, first);
	case '"':
		return text_val(p, json_read_string(&p->j, &escaped));
	case 0: /* an error: the tree is dropped */
	case 'n':
		json_read_literal(&p->j);
		return new_val(p, VAL_NULL);
	case 't':
	case 'f':
		v = new_val(p, VAL_BOOL);
		v->truth = json_read_literal(&p->j) == 't';
		return v;
	default:
		return number_val(p);
	}
}

int
json_parse(struct arena *a, struct str text, size_t nodes_max, struct val **ret,
	char err[128])
{
	struct parser p = {.arena = a};

	json_init(&p.j, text);
	p.j.values_left = nodes_max;
	buf_init(&p.open);
	struct val *v = parse_value(&p);
	buf_done(&p.open);

	int r = json_end(&p.j, err);
	if (r == 0)
		*ret = v;
	return r;
}
