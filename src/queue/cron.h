/* SPDX-License-Identifier: MIT */
/* cron.h: queues the entries of a crontab when their time comes.
 *
 *   standby ---> looking ---> waiting ---> acting ---> waiting ---> standby
 *            leads     slots.lua     a slot      cron.lua       leads no more
 *                                    is due
 *
 * What was run last stands in Redis (`prosaas:cron`), so whoever leads goes on from
 * there.  script/cron.lua checks the leader's token, compares with that and queues
 * the job, all in one step: of two that think they lead one acts, and a slot is run
 * once.  The job's id is a hash of (entry, slot).  After any failure we look again.
 *
 * A slot that came due while some scheduler ran (lead_running_ms), at most
 * CRON_LATE_S ago, is late: it is run, each one.  So a take-over loses nothing.  An
 * older one is missed: by its entry's policy all missed slots are skipped, or the
 * latest of them is run once.  An entry seen for the first time has missed nothing.
 *
 * Time is the wall clock, read each second: set back, no slot runs again; set
 * forward, what lay between is late or missed as above. */
#ifndef QUEUE_CRON_H
#define QUEUE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"

struct cron;
struct crontab;
struct crontab_entry;
struct lead;
struct loop;
struct settings;

enum {
	CRON_LATE_S = 60,   /* a take-over takes 11 */
	CRON_AHEAD_S = 300, /* a clock that far before Redis's is wrong: nothing runs */
};

enum cron_outcome { CRON_QUEUED, CRON_DUPLICATE, CRON_SKIPPED, CRON_DONE, CRON_ERROR };

struct cron_act {
	const struct crontab_entry *entry;
	int64_t slot;
	int64_t missed_from; /* the first missed slot, when slot is the last; else 0 */
	char job_id[sizeof("cron_") + DIGEST_ID_SIZE];
};

struct cron_events {
	/* what became of a slot; words say why when it is CRON_ERROR */
	void (*acted)(void *arg, const struct cron_act *act, enum cron_outcome outcome,
		const char *words);
	void (*failed)(void *arg, const char *words); /* Redis refused a whole script */
};

/* cron_new borrows all for its life. */
struct cron *cron_new(struct loop *l, const struct settings *s, const struct crontab *t,
	struct lead *lead, const struct cron_events *events, void *arg);

/* cron_leads begins or ends acting. */
void cron_leads(struct cron *c, bool leading);

#endif
