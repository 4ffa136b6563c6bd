/* SPDX-License-Identifier: MIT */
/* notify.h: notices of alerts to ALERT_WEBHOOK_URL.
 *
 *   free ---> posting ---> (2xx) ---> delivered() ---> free
 *    ^           |
 *    |           `---> (else) ---> resting, 1 s to 60 s, doubling ---.
 *    '--------------------------------------------------------------'
 *
 * One at a time, so that they come in order.  The one that failed is given again by who
 * keeps it: nothing is lost, and what was delivered and not taken out (a crash between
 * the two) comes twice with the same id.  A refusal (4xx but 408 and 429) is tried
 * again as well: a person who mends the URL or the secret gets what happened meanwhile.
 */
#ifndef ROLE_NOTIFY_H
#define ROLE_NOTIFY_H

#include <stdbool.h>

#include "base/str.h"

struct http_client;
struct loop;
struct notify;
struct settings;

/* notify_new: http may be NULL, then it makes one when it needs it.  delivered is
 * called from the loop with the notice, which is valid until it returns. */
struct notify *
notify_new(struct loop *l, const struct settings *s, struct http_client *http,
	void (*delivered)(void *arg, struct str notice), void *arg);

/* notify_wanted says whether there is an ALERT_WEBHOOK_URL. */
bool notify_wanted(const struct notify *n);

/* notify_give posts a copy of the notice, unless one is posted or it rests. */
void notify_give(struct notify *n, struct str notice);

#endif
