/* SPDX-License-Identifier: MIT */
/* accept.h: the messages of a webhook, and its updates, become jobs: what names
 * each, and what it carries.
 *
 *   webhook.h: scanned ---> accept_messages ---> enqueue.h, one record a message
 *
 * Everything that names a message comes from (tenant, provider, chat, fromMe, id):
 *   job id      "wh_" and 26 characters of their hash, "-stub" for one without content
 *   lock        job_lock:webhook:<provider>:<id>, field <tenant>|<chat>|<0 or 1>[|stub]
 *   lane        <tenant>:<chat>; none for fromMe, which only writes
 *
 * An update of a message (a receipt, an edit) is a job of its own, made in the same
 * way, whose one "message" is the update:
 *   job id      "wh_" and 26 characters of a hash of the same and its bytes, "-update"
 *   lock        job_lock:webhook:<provider>:update:<id>,
 *               field <tenant>|<chat>|<0 or 1>|update|<those 26 characters>
 *   lane        none: it only writes
 *
 * A message that can't be processed is kept as a dead letter with its bytes. */
#ifndef QUEUE_ACCEPT_H
#define QUEUE_ACCEPT_H

#include "base/str.h"
#include "queue/enqueue.h"

struct arena;
struct settings;
struct webhook;

struct accept {
	const struct settings *s;
	struct enqueue *enqueue;
	struct arena *arena; /* what is made lives here, until the last outcome */
	const struct webhook *w;
	struct str split_from; /* see enqueue.h; absent: w came to the door */
	struct str trace; /* of the webhook (codec/trace.h); absent: each message gets
			     one of its own */

	/* set by accept_messages(), one a message: */
	struct str *job_ids, *traces;
};

/* accept_messages hands all messages over; done(arg, i, ...) is called once for each
 * message i, from the loop. */
void accept_messages(struct accept *a, enqueue_done *done, void *arg);

/* accept_reason says why message i is a dead letter. */
const char *accept_reason(const struct accept *a, size_t i);

#endif
