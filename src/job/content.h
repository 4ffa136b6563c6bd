/* SPDX-License-Identifier: MIT */
/* content.h: the content of a WhatsApp message, whatever its shape.
 *
 *   {"ephemeralMessage":{"message":{"imageMessage":{"caption":"hi",
 *    "contextInfo":{"stanzaId":..,"quotedMessage":{..}}}}},"messageContextInfo":{..}}
 *
 * Source of the shapes: Message of Baileys' WAProto.proto (7.0.0-rc).  A content is
 * unwrapped, the first shape of the table (shapes.c) that it has is read, and with
 * it what it quotes and mentions. */
#ifndef JOB_CONTENT_H
#define JOB_CONTENT_H

#include <stdbool.h>

struct arena;
struct message;
struct val;

enum {
	CONTENT_LEVELS_MAX = 8, /* wrappers in wrappers; WhatsApp nests two or three */
	CONTENT_DETAIL_MAX = 256, /* bytes of one detail in brackets: a file's name */
	CONTENT_MENTIONS_MAX = 1024, /* as many as a group has members */
};

/* content_read sets kind, text and what follows "The content" in *m, and returns
 * whether it is words that want an answer.  m->kind stays NULL when there is no
 * content but what accompanies one. */
bool content_read(struct arena *a, const struct val *content, struct message *m);

#endif
