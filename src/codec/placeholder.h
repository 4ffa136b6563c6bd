/* SPDX-License-Identifier: MIT */
/* placeholder.h: words in braces that stand for the customer's own.
 *
 *   {name}         Dana Cohen     also {שם}
 *   {first_name}   Dana           also {שם פרטי}
 *   {last_name}    Cohen          also {שם משפחה}; nothing where there is none
 *
 * Two braces, {{name}}, are as good as one.
 * A brace that is no such word (a space, a digit or a brace comes before the closing
 * one) is itself; a word in braces that is not in the table is a mistake, found when
 * a text is written and not when it is sent. */
#ifndef CODEC_PLACEHOLDER_H
#define CODEC_PLACEHOLDER_H

#include "base/str.h"

struct buf;

/* placeholder_check: 0, or ERR_SHAPE with the first unknown placeholder, braces
 * included, in *ret_wrong. */
int placeholder_check(struct str text, struct str *ret_wrong) MUSTCHECK;

/* placeholder_fill appends the text with name for the placeholders; fallback where
 * name is absent or blank. */
void placeholder_fill(
	struct buf *out, struct str text, struct str name, struct str fallback);

#endif
