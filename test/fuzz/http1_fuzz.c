/* SPDX-License-Identifier: MIT */
/* http1_fuzz.c: however a stream of requests is cut, it reads the same.
 *
 * The first eight bytes say where to cut, the others are the stream.  It is read
 * twice, whole and cut, each time writing down what was understood, and the two
 * accounts must agree.  What a head points at must lie within the head. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "codec/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An endless sequence of piece lengths out of a seed; 0 for the whole at once. */
static size_t
next_cut(uint64_t *seed)
{
	if (*seed == 0)
		return SIZE_MAX;
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	if (*seed == 0)
		*seed = 1;
	unsigned bits = (unsigned)(*seed >> 60);
	return 1 + (size_t)((*seed >> 32) & ((1u << bits) - 1));
}

static void
note(struct buf *account, const char *what, struct str s)
{
	buf_addf(account, "%s %zu ", what, s.n);
	buf_adds(account, s);
	buf_addc(account, '\n');
}

static void
note_span(struct buf *account, const struct http1 *p, const char *head,
	struct http1_span s)
{
	assert((size_t)s.at + s.n <= p->head_len);
	note(account, "", http1_str(head, s));
}

static void
note_head(struct buf *account, const struct http1 *p, const char *head)
{
	assert(p->head_len <= HTTP1_HEAD_MAX && p->field_count <= HTTP1_FIELDS_MAX);
	assert(!(p->chunked && p->length > 0));
	buf_addf(account, "head %u %d %d %d %llu\n", p->head_len, p->keep_alive,
		p->wants_continue, p->chunked, (unsigned long long)p->length);
	note_span(account, p, head, p->method);
	note_span(account, p, head, p->path);
	if (p->has_query)
		note_span(account, p, head, p->query);
	for (uint32_t i = 0; i < p->field_count; i++) {
		note_span(account, p, head, p->fields[i].name);
		note_span(account, p, head, p->fields[i].value);
	}
}

/* Reads one request from all, offered in pieces from *offered on.  Pieces of a body
 * are joined in body, since where those are cut is not part of the result. */
static int
read_one(struct buf *account, struct str all, size_t *offered, uint64_t *seed,
	struct buf *body, size_t *used)
{
	struct http1 p;
	bool in_body = false;

	http1_init(&p);
	for (;;) {
		struct str in = {all.p + *used, *offered - *used}, piece;
		int r = in_body ? http1_body(&p, &in, &piece) : http1_head(&p, in);

		if (in_body)
			*used = (size_t)(in.p - all.p);
		if (r == HTTP1_PIECE) {
			buf_adds(body, piece);
		} else if (r == HTTP1_DONE && !in_body) {
			note_head(account, &p, in.p);
			*used += p.head_len;
			in_body = true;
			r = http1_limit(&p, 5000);
			if (r < 0)
				return r;
		} else if (r != HTTP1_MORE || *offered == all.n) {
			return r;
		} else {
			size_t cut = next_cut(seed);

			*offered += cut < all.n - *offered ? cut : all.n - *offered;
		}
	}
}

static void
read_all(struct buf *account, struct str all, uint64_t seed)
{
	size_t offered = 0, used = 0;
	int r;

	do {
		struct buf body;

		buf_init(&body);
		r = read_one(account, all, &offered, &seed, &body, &used);
		note(account, "body", buf_str(&body));
		buf_addf(account, "end %d\n", r);
		if (r == HTTP1_DONE)
			buf_addf(account, "used %zu\n", used);
		buf_done(&body);
	} while (r == HTTP1_DONE && used < all.n);
	if (r < 0)
		assert(http1_status(r) >= 400 && http1_text(r));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, cut;
	uint64_t seed = 1;

	if (size < 8)
		return 0;
	for (int i = 0; i < 8; i++)
		seed = seed << 8 | data[i];
	if (seed == 0)
		seed = 1;

	/* A copy of that size, so that the sanitizer sees a read past the end. */
	char *own = malloc(size - 8);
	memcpy(own, data + 8, size - 8);
	struct str all = {own, size - 8};
	buf_init(&whole);
	buf_init(&cut);
	read_all(&whole, all, 0);
	read_all(&cut, all, seed);
	assert(str_eq(buf_str(&whole), buf_str(&cut)));
	buf_done(&whole);
	buf_done(&cut);
	free(own);
	return 0;
}
