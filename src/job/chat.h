/* SPDX-License-Identifier: MIT */
/* chat.h: what an address of WhatsApp (a JID) stands for.
 *
 * Source: Baileys' WABinary/jid-utils: <digits>[_agent][:device]@server.  Only the
 * server says what kind it is; the digits of a LID are no phone number. */
#ifndef JOB_CHAT_H
#define JOB_CHAT_H

#include <stdbool.h>

#include "base/str.h"

enum chat_kind {
	CHAT_OTHER,  /* a server we do not know, or no address at all */
	CHAT_PERSON, /* by phone number */
	CHAT_LID,    /* a person too, by an id that hides the number */
	CHAT_GROUP,
	CHAT_STATUS,    /* what people show for a day */
	CHAT_BROADCAST, /* a list */
	CHAT_NEWSLETTER,
	CHAT_BOT, /* WhatsApp's own notices, Meta AI */
};

enum chat_kind chat_kind(struct str jid);

/* chat_is_person says whether one person is at the other end: all else is never
 * answered. */
bool chat_is_person(enum chat_kind kind);

#endif
