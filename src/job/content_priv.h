/* SPDX-License-Identifier: MIT */
/* content_priv.h: between content.c, which reads by the table, and shapes.c, the
 * table.
 *
 * A new shape is one row.  A path is names with dots between them, from the shape's
 * value down.  The canonical text is
 *
 *   words                     without a tag, or SHAPE_BARE and there are words
 *   [tag: about] words        else; ": about" and " words" only when there are any
 *
 * and absent when there is neither tag nor words. */
#ifndef JOB_CONTENT_PRIV_H
#define JOB_CONTENT_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/defs.h"
#include "base/str.h"

struct arena;
struct message;
struct val;

/* A content that is being read. */
struct reading {
	struct arena *arena;
	struct message *m;
	int levels;       /* how many more wrappers may be opened */
	bool edited;      /* it stood in an editedMessage */
	const char *tag;  /* the shape's; its function may change it */
	struct buf about; /* what stands in the tag after the colon */
};

/* What the columns of a row can't say: a function reads it. */
typedef void shape_more(struct reading *r, const struct val *v);

enum {
	SHAPE_ANSWERED = 1, /* words in it are a customer's and want an answer */
	SHAPE_BARE = 2,     /* words stand without the tag */
};

/* Of three paths the first counts at whose end there is a text. */
struct shape {
	const char *key;  /* in the content */
	const char *kind; /* the function may change it */
	unsigned flags;
	const char *tag;
	const char *words[3]; /* paths; "" is the value itself */
	const char *about[3];
	const char *choice; /* path of the chosen id: words where there are none */
	const char *target; /* path of another message's key */
	shape_more *more;
};

extern const struct shape shapes[];
extern const size_t shape_count;

/* content_say reads one content as content_read() does, without what it quotes, and
 * returns the shape's value, NULL when no shape is known.  It opens at most `levels`
 * wrappers. */
const struct val *content_say(struct arena *a, const struct val *content, int levels,
	struct message *m, bool *ret_wants_answer);

/* content_clean appends a detail without control bytes, cut at CONTENT_DETAIL_MAX;
 * content_about adds one to the tag, after a comma if it is not the first. */
void content_clean(struct buf *to, struct str detail);
void content_about(struct reading *r, struct str detail);

/* content_text walks down from v and returns the text at the path's end; an empty one
 * is absent. */
struct str content_text(const struct val *v, const char *path);

/* content_target notes the message that a key names. */
void content_target(struct message *m, const struct val *key);

#endif
