/* SPDX-License-Identifier: MIT */
/* update.h: the job of one update of a message: what became of one that we sent, or
 * an edit or a revoke.
 *
 *   {"key":{..},"update":{"status":3}}                        messages.update
 *   {"key":{..},"update":{"message":{"editedMessage":..}}}
 *   {"key":{..},"update":{"messageStubType":1}}
 *   {"key":{..},"receipt":{"readTimestamp":..}}               message-receipt.update
 *
 * Source of the shapes: events of Baileys 6.7 to 7.0.  Such a job is a
 * webhook_process_job whose one message is the update; it has no lane, for it only
 * writes.  What says nothing of these (a star, a vote) ends well without effects. */
#ifndef JOB_UPDATE_H
#define JOB_UPDATE_H

#include <stdbool.h>

struct job;
struct rqjob_call;

bool update_wanted(const struct rqjob_call *call);
void update_start(struct job *job, const struct rqjob_call *call);

#endif
