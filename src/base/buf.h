/* SPDX-License-Identifier: MIT */
/* buf.h: bytes that grow at the end and are taken from the front.
 *
 * Used for what is written to a socket, read from one, or built for a peer.
 * Growing never fails (it dies); whoever reads from a peer checks buf_len()
 * against its limit before adding. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdint.h>

#include "base/str.h"

struct buf {
	/* private: use the functions */
	char *data;
	size_t start, end, size;
};

static inline size_t
buf_len(const struct buf *b)
{
	return b->end - b->start;
}

static inline struct str
buf_str(const struct buf *b)
{
	return (struct str){b->data ? b->data + b->start : "", b->end - b->start};
}

void buf_init(struct buf *b);
void buf_done(struct buf *b);

/* buf_clear empties but keeps the memory, up to keep_max bytes of it. */
void buf_clear(struct buf *b, size_t keep_max);

/* buf_room makes room for n more bytes and returns where to write them; say
 * how many were written with buf_grew(). */
char *buf_room(struct buf *b, size_t n);
void buf_grew(struct buf *b, size_t n);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, struct str s);
void buf_addz(struct buf *b, const char *z);
void buf_addc(struct buf *b, char c);
void buf_addu(struct buf *b, uint64_t v); /* decimal */
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);

/* buf_take drops n bytes from the front. */
void buf_take(struct buf *b, size_t n);

/* buf_truncate keeps the first n bytes: it takes back what was added last. */
void buf_truncate(struct buf *b, size_t n);

#endif
