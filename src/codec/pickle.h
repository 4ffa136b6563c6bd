/* SPDX-License-Identifier: MIT */
/* pickle.h: Python's pickle, as far as it is data.
 *
 * Written: protocol 2 in 21 opcodes, no memo, no frames; every RQ reads it.
 * Read: all data opcodes of protocols 2 to 5.  What asks to run code (GLOBAL,
 * REDUCE, BUILD and friends) is refused by name; nothing is ever called.
 * Source: the pickletools documentation and docs/protocol.md. */
#ifndef CODEC_PICKLE_H
#define CODEC_PICKLE_H

#include <stdint.h>

#include "base/str.h"

struct arena;
struct buf;
struct val;

enum {
	PICKLE_DEPTH_MAX = 64 + 8,  /* a message of JSON_DEPTH_MAX in a job's frame */
	PICKLE_NODES_MAX = 1000000, /* after shared references are expanded */
	PICKLE_TEXT_MAX = 64 << 20, /* bytes of text, likewise */
	PICKLE_INT_BYTES_MAX = 255, /* the most LONG1 can say: 614 digits */
};

/* Pieces of a pickle under construction, in this order:
 * pickle_begin, one value, pickle_end. */
void pickle_begin(struct buf *out);
void pickle_end(struct buf *out);

void pickle_null(struct buf *out);
void pickle_int(struct buf *out, int64_t v);
void pickle_text(struct buf *out, struct str s);
/* Opcodes that have no argument, for lists, dicts and tuples built by hand:
 * "]" "(" "e" and so on.  Named so that a caller never writes a bare byte. */
void pickle_list_open(struct buf *out);  /* empty list, mark */
void pickle_list_close(struct buf *out); /* append all since the mark */
void pickle_dict_open(struct buf *out);  /* empty dict, mark; then key, value, ... */
void pickle_dict_close(struct buf *out);
void pickle_tuple_open(struct buf *out); /* mark */
void pickle_tuple_close(struct buf *out);
void pickle_tuple_empty(struct buf *out);

/* pickle_json appends the value that valid JSON text says, without building a
 * tree: integers of any size up to PICKLE_INT_BYTES_MAX stay integers, larger
 * ones (beyond any double: infinity) and those with fraction or exponent become
 * doubles.  At most nodes_max values (a key is one too).  0, ERR_SYNTAX or
 * ERR_LIMIT (then *out holds a part: drop it). */
int pickle_json(struct buf *out, struct str json, size_t nodes_max) MUSTCHECK;

/* pickle_val appends a tree. */
void pickle_val(struct buf *out, const struct val *v);

/* pickle_parse reads a whole pickle into the arena.  Tuples, sets and frozen
 * sets become lists; bytes become text, what is no UTF-8 in them U+FFFD; dict
 * keys that are numbers, True or None become their JSON text.  A value that the
 * pickle shares is shared in the tree.  0, or ERR_SYNTAX, ERR_LIMIT, ERR_UNSAFE
 * with the opcode's name in err. */
int pickle_parse(
	struct arena *a, struct str bytes, struct val **ret, char err[128]) MUSTCHECK;

#endif
