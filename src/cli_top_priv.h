/* SPDX-License-Identifier: MIT */
/* cli_top_priv.h: what the files of prosaas top share: a picture is text, made from
 * the two answers of one look, and cut to the terminal where it is shown. */
#ifndef CLI_TOP_PRIV_H
#define CLI_TOP_PRIV_H

#include "base/str.h"

struct buf;
struct redisReply;
struct window;

struct top_look {
	const char *queues; /* RQ_QUEUES */
	const struct redisReply *survey;
	struct str workers;    /* of top_workers() */
	struct window *window; /* what the counters rose by lately */
};

/* Both append lines, each ended by '\n'; a head begins with '\1'. */
void top_workers(const struct redisReply *health, struct buf *out);
void top_picture(const struct top_look *look, struct buf *out);

#endif
