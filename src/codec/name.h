/* SPDX-License-Identifier: MIT */
/* name.h: what people are called.
 *
 *   as it came ---> name_read ---> fit to be shown, or no name
 *   name_may_replace ---> may it take the place of the one that is known?
 *
 * A push name is whatever its owner has typed, be it a line of hearts, a number, or
 * marks that turn the rest of a screen around.  Nobody but a person at the business is
 * taken at his word. */
#ifndef CODEC_NAME_H
#define CODEC_NAME_H

#include <stdbool.h>

#include "base/str.h"

enum {
	NAME_CHARS = 80, /* code points; more is cut */
	NAME_SIZE = 4 * NAME_CHARS,
};

/* Who says what somebody is called, the least trusted first: a name gives way to one
 * of its own source or of a later one, if that is said with so much confidence.
 * NAME_SOURCES(X): name in C, word in the database, confidence at least. */
#define NAME_SOURCES(X)                                                             \
	X(PUSH, "push", 0)         /* what he calls himself on WhatsApp */          \
	X(VERIFIED, "verified", 0) /* of a business, checked by WhatsApp */         \
	X(AI, "ai", 0.85)          /* what the AI has understood from what he wrote \
				    */                                              \
	X(USER, "user", 0)         /* a person at the business */

enum name_source {
#define NAME_ENUM_(id, ...) NAME_##id,
	NAME_SOURCES(NAME_ENUM_)
#undef NAME_ENUM_
};

const char *name_source_word(enum name_source source);

/* name_rank: 0 for no source, higher for one that is trusted more. */
int name_rank(struct str source);

/* name_may_replace: held is the source of the name that is known; absent: there is
 * none. */
bool name_may_replace(struct str held, enum name_source by, double confidence);

/* name_read cleans a name into room: control characters, marks of direction and bytes
 * that are no UTF-8 are left out, blanks are one space, the "~" that WhatsApp puts
 * before a push name goes.  Absent when what is left is no name: too few letters
 * (emoji and signs are none), a phone, or a word that stands for a name ("Customer",
 * "WhatsApp User").  What it returns, it returns again. */
struct str name_read(struct str raw, char room[NAME_SIZE]);

/* name_first is the first word; name_last all behind it, empty where there is none. */
struct str name_first(struct str name);
struct str name_last(struct str name);

#endif
