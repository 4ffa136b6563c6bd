/* SPDX-License-Identifier: MIT */
/* deliver.h: a kept message of ours, on its way to the customer, once.
 *
 * The rows of its parts are there ("pending", or "sending" after a crash); when it is
 * over they say how it ended.  Where WhatsApp's window is closed they go as the
 * tenant's template, or are held (docs/sending.md).  One part is sent after the other.
 * How often one may be posted depends on the gateway: see docs/reliability.md. */
#ifndef JOB_DELIVER_H
#define JOB_DELIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/flow.h"
#include "base/str.h"
#include "client/gateway.h"
#include "job/hear.h"
#include "job/trace.h"
#include "store/store.h"

struct job;

struct deliver {
	struct job *job;             /* it leads the turn */
	const struct tenant *tenant; /* whose gateway */
	struct str to;
	int64_t turn_id;
	struct store_replies reply; /* as kept; at least one part is not over */
	bool overdue; /* it has waited for the customer to write for as long as it may
		       */

	/* set when it is over: */
	int err;               /* with the job's words */
	enum silence silenced; /* meanwhile, by a person: it was not sent */
	bool held;             /* what is left of it waits for the customer to write */

	/* private */
	struct flow flow, *then;
	int64_t began_us;
	size_t at;        /* the part in hand */
	bool as_template; /* the window is closed, and the tenant has one */
	int failure;      /* why the part in hand failed */
	struct hear hear;
	struct store_mark mark;
	struct gateway_call gw;
	struct trace_span span; /* of that call */
};

/* deliver_start begins; then is woken once, from the loop.  Not for a job that is
 * hurried. */
void deliver_start(struct deliver *d, struct flow *then);

#endif
