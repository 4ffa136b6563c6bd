/* SPDX-License-Identifier: MIT */
/* http1.c: HTTP/1.1 requests as bytes, read strictly.
 *
 * A head goes through http1_head() line by line: request_line(), then
 * field_line() for each field, then head_check() for what only the whole shows
 * (which framing, how many Hosts).  A line is judged when its LF is there, so
 * the verdict can't depend on how the bytes were cut.
 *
 * A body of known length is counted down.  A chunked one is a machine over
 * bytes, so that no framing ever needs to be kept:
 *
 *   SIZE -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF -> SIZE
 *                  \-> TRAILER -> NAME -> VALUE -> VALUE_LF -> TRAILER
 *                             \-> LAST_LF -> OVER
 *
 * Chunk extensions are refused: nobody sends them, and readers differ about
 * where they end. */
#include "codec/http1.h"

#include <assert.h>
#include <stddef.h>

enum {
	SIZE,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER,
	NAME,
	VALUE,
	VALUE_LF,
	LAST_LF,
	OVER
};

enum {
	SIZE_DIGITS_MAX = 8,    /* 4 GiB: above every limit of ours, and no overflow */
	LENGTH_DIGITS_MAX = 18, /* fits 63 bits; longer is too large for anyone */
};

/* Which bytes may stand where: in a token (RFC 9110 5.6.2), in a target (visible
 * ASCII but '#'), in a field value (also blanks and what is not ASCII), in a
 * Host (reg-name, address or port; no comma, which joins two). */
enum { IN_TOKEN = 1, IN_TARGET = 2, IN_VALUE = 4, IN_HOST = 8, IN_ALL = 15 };

/* clang-format off */
static const uint8_t class_of[256] = {
	['\t']          = IN_VALUE,
	[' ']           = IN_VALUE,
	['!']           = IN_ALL,
	['"']           = IN_TARGET | IN_VALUE,
	['#']           = IN_TOKEN | IN_VALUE,
	['$' ... '\'']  = IN_ALL,
	['(' ... ')']   = IN_TARGET | IN_VALUE | IN_HOST,
	['*' ... '+']   = IN_ALL,
	[',']           = IN_TARGET | IN_VALUE,
	['-' ... '.']   = IN_ALL,
	['/']           = IN_TARGET | IN_VALUE,
	['0' ... '9']   = IN_ALL,
	[':' ... ';']   = IN_TARGET | IN_VALUE | IN_HOST,
	['<']           = IN_TARGET | IN_VALUE,
	['=']           = IN_TARGET | IN_VALUE | IN_HOST,
	['>' ... '@']   = IN_TARGET | IN_VALUE,
	['A' ... 'Z']   = IN_ALL,
	['[']           = IN_TARGET | IN_VALUE | IN_HOST,
	['\\']          = IN_TARGET | IN_VALUE,
	[']']           = IN_TARGET | IN_VALUE | IN_HOST,
	['^']           = IN_TOKEN | IN_TARGET | IN_VALUE,
	['_']           = IN_ALL,
	['`']           = IN_TOKEN | IN_TARGET | IN_VALUE,
	['a' ... 'z']   = IN_ALL,
	['{']           = IN_TARGET | IN_VALUE,
	['|']           = IN_TOKEN | IN_TARGET | IN_VALUE,
	['}']           = IN_TARGET | IN_VALUE,
	['~']           = IN_ALL,
	[0x80 ... 0xff] = IN_VALUE,
};
/* clang-format on */

static bool
is_in(char c, unsigned class)
{
	return class_of[(unsigned char)c] & class;
}

/* How many bytes at the front of s are of a class. */
static size_t
span(struct str s, unsigned class)
{
	size_t n = 0;

	while (n < s.n && is_in(s.p[n], class))
		n++;
	return n;
}

static struct http1_span
place(const char *head, struct str s)
{
	return (struct http1_span){(uint16_t)(s.p - head), (uint16_t)s.n};
}

