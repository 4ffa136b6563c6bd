/* SPDX-License-Identifier: MIT */
/* message.h: what one WhatsApp message says.
 *
 *   {"key":{"id":..,"remoteJid":..,"fromMe":..,"participant":..},
 *    "messageTimestamp":..,"pushName":..,"message":{..}}
 *
 * Source of the shape: Baileys' WAMessage (proto.IWebMessageInfo, 6.7 to 7.0) as
 * JSON, in all its spellings: 64-bit numbers as number, text or {low,high}; enums
 * as number or name; fields that are absent, null or ''.  message.c reads what
 * stands around the content, content.c the content; docs/messages.md has the table
 * of kinds.  Nothing is refused for its content: what is not understood is
 * "unknown", and kept raw by the caller. */
#ifndef JOB_MESSAGE_H
#define JOB_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/str.h"
#include "job/chat.h"

struct arena;
struct val;

/* All slices are borrowed from the value or live in the arena; what is not said is
 * absent, never empty (emoji is the exception). */
struct message {
	struct str id, chat, push_name, verified_name;
	const char *provider; /* static: the way it came (webhook.h) */
	bool from_me;
	bool is_plain;    /* words as people say them, from anybody, anywhere: no
			     reaction, no edit */
	bool answerable;  /* such words, of another person, to us alone */
	const char *kind; /* static: the database's column (docs/messages.md) */
	struct str text;  /* canonical: words, or "[image]", "[document: a.pdf] hi" */
	int64_t sent_us;  /* the sender's clock; 0: unknown */
	enum chat_kind where;   /* what kind of chat */
	struct str participant; /* who wrote it, in a group or a status */

	/* Other addresses of the chat and of the participant, raw: which is the phone
	 * number and which the LID, its server says.  7.0 writes ..Alt, 6.7 the
	 * others. */
	struct str chat_alt, participant_alt;
	struct str sender_pn, sender_lid, participant_pn, participant_lid;

	/* The content: */
	struct str words; /* what the person wrote, without what is added in brackets */
	struct str choice; /* the id of the button or row that was chosen */
	struct str emoji;  /* of a reaction; empty: it was taken back */
	struct {           /* the message that a reaction, an edit, a revoke is about */
		struct str id, participant;
		bool from_me; /* a message of ours */
	} target;
	struct { /* the message that is answered by this one */
		struct str id, participant, text;
	} quoted;
	struct str *mentions; /* JIDs */
	size_t mention_count;
};

/* message_read returns 0, or ERR_UNPROCESSABLE when there is no chat.  A message
 * without id gets one made of its bytes, and so does the notice of a revoke, whose key
 * is that of the message that was revoked. */
int message_read(struct arena *a, const struct val *v, struct message *ret) MUSTCHECK;

/* message_read_update reads an update of a message (update.h): target is that message,
 * id one made of the bytes.  *ret_is_change: it is of kind edit or revoke; else kind
 * may be NULL.  0 or ERR_UNPROCESSABLE as above. */
int message_read_update(struct arena *a, const struct val *v, struct message *ret,
	bool *ret_is_change) MUSTCHECK;

/* message_time reads a time as WhatsApp writes it (docs/messages.md): Unix us; 0: it
 * is none. */
int64_t message_time(const struct val *v);

#endif
