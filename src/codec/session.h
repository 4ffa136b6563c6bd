/* SPDX-License-Identifier: MIT */
/* session.h: how a tenant's WhatsApp session stands, in one word.
 *
 *   connected      it sends and receives
 *   connecting     wait: it comes, or says why not
 *   qr             a person has to pair the phone
 *   disconnected   it is not there, and may come back by itself
 *   restricted     WhatsApp has limited or banned the number
 *   unknown        a word that no gateway known to us says
 *
 * The words of gateways: Baileys' (connection, and the status codes of a
 * DisconnectReason), the original service's sessionState and reasons, whatsmeow's. */
#ifndef CODEC_SESSION_H
#define CODEC_SESSION_H

#include "base/str.h"

extern const char *const session_states[]; /* NULL-terminated */

/* session_state reads what a gateway said, in any case: the reason counts where it is
 * known, else the state.  Returns one of the words above. */
const char *session_state(struct str said, struct str reason);

#endif
