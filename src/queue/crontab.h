/* SPDX-License-Identifier: MIT */
/* crontab.h: what the scheduler queues by the clock: the file CRON_FILE, and our own
 * periodic work, which is built in.
 *
 * The file is a JSON array of objects:
 *
 *   name       names the entry in Redis and logs; 1 to 64 of A-Z a-z 0-9 . _ -
 *   schedule   see base/schedule.h
 *   timezone   an IANA name; "UTC"
 *   function   func_name of the RQ job
 *   kwargs     its keyword arguments, an object; {}
 *   queue      one of RQ_QUEUES; "maintenance"
 *   missed     "skip" or "once"; "skip".  See queue/cron.h
 *   tenant     prosaas_tenant of the job; none
 *
 * name, schedule and function must be there.  Nothing else may be: a misspelt key
 * would be a setting that silently does nothing.
 *
 * An entry of the file with the name of one that is built in ("prosaas.sessions")
 * stands in its place. */
#ifndef QUEUE_CRONTAB_H
#define QUEUE_CRONTAB_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/schedule.h"

struct settings;
struct val;
struct zone;

struct crontab_entry {
	struct str name, function, queue, tenant;
	struct schedule schedule;
	struct zone *zone;
	bool once;       /* missed: once */
	bool built_in;
	struct str data; /* of each job, in the form of RQ_SERIALIZER */
	/* private, until it is read */
	struct str zone_name;
	const struct val *kwargs;
};

struct crontab {
	struct crontab_entry *entries;
	size_t count;
	struct arena arena; /* all of it */
};

/* crontab_load reads the file that CRON_FILE names, if any, and what is built in.  To be
 * called before there are threads (base/zone.h).  0, -errno, ERR_SYNTAX, ERR_SHAPE or
 * ERR_LIMIT with one line in err: file, entry, what is wrong. */
int
crontab_load(struct crontab *ret, const struct settings *s, char err[512]) MUSTCHECK;

void crontab_done(struct crontab *t);

#endif
