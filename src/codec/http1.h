/* SPDX-License-Identifier: MIT */
/* http1.h: HTTP/1.1 requests as bytes (RFC 9112), read strictly.
 *
 *   http1_init ---> http1_head ... HTTP1_DONE ---> http1_body ... HTTP1_DONE
 *
 * No descriptor, clock or allocation: the caller owns the bytes and offers them
 * as they come.  However the bytes are cut, the result is the same.  What two
 * readers could understand differently is an error, never a guess; errors are
 * the rows of HTTP1_ERR_MAP, each with the status it is answered with.  After an
 * error the connection has no known position: answer and close.
 *
 * A head is read from one piece of memory, line by line; each byte is looked at
 * once, also when the bytes come one at a time.  What is found is kept as places
 * relative to the head's first byte, so the caller may move the head (into an
 * arena, say) and only then make slices of it with http1_str(). */
#ifndef CODEC_HTTP1_H
#define CODEC_HTTP1_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum {
	HTTP1_HEAD_MAX = 16 << 10,   /* bytes of a head, its last CR LF included */
	HTTP1_LINE_MAX = 8 << 10,    /* bytes of a request line */
	HTTP1_FIELDS_MAX = 100,      /* header fields */
	HTTP1_TRAILER_MAX = 4 << 10, /* bytes of the trailers of a chunked body */
};

/* To refuse something more: one row here. */
#define HTTP1_ERR_MAP(X)                                                             \
	X(HTTP1_LINE_END, 400, "a line must end in CR LF")                           \
	X(HTTP1_REQUEST_LINE, 400,                                                   \
		"the request line is not METHOD SP TARGET SP HTTP/1.1")              \
	X(HTTP1_TARGET, 400, "the target must be a path")                            \
	X(HTTP1_TARGET_LONG, 414, "the request line is too long")                    \
	X(HTTP1_VERSION, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here")          \
	X(HTTP1_FOLD, 400, "a header field must stand on one line")                  \
	X(HTTP1_NAME, 400, "a header field name is not a token followed by a colon") \
	X(HTTP1_VALUE, 400, "a header field value has a control byte")               \
	X(HTTP1_HEAD_LARGE, 431, "the header is too large")                          \
	X(HTTP1_FIELDS_MANY, 431, "there are too many header fields")                \
	X(HTTP1_HOST, 400, "there must be one Host, a name with or without a port")  \
	X(HTTP1_LENGTH, 400, "Content-Length is not a decimal number")               \
	X(HTTP1_LENGTH_TWICE, 400, "Content-Length is repeated")                     \
	X(HTTP1_LENGTH_AND_CODING, 400,                                              \
		"Content-Length and Transfer-Encoding exclude each other")           \
	X(HTTP1_CODING, 501, "the only Transfer-Encoding is chunked, once")          \
	X(HTTP1_CODING_OLD, 400, "HTTP/1.0 has no Transfer-Encoding")                \
	X(HTTP1_EXPECT, 417, "the only expectation is 100-continue")                 \
	X(HTTP1_CHUNK, 400, "a chunk is malformed")                                  \
	X(HTTP1_TRAILER, 400, "a trailer field is malformed")                        \
	X(HTTP1_TRAILER_LARGE, 431, "the trailers are too large")                    \
	X(HTTP1_BODY_LARGE, 413, "the body is too large")

/* What http1_head and http1_body return: one of these, or an error negated. */
enum http1_result { HTTP1_MORE, HTTP1_PIECE, HTTP1_DONE };

enum http1_err {
	HTTP1_ERR_FIRST_ = 0,
#define HTTP1_ENUM_(name, status, text) name,
	HTTP1_ERR_MAP(HTTP1_ENUM_)
#undef HTTP1_ENUM_
		HTTP1_ERR_LAST_
};

struct http1_span {
	uint16_t at, n;
};

struct http1_field {
	struct http1_span name, value; /* the value without blanks around it */
};

struct http1 {
	/* set when the head is done: */
	uint32_t head_len; /* bytes it took */
	struct http1_span method;
	struct http1_span path;  /* begins with '/' */
	struct http1_span query; /* after '?' */
	bool has_query;
	bool keep_alive;     /* HTTP/1.1 without "Connection: close" */
	bool wants_continue; /* Expect: 100-continue */
	bool chunked;
	uint64_t length; /* Content-Length; 0 when there is none */
	uint32_t field_count;

	/* private */
	bool old; /* HTTP/1.0 */
	bool has_length;
	bool coding_odd, expect_odd, host_odd;
	uint32_t codings, hosts;
	uint32_t line, scanned;   /* where the line begins; no LF before here */
	uint8_t part;             /* of a chunked body */
	uint32_t digits, trailer; /* of the chunk size; bytes of trailers */
	uint64_t left;            /* of the body, or of this chunk */
	uint64_t got, body_max;

	struct http1_field fields[HTTP1_FIELDS_MAX]; /* last: not cleared by init */
};

/* http1_init begins a request. */
void http1_init(struct http1 *p);

/* http1_head reads a head.  in holds everything from the request's first byte;
 * on HTTP1_MORE offer the same bytes again with more behind them.  HTTP1_DONE:
 * the head is in the first head_len bytes. */
int http1_head(struct http1 *p, struct str in) MUSTCHECK;

static inline struct str
http1_str(const char *head, struct http1_span s)
{
	return (struct str){head + s.at, s.n};
}

/* http1_has_body says whether bytes follow the head. */
static inline bool
http1_has_body(const struct http1 *p)
{
	return p->chunked || p->length > 0;
}

/* http1_limit sets how large the body may be, before the first http1_body():
 * 0, or the error when the head already announces more. */
int http1_limit(struct http1 *p, uint64_t body_max) MUSTCHECK;

/* http1_body takes what it can use from the front of *in.  HTTP1_PIECE: the next
 * bytes of the body are in *ret_piece, call again; HTTP1_MORE: all was taken and
 * more must come; HTTP1_DONE: the body is over, *in begins with what follows. */
int http1_body(struct http1 *p, struct str *in, struct str *ret_piece) MUSTCHECK;

/* The status and the words of an error. */
int http1_status(int err);
const char *http1_text(int err);

#endif
