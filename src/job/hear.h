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
	struct job *job;             /* which holds the lane */
	const struct tenant *tenant; /* whose stop words */
	struct str chat;
	int64_t turn_id;
	bool joins; /* the turn is open to what is said; else only a person's answer and
		       stop words are written down, so that they stop it */

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
	size_t at, taken; /* of absorb.jobs: the next; how many are part of the turn */
	struct store_load load;
};

/* hear_start begins; then is woken once, from the loop. */
void hear_start(struct hear *h, struct flow *then);

#endif
