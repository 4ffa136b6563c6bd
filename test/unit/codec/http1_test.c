/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "codec/http1.h"

#define POST "POST /w HTTP/1.1\r\nHost: a\r\n"

/* Reads all of the requests in `bytes`, offered in pieces of `step`.  Returns the
 * status of the error, or 0; bodies joined by '|' in out. */
static int
read_all(struct str bytes, size_t step, uint64_t body_max, struct buf *out)
{
	static struct http1 p;
	size_t from = 0, have = 0;
	bool in_body = false;

	http1_init(&p);
	buf_clear(out, 1 << 16);
	for (;;) {
		struct str in = {bytes.p + from, have - from}, piece = {NULL, 0};
		int r;

		if (!in_body) {
			r = http1_head(&p, in);
			if (r == HTTP1_DONE) {
				from += p.head_len;
				in_body = true;
				r = http1_limit(&p, body_max);
				if (r < 0)
					return http1_status(r);
				continue;
			}
		} else {
			size_t before = in.n;
			r = http1_body(&p, &in, &piece);
			from += before - in.n;
			if (r == HTTP1_PIECE) {
				buf_adds(out, piece);
				continue;
			}
			if (r == HTTP1_DONE) {
				buf_addc(out, '|');
				http1_init(&p);
				in_body = false;
				continue;
			}
		}
		if (r < 0)
			return http1_status(r);
		if (have == bytes.n)
			return in_body || from < bytes.n ? -1
							 : 0; /* -1: more was awaited */
		have = have + step < bytes.n ? have + step : bytes.n;
	}
}

