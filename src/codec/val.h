/* SPDX-License-Identifier: MIT */
/* val.h: a value, as JSON and pickle both know it.
 *
 * One tree for job data, AI answers and admin requests, in an arena, never
 * changed after it was made.  It loses nothing that either form can say: text
 * is UTF-8 in which a lone surrogate stands as its three bytes (WTF-8) and NUL
 * is a byte like others; integers beyond 64 bits keep their decimal digits;
 * numbers keep the text they came as.
 *
 * Look-ups take NULL and values of another kind and then miss, so that a path
 * is written as one expression:
 *
 *   val_text(val_get(val_get(msg, "key"), "remoteJid"))
 */
#ifndef CODEC_VAL_H
#define CODEC_VAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct buf;

enum val_kind {
	VAL_NULL,
	VAL_BOOL,
	VAL_INT,
	VAL_BIG,
	VAL_REAL,
	VAL_TEXT,
	VAL_LIST,
	VAL_DICT
};

struct val {
	enum val_kind kind;
	bool truth;      /* BOOL */
	int64_t integer; /* INT */
	double real;     /* REAL */
	struct str text; /* TEXT; BIG: decimal digits; REAL from JSON: as written, else
			    absent */
	size_t count;    /* LIST: items; DICT: pairs */
	struct val **items; /* LIST: count values; DICT: key, value, key, value ...
			       (keys are TEXT) */
};

/* val_get returns the value of key in a DICT (the last, when repeated), else NULL. */
const struct val *val_get(const struct val *v, const char *key);

/* val_at returns item i of a LIST, else NULL. */
const struct val *val_at(const struct val *v, size_t i);

/* val_text returns the text of a TEXT, else an absent slice. */
struct str val_text(const struct val *v);

/* val_int returns the integer of an INT, of a TEXT that is a decimal number, of
 * a REAL without fraction, or of protobuf's {low,high} form; else otherwise. */
int64_t val_int(const struct val *v, int64_t otherwise);

/* val_number returns the number of an INT or a REAL, else NAN. */
double val_number(const struct val *v);

/* val_true says whether v is BOOL and true. */
bool val_true(const struct val *v);

/* val_json appends v as compact JSON.  Lone surrogates become \udXXX escapes, so
 * the text is valid UTF-8; what came from JSON reads back the same. */
void val_json(struct buf *out, const struct val *v);

/* json_quote appends s as a JSON string, quotes included.  What is not valid
 * UTF-8 becomes U+FFFD: for peers that want strict text. */
void json_quote(struct buf *out, struct str s);

/* json_member appends a text member of an object, not its first; null when absent. */
void json_member(struct buf *out, const char *name, struct str s);

#endif
