/* SPDX-License-Identifier: MIT */
/* cloud_priv.h: between cloud.c, which walks through a body, and cloud_shapes.c, the
 * tables. */
#ifndef CODEC_CLOUD_PRIV_H
#define CODEC_CLOUD_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/defs.h"

struct arena;
struct buf;
struct reshape_row;
struct val;

/* A list in a change's value. */
struct cloud_list {
	const char *name;
	bool is_update;                /* of messages, not messages */
	const struct reshape_row *who; /* key, time, name; of an update all */
};

extern const struct cloud_list cloud_lists[];
extern const size_t cloud_list_count;

/* cloud_write appends one item in our words; contact: who writes, may be NULL. */
void cloud_write(struct arena *a, const struct cloud_list *list, const struct val *item,
	const struct val *contact, struct buf *b);

#endif