static const struct {
	const char *name, *bytes;
	int status; /* 0: good; -1: more is awaited */
	const char *bodies;
} shapes[] = {
	{"a GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, "|"},
	{"with a query", "GET /a?b=c&d HTTP/1.1\r\nHost: a:80\r\n\r\n", 0, "|"},
	{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 0, "|"},
	{"a body", POST "Content-Length: 3\r\n\r\nabc", 0, "abc|"},
	{"an empty body", POST "Content-Length: 0\r\n\r\n", 0, "|"},
	{"chunks",
		POST
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
		0, "abcde|"},
	{"chunks in capitals",
		POST "TRANSFER-ENCODING: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
		0, "0123456789|"},
	{"chunks with a trailer",
		POST "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n", 0,
		"a|"},
	{"three pipelined",
		POST "Content-Length: 1\r\n\r\na" POST "Content-Length: 1\r\n\r\nb" POST
		     "\r\n",
		0, "a|b||"},
	{"one empty line before", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, "|"},
	{"blanks around a value", "GET / HTTP/1.1\r\nHost: \t a \t\r\n\r\n", 0, "|"},
	{"bytes above ASCII in a value",
		"GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\r\n\r\n", 0, "|"},
	{"a cut head", "GET / HTTP/1.1\r\nHost: a\r\n", -1, ""},
	{"a cut body", POST "Content-Length: 3\r\n\r\nab", -1, "ab"},
	{"two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400,
		""},
	{"bare LF in the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, ""},
	{"bare LF in a field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400, ""},
	{"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400, ""},
	{"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400, ""},
	{"NUL in a value is cut by C, so a DEL",
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n", 400, ""},
	{"no version", "GET /\r\nHost: a\r\n\r\n", 400, ""},
	{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, ""},
	{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, ""},
	{"http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"a blank at the end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, ""},
	{"a tab for a blank", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"a method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"an absolute target", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"an asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"CONNECT", "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"a fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"a byte above ASCII in the target",
		"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"no Host", "GET / HTTP/1.1\r\n\r\n", 400, ""},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, ""},
	{"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, ""},
	{"a Host of two", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, ""},
	{"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, ""},
	{"a folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400, ""},
	{"a blank before the colon", POST "Content-Length : 3\r\n\r\nabc", 400, ""},
	{"a field without a colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400, ""},
	{"an empty name", "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", 400, ""},
	{"length +3", POST "Content-Length: +3\r\n\r\nabc", 400, ""},
	{"length -3", POST "Content-Length: -3\r\n\r\nabc", 400, ""},
	{"length 0x3", POST "Content-Length: 0x3\r\n\r\nabc", 400, ""},
	{"length 3 3", POST "Content-Length: 3 3\r\n\r\nabc", 400, ""},
	{"length 3,3", POST "Content-Length: 3,3\r\n\r\nabc", 400, ""},
	{"an empty length", POST "Content-Length:\r\n\r\n", 400, ""},
	{"a length of 20 digits", POST "Content-Length: 18446744073709551617\r\n\r\n",
		413, ""},
	{"the same length twice",
		POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, ""},
	{"two lengths", POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400,
		""},
	{"length and chunked",
		POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		400, ""},
	{"chunked and length",
		POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
		400, ""},
	{"chunked twice",
		POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: "
		     "chunked\r\n\r\n0\r\n\r\n",
		501, ""},
	{"gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501,
		""},
	{"identity", POST "Transfer-Encoding: identity\r\n\r\n", 501, ""},
	{"xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, ""},
	{"chunked in HTTP/1.0",
		"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
		""},
	{"a chunk size of nothing", POST "Transfer-Encoding: chunked\r\n\r\n\r\nabc",
		400, ""},
	{"a chunk size of no hex", POST "Transfer-Encoding: chunked\r\n\r\ng\r\n", 400,
		""},
	{"a signed chunk size", POST "Transfer-Encoding: chunked\r\n\r\n+1\r\na", 400,
		""},
	{"a chunk size with 0x", POST "Transfer-Encoding: chunked\r\n\r\n0x1\r\na", 400,
		""},
	{"a chunk size of 9 digits",
		POST "Transfer-Encoding: chunked\r\n\r\n000000001\r\na", 400, ""},
	{"a chunk extension",
		POST "Transfer-Encoding: chunked\r\n\r\n1;a=b\r\na\r\n0\r\n\r\n", 400,
		""},
	{"a chunk that ends in LF",
		POST "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", 400, ""},
	{"a chunk longer than it says",
		POST "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 400,
		"a"},
	{"a large chunk", POST "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413,
		""},
	{"chunks that add up",
		POST "Transfer-Encoding: "
		     "chunked\r\n\r\n50\r\n01234567890123456789012345678901234567890123"
		     "456789012345678901234567890123456789\r\n50\r\n",
		413, NULL},
	{"a malformed trailer",
		POST "Transfer-Encoding: chunked\r\n\r\n0\r\nX Y\r\n\r\n", 400, ""},
	{"a body above the limit", POST "Content-Length: 101\r\n\r\n", 413, ""},
	{"another expectation", POST "Content-Length: 1\r\nExpect: more\r\n\r\n", 417,
		""},
	{"an expectation", POST "Content-Length: 1\r\nExpect: 100-Continue\r\n\r\na", 0,
		"a|"},
};

TEST(each_shape_gets_its_answer_however_it_is_cut)
{
	struct buf out;

	buf_init(&out);
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		for (size_t step = 1; step < 40; step += 3) {
			size_t piece = step > 30 ? 4096 : step;
			int status =
				read_all(str_of(shapes[i].bytes), piece, 100, &out);

			if (status != shapes[i].status)
				FAIL("%s in pieces of %zu: %d, not %d", shapes[i].name,
					piece, status, shapes[i].status);
			if (shapes[i].bodies &&
				!str_eqz(buf_str(&out), shapes[i].bodies))
				FAIL("%s: body %.*s", shapes[i].name,
					STR_FMT(buf_str(&out)));
		}
	}
	buf_done(&out);
}

TEST(limits_are_exact)
{
	struct buf in, out;

	buf_init(&in);
	buf_init(&out);
	for (int fields = HTTP1_FIELDS_MAX - 1; fields <= HTTP1_FIELDS_MAX;
		fields++) { /* and Host */
		buf_clear(&in, 1 << 16);
		buf_addz(&in, "GET / HTTP/1.1\r\nHost: a\r\n");
		for (int i = 0; i < fields; i++)
			buf_addf(&in, "X%d: y\r\n", i);
		buf_addz(&in, "\r\n");
		CHECK_INT(read_all(buf_str(&in), 7, 0, &out),
			fields == HTTP1_FIELDS_MAX ? 431 : 0);
	}
	for (int over = 0; over <= 1; over++) {
		buf_clear(&in, 1 << 16);
		buf_addz(&in, "GET /");
		while (buf_len(&in) < (size_t)(HTTP1_LINE_MAX - 11 + over))
			buf_addc(&in, 'a');
		buf_addz(&in, " HTTP/1.1\r\nHost: a\r\n\r\n");
		CHECK_INT(read_all(buf_str(&in), 1000, 0, &out), over ? 414 : 0);
	}
	buf_clear(&in, 1 << 16);
	buf_addz(&in, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	while (buf_len(&in) < HTTP1_HEAD_MAX + 10)
		buf_addc(&in, 'a');
	CHECK_INT(read_all(buf_str(&in), 1000, 0, &out), 431);
	buf_done(&in);
	buf_done(&out);
}

TEST(the_head_is_told_apart)
{
	static struct http1 p;
	static const char bytes[] =
		"POST /a/b?c=d HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, "
		"Close\r\nX-Internal-Secret:  s \r\n\r\n";

	http1_init(&p);
	CHECK_INT(http1_head(&p, STR(bytes)), HTTP1_DONE);
	CHECK_STR(http1_str(bytes, p.method), "POST");
	CHECK_STR(http1_str(bytes, p.path), "/a/b");
	CHECK(p.has_query && !p.keep_alive && !http1_has_body(&p));
	CHECK_STR(http1_str(bytes, p.query), "c=d");
	CHECK_INT(p.field_count, 3);
	CHECK_STR(http1_str(bytes, p.fields[2].value), "s");
	CHECK_INT(p.head_len, sizeof(bytes) - 1);
}

UNIT_MAIN
