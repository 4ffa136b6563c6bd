/* SPDX-License-Identifier: MIT */
/* hear.h: who wrote meanwhile in the chat of a turn.
 *
 * Jobs that wait in the lane behind the one that runs are taken into its turn: their
 * messages are written down, then the jobs are ended, each step fenced.  Only the
 * holder of a lane may do so. */
#ifndef JOB_HEAR_H
#define JOB_HEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/flow.h"
#include "base/str.h"
#include "queue/absorb.h"
#include "store/store.h"

struct job;

struct hear {
	struct job *job; /* which holds the lane */
	struct str chat;
	int64_t turn_id;

	/* set when it is over: */
	int err;   /* with the job's words */
	bool more; /* something was said that belongs to the turn, or taken back: */
	const struct store_text *texts; /* all that the turn says now */
	size_t text_count;
	enum turn_says says; /* in: as the turn was loaded; then as it stands now */
	enum silence silence;

	/* private */
	struct flow flow, *then;
	struct absorb absorb;
	size_t taken; /* of absorb.jobs */
	struct store_load load;
};

/* hear_start begins; then is woken once, from the loop. */
void hear_start(struct hear *h, struct flow *then);

#endif
