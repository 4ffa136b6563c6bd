/* SPDX-License-Identifier: MIT */
/* phones.h: whose the phones at the Cloud API are, from the database.
 *
 * A phone is the tenant's whose meta_phone_number_id it is; META_WA_PHONE_NUMBER_ID is
 * that of the first tenant with gateway=meta and none of its own.
 *
 *   prosaas.directory()   each minute: Redis is told (queue/directory.h)
 *   phones_wanted         a webhook's job of "meta-<phone>": the api did not know whose
 *                         that is.  When the database does, the job runs as that
 *                         tenant's; else it fails as unknown_tenant, and can be retried
 *                         once the phone is somebody's. */
#ifndef JOB_PHONES_H
#define JOB_PHONES_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct directory_entry;
struct job;
struct rqjob_call;
struct settings;
struct tenant;

/* phones_of lists them, in the arena; returns how many. */
size_t phones_of(struct arena *a, const struct settings *s,
	const struct tenant *tenants, size_t count, struct directory_entry **ret);

void phones_publish(struct job *job, const struct rqjob_call *call);

bool phones_wanted(const struct job *job);

/* phones_find sets job->tenant, when it finds one, and then calls start(job, call). */
void phones_find(struct job *job, const struct rqjob_call *call,
	void (*start)(struct job *job, const struct rqjob_call *call));

#endif
