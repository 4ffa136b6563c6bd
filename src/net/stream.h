/* SPDX-License-Identifier: MIT */
/* stream.h: one outgoing connection, bytes both ways (libuv).
 *
 *   stream_connect ---> open ---> data ... ---> closed
 *                  `------------------------->'
 *
 * closed comes exactly once, from the loop, whatever happened, and is the last
 * event; the stream frees itself after it.  Bytes to send collect in stream_out()
 * and leave with stream_flush(), usually once a turn. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/defs.h"
#include "base/str.h"

struct buf;
struct loop;
struct stream;

struct stream_events {
	void (*open)(void *arg);
	void (*data)(void *arg, struct str bytes);
	void (*closed)(void *arg, const char *why); /* why is borrowed */
};

/* stream_connect begins to connect to a unix socket (path) or to host:port; names
 * resolve off the loop. */
struct stream *stream_connect(struct loop *l, const char *path, const char *host,
	int port, const struct stream_events *events, void *arg);

struct buf *stream_out(struct stream *s);
void stream_flush(struct stream *s);

/* stream_close ends it, with words that `closed` gets: "no reply in 2000 ms". */
void stream_close(struct stream *s, const char *fmt, ...) PRINTF(2, 3);

#endif