void
http1_init(struct http1 *p)
{
	memset(p, 0, offsetof(struct http1, fields));
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
take_version(struct http1 *p, struct str v)
{
	bool shaped = v.n == 8 && str_starts(v, STR("HTTP/")) && is_digit(v.p[5]) &&
		      v.p[6] == '.' && is_digit(v.p[7]);

	if (!shaped)
		return -HTTP1_REQUEST_LINE;
	if (v.p[5] != '1' || v.p[7] > '1')
		return -HTTP1_VERSION;
	p->old = v.p[7] == '0';
	p->keep_alive = !p->old;
	return 0;
}

static int
take_target(struct http1 *p, const char *head, struct str target)
{
	if (target.p[0] != '/' || span(target, IN_TARGET) != target.n)
		return -HTTP1_TARGET;

	struct str query = target;
	p->path = place(head, str_cut(&query, '?'));
	p->has_query = query.p != NULL;
	if (p->has_query)
		p->query = place(head, query);
	return 0;
}

static int
request_line(struct http1 *p, const char *head, struct str line)
{
	struct str rest = line;
	struct str method = str_cut(&rest, ' ');
	struct str target = str_cut(&rest, ' ');

	if (method.n == 0 || span(method, IN_TOKEN) != method.n || target.n == 0)
		return -HTTP1_REQUEST_LINE;

	int r = take_version(p, rest);
	if (r < 0)
		return r;
	if (str_eqz(method, "CONNECT"))
		return -HTTP1_TARGET;
	p->method = place(head, method);
	return take_target(p, head, target);
}

static int
take_host(struct http1 *p, struct str value)
{
	p->hosts++;
	p->host_odd |= value.n == 0 || span(value, IN_HOST) != value.n;
	return 0;
}

static int
take_length(struct http1 *p, struct str value)
{
	if (p->has_length)
		return -HTTP1_LENGTH_TWICE;
	p->has_length = true;
	for (size_t i = 0; i < value.n; i++)
		if (!is_digit(value.p[i]))
			return -HTTP1_LENGTH;
	if (value.n == 0)
		return -HTTP1_LENGTH;
	if (value.n > LENGTH_DIGITS_MAX)
		return -HTTP1_BODY_LARGE;
	for (size_t i = 0; i < value.n; i++)
		p->length = p->length * 10 + (uint64_t)(value.p[i] - '0');
	return 0;
}

static int
take_coding(struct http1 *p, struct str value)
{
	p->codings++;
	p->coding_odd |= !str_ieq(value, STR("chunked"));
	return 0;
}

static int
take_connection(struct http1 *p, struct str value)
{
	while (value.p)
		if (str_ieq(str_trim(str_cut(&value, ',')), STR("close")))
			p->keep_alive = false;
	return 0;
}

static int
take_expect(struct http1 *p, struct str value)
{
	p->wants_continue = true;
	p->expect_odd |= !str_ieq(value, STR("100-continue"));
	return 0;
}

/* The fields that mean something to this file; all others are only kept. */
static int
known_field(struct http1 *p, struct str name, struct str value)
{
	static const struct {
		struct str name;
		int (*take)(struct http1 *, struct str);
	} known[] = {
		{STR("Host"), take_host},
		{STR("Content-Length"), take_length},
		{STR("Transfer-Encoding"), take_coding},
		{STR("Connection"), take_connection},
		{STR("Expect"), take_expect},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_ieq(name, known[i].name))
			return known[i].take(p, value);
	return 0;
}

static int
field_line(struct http1 *p, const char *head, struct str line)
{
	if (line.p[0] == ' ' || line.p[0] == '\t')
		return -HTTP1_FOLD;

	struct str name = {line.p, span(line, IN_TOKEN)};
	if (name.n == 0 || name.n == line.n || line.p[name.n] != ':')
		return -HTTP1_NAME;

	struct str value = {line.p + name.n + 1, line.n - name.n - 1};
	if (span(value, IN_VALUE) != value.n)
		return -HTTP1_VALUE;
	value = str_trim(value);
	if (p->field_count == HTTP1_FIELDS_MAX)
		return -HTTP1_FIELDS_MANY;
	p->fields[p->field_count++] =
		(struct http1_field){place(head, name), place(head, value)};
	return known_field(p, name, value);
}

/* What can be judged only when all fields are there. */
static int
head_check(struct http1 *p)
{
	if (p->hosts > 1 || (p->hosts == 0 && !p->old) || p->host_odd)
		return -HTTP1_HOST;
	if (p->codings > 0 && p->old)
		return -HTTP1_CODING_OLD;
	if (p->codings > 0 && p->has_length)
		return -HTTP1_LENGTH_AND_CODING;
	if (p->codings > 1 || p->coding_odd)
		return -HTTP1_CODING;
	if (p->old) /* RFC 9110 10.1.1: an expectation from there is ignored */
		p->wants_continue = false;
	else if (p->expect_odd)
		return -HTTP1_EXPECT;

	p->chunked = p->codings > 0;
	p->left = p->length;
	p->body_max = UINT64_MAX;
	return HTTP1_DONE;
}

/* One line, without its CR LF. */
static int
head_line(struct http1 *p, const char *head, struct str line)
{
	bool first = p->method.n == 0;

	if (line.n == 0 && first)
		/* One empty line before a request: old clients end a body so. */
		return p->line == 0 ? HTTP1_MORE : -HTTP1_REQUEST_LINE;
	if (line.n == 0)
		return head_check(p);
	return first ? request_line(p, head, line) : field_line(p, head, line);
}

/* Too long, seen at byte `end`; a line's own limit comes first. */
static int
head_room(const struct http1 *p, size_t end)
{
	if (p->method.n == 0 && end - p->line > HTTP1_LINE_MAX)
		return -HTTP1_TARGET_LONG;
	return end > HTTP1_HEAD_MAX ? -HTTP1_HEAD_LARGE : 0;
}

int
http1_head(struct http1 *p, struct str in)
{
	int r = HTTP1_MORE;

	while (r == HTTP1_MORE) {
		size_t unseen = in.n - p->scanned;
		const char *lf =
			unseen ? memchr(in.p + p->scanned, '\n', unseen) : NULL;
		size_t end = lf ? (size_t)(lf + 1 - in.p) : in.n;

		r = head_room(p, end);
		if (r < 0 || !lf) {
			p->scanned = (uint32_t)end;
			break;
		}
		if (end - p->line < 2 || lf[-1] != '\r')
			return -HTTP1_LINE_END;
		r = head_line(p, in.p, (struct str){in.p + p->line, end - p->line - 2});
		p->line = p->scanned = (uint32_t)end;
	}
	p->head_len = p->line;
	return r;
}

int
http1_limit(struct http1 *p, uint64_t body_max)
{
	p->body_max = body_max;
	return p->length > body_max ? -HTTP1_BODY_LARGE : 0;
}

/* One byte of a chunk's size, and what follows the size. */
static int
size_byte(struct http1 *p, char c)
{
	int digit = str_hex_digit(c);

	if (digit >= 0 && p->digits < SIZE_DIGITS_MAX) {
		p->left = p->left * 16 + (uint64_t)digit;
		p->digits++;
		return 0;
	}
	if (c != '\r' || p->digits == 0)
		return -HTTP1_CHUNK;
	p->part = SIZE_LF;
	return 0;
}

static int
size_end(struct http1 *p, char c)
{
	if (c != '\n')
		return -HTTP1_CHUNK;
	if (p->left > p->body_max - p->got)
		return -HTTP1_BODY_LARGE;
	p->part = p->left > 0 ? DATA : TRAILER;
	p->digits = 0;
	return 0;
}

/* One byte after the last chunk.  Trailers are checked like fields and dropped:
 * nothing here may be changed by what comes after the body. */
static int
trailer_byte(struct http1 *p, char c)
{
	if (++p->trailer > HTTP1_TRAILER_MAX)
		return -HTTP1_TRAILER_LARGE;
	if (p->part == TRAILER && c == '\r')
		p->part = LAST_LF;
	else if (p->part == LAST_LF && c == '\n')
		p->part = OVER;
	else if ((p->part == TRAILER || p->part == NAME) && is_in(c, IN_TOKEN))
		p->part = NAME;
	else if (p->part == NAME && c == ':')
		p->part = VALUE;
	else if (p->part == VALUE && c == '\r')
		p->part = VALUE_LF;
	else if (p->part == VALUE_LF && c == '\n')
		p->part = TRAILER;
	else if (p->part != VALUE || !is_in(c, IN_VALUE))
		return -HTTP1_TRAILER;
	return 0;
}

static int
chunk_byte(struct http1 *p, char c)
{
	switch (p->part) {
	case SIZE:
		return size_byte(p, c);
	case SIZE_LF:
		return size_end(p, c);
	case DATA_CR:
		p->part = DATA_LF;
		return c == '\r' ? 0 : -HTTP1_CHUNK;
	case DATA_LF:
		p->part = SIZE;
		return c == '\n' ? 0 : -HTTP1_CHUNK;
	default:
		return trailer_byte(p, c);
	}
}

/* Takes what is there of the `left` bytes that are the body's own. */
static int
body_piece(struct http1 *p, struct str *in, struct str *ret_piece)
{
	size_t n = in->n < p->left ? in->n : (size_t)p->left;

	if (n == 0)
		return HTTP1_MORE;
	*ret_piece = (struct str){in->p, n};
	in->p += n;
	in->n -= n;
	p->left -= n;
	p->got += n;
	return HTTP1_PIECE;
}

static int
body_chunked(struct http1 *p, struct str *in, struct str *ret_piece)
{
	while (p->part != OVER) {
		if (p->part == DATA && p->left > 0)
			return body_piece(p, in, ret_piece);
		if (p->part == DATA)
			p->part = DATA_CR;
		if (in->n == 0)
			return HTTP1_MORE;

		int r = chunk_byte(p, *in->p);
		if (r < 0)
			return r;
		in->p++;
		in->n--;
	}
	return HTTP1_DONE;
}

int
http1_body(struct http1 *p, struct str *in, struct str *ret_piece)
{
	if (p->chunked)
		return body_chunked(p, in, ret_piece);
	return p->left == 0 ? HTTP1_DONE : body_piece(p, in, ret_piece);
}

static const struct {
	int status;
	const char *text;
} errors[] = {
#define HTTP1_ROW_(name, status, text) [name] = {status, text},
	HTTP1_ERR_MAP(HTTP1_ROW_)
#undef HTTP1_ROW_
};

int
http1_status(int err)
{
	assert(err < 0 && err > -HTTP1_ERR_LAST_);
	return errors[-err].status;
}

const char *
http1_text(int err)
{
	assert(err < 0 && err > -HTTP1_ERR_LAST_);
	return errors[-err].text;
}
