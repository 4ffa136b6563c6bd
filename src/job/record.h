/* SPDX-License-Identifier: MIT */
/* record.h: one message of a job, written down: message ---> store_load. */
#ifndef JOB_RECORD_H
#define JOB_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"

struct flow;
struct job;
struct message;
struct store_load;
struct store_op;
struct store_origin;
struct val;

/* record_start fills load with the message (v: all of it, as it came) and starts it;
 * f is woken once.  burst: the tenant's debounce counts, so that the message may join
 * an open turn.  history_max: as in store_load.  from: NULL when the job itself brings
 * it. */
void record_start(struct job *job, const struct message *m, const struct val *v,
	const struct store_origin *from, bool burst, int64_t history_max,
	struct store_load *load, struct flow *f);

/* record_finish logs what the message showed; 0, or the job's error with its words. */
int record_finish(struct job *job, const struct store_load *load) MUSTCHECK;

/* record_error is the job's error, with words, of an operation of the store. */
int record_error(struct job *job, const struct store_op *op);

#endif
