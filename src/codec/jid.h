/* SPDX-License-Identifier: MIT */
/* jid.h: WhatsApp addresses.
 *
 *   <user>[_<agent>][:<device>]@<server>
 *
 * What an address names is said by its server; the agent and the device say which
 * of the account's devices wrote.  Canonical is user@server without them, with the
 * names of one account that differ only in where it is hosted made one, as Baileys
 * does when it cleans a message:
 *
 *   c.us, hosted   ---> s.whatsapp.net      the user is a phone in E.164, without +
 *   hosted.lid     ---> lid                 the user is an opaque number: no phone
 *   bsuid          ---> bsuid               of ours: the user's id at the Cloud API
 *                                           ("US.1349..."), where Meta hides the phone:
 *                                           its LID
 *
 * Only people have agents and devices: in all other addresses '_', ':' and '-' are
 * part of the name. */
#ifndef CODEC_JID_H
#define CODEC_JID_H

#include <stdbool.h>

#include "base/str.h"

struct arena;

enum jid_kind {
	JID_PERSON,     /* s.whatsapp.net, c.us */
	JID_LID,        /* lid */
	JID_HOSTED,     /* hosted: as JID_PERSON, of a business in Meta's cloud */
	JID_HOSTED_LID, /* hosted.lid: likewise, as JID_LID */
	JID_GROUP,      /* g.us */
	JID_STATUS,     /* status@broadcast: what people show to all they know */
	JID_BROADCAST,  /* other lists at broadcast */
	JID_NEWSLETTER, /* newsletter: a channel */
	JID_BOT,        /* bot, and Meta's assistants at s.whatsapp.net */
	JID_OTHER,      /* call, WhatsApp's own announcements, other networks */
};

struct jid {
	enum jid_kind kind;
	struct str user;   /* slice of the text, without agent and device */
	struct str server; /* canonical */
};

/* jid_parse reads an address; blanks around it do not count.  ERR_SYNTAX for what is
 * none: no user, no server, or a blank, control or second '@' inside. */
int jid_parse(struct str text, struct jid *ret) MUSTCHECK;

/* jid_text is the canonical text, in the arena. */
struct str jid_text(struct arena *a, const struct jid *j);

/* jid_has_phone: the user is a phone.  jid_has_lid: it is a LID.  A chat with one
 * person is one of the two. */
bool jid_has_phone(const struct jid *j);
bool jid_has_lid(const struct jid *j);

#endif
