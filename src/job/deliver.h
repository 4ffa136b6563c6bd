/* SPDX-License-Identifier: MIT */
/* deliver.h: a kept message of ours, on its way to the customer, once.
 *
 * Its row is there ("pending", or "sending" after a crash); when it is over the row
 * says how it ended.  How often it may be posted depends on the gateway: see
 * docs/reliability.md. */
#ifndef JOB_DELIVER_H
#define JOB_DELIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/flow.h"
#include "base/str.h"
#include "client/gateway.h"
#include "store/store.h"

struct job;

struct deliver {
	struct job *job;             /* it leads the turn */
	const struct tenant *tenant; /* whose gateway */
	struct str to;
	int64_t turn_id, reply_id;
	struct str text, key, status; /* of the row */

	/* set when it is over: */
	int err;       /* with the job's words */
	bool silenced; /* a person has answered meanwhile: it was not sent */

	/* private */
	struct flow flow, *then;
	struct store_mark mark;
	struct gateway_call gw;
};

/* deliver_start begins; then is woken once, from the loop.  Not for a job that is
 * hurried. */
void deliver_start(struct deliver *d, struct flow *then);

#endif
