/* SPDX-License-Identifier: MIT */
/* cloud.h: the webhooks of WhatsApp's Cloud API, in the words of ours.
 *
 *   {"entry":[{"changes":[{"value":{"metadata":{"phone_number_id":"106.."},
 *     "contacts":[..],"messages":[..],"statuses":[..],"message_echoes":[..]}}]}]}
 *          |
 *          |-- cloud_numbers ---> whose phones it is about: who may have signed it?
 *          '-- cloud_read ------> for each {"tenantId","payload":{"messages":[..],
 *                                 "updates":[..]}}, a body for webhook_scan()
 *
 * One body may be about several phones, and so of several tenants.  What a message
 * says is written as Baileys would say it, so that nobody behind this knows Meta; the
 * message as it came stands beside it, in "cloud", whatever type it is of:
 *
 *   from              <digits>@s.whatsapp.net, or, when Meta hides the phone, the
 *                     user's id at "bsuid" (jid.h)
 *   message_echoes    fromMe: a person wrote it in the WhatsApp Business app
 *   statuses          updates of our own messages
 *   anything else     a note, for the log
 *
 * Source: Meta's webhook reference (messages, statuses, smb_message_echoes), v23. */
#ifndef CODEC_CLOUD_H
#define CODEC_CLOUD_H

#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/str.h"

struct arena;

enum { CLOUD_NUMBERS_MAX = 1000 }; /* phones in one body */

struct cloud_number {
	struct str id;     /* phone_number_id, digits; absent: there is none */
	struct str tenant; /* set by the caller, between the two */
	struct str body;   /* in our words; absent: nothing that becomes a job */
};

/* Something that is no message and no status. */
struct cloud_note {
	struct str what; /* "error", or the name of the field */
	int64_t code;    /* Meta's, of an error; else 0 */
};

struct cloud {
	struct cloud_number *numbers; /* each once */
	size_t count;
	struct cloud_note *notes;
	size_t note_count;
};

/* cloud_numbers finds the phones; it validates the whole body as JSON and costs no
 * memory to speak of, for nobody has proved anything yet.  0, ERR_SYNTAX or ERR_LIMIT,
 * err fit for the 400 answer. */
int cloud_numbers(
	struct arena *a, struct str body, struct cloud *ret, char err[128]) MUSTCHECK;

/* cloud_read reads the same body for those phones.  A change without phone gets a
 * number of its own, of cloud_nobody().  0; ERR_SYNTAX, ERR_LIMIT; ERR_SHAPE: no list
 * of entries, or a phone that cloud_numbers() has not seen (a key stands twice). */
int
cloud_read(struct arena *a, struct str body, struct cloud *c, char err[128]) MUSTCHECK;

/* cloud_nobody is the tenant of a phone that is nobody's (yet): "meta-<id>", or
 * "meta-unknown" when it is absent.  cloud_phone_of is the phone in such a name, absent
 * in others. */
struct str cloud_nobody(struct arena *a, struct str phone);
struct str cloud_phone_of(struct str tenant);

#endif
