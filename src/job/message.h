/* SPDX-License-Identifier: MIT */
/* message.h: what one WhatsApp message says.
 *
 * Source of the shapes: Baileys' WAMessage (proto.IWebMessageInfo) as JSON.  Today
 * words are understood, whatever they are wrapped in; all else is stored. */
#ifndef JOB_MESSAGE_H
#define JOB_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/str.h"

struct arena;
struct val;

struct message {
	struct str id, chat, push_name;
	bool from_me;
	bool answerable; /* text of a person who wrote to us, not of a group or a status
			  */
	const char *kind; /* "text", "undecrypted", "other" */
	struct str text;  /* absent when there is none */
	int64_t sent_us;  /* the sender's clock; 0: unknown */
};

/* message_read returns 0, or ERR_UNPROCESSABLE when there is no chat or no id. */
int message_read(struct arena *a, const struct val *v, struct message *ret) MUSTCHECK;

#endif
