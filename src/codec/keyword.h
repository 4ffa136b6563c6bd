/* SPDX-License-Identifier: MIT */
/* keyword.h: a message that is nothing but one word of a list: STOP.
 *
 * The list is comma separated; a word of it may be several ("no more").  What stands
 * around is ignored: blanks, ASCII punctuation, and the marks of table `ignored`.  The
 * case of ASCII letters does not matter; that of other alphabets does. */
#ifndef CODEC_KEYWORD_H
#define CODEC_KEYWORD_H

#include <stdbool.h>

#include "base/str.h"

bool keyword_is(struct str text, struct str list);

#endif
