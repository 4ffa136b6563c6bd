/* SPDX-License-Identifier: MIT */
/* jobs.c: checks of what waits. */
#include <stdio.h>

#include "codec/val.h"
#include "doctor/looks.h"
#include "doctor/work_priv.h"
#include "queue/checkup.h"
#include "queue/lead.h"
#include "queue/registry.h"

enum { OLD_WARN_S = 60 }; /* a job that waits for longer is late for its customer */

void
look_jobs_held(struct doctor *d, struct finding *f)
{
	long long held = (long long)work_sum(d, Q_HELD);

	if (held > 0 && work_alive(d, true) == 0 && work_alive(d, false) > 0)
		found(d, f, VERDICT_BAD,
			"%lld jobs are held, dealt out or parked by our workers, and "
			"only Python workers live",
			held);
	else
		found(d, f, VERDICT_OK, "%lld held for workers of ours", held);
}

void
look_jobs_stuck(struct doctor *d, struct finding *f)
{
	long long leases = (long long)work_sum(d, Q_LEASES);
	long long late = (long long)work_sum(d, Q_LATE);
	long long due = (long long)work_number(work_part(d, DUE), 0);
	long long lanes = (long long)work_number(work_part(d, LANES), 0);
	struct str one = work_text(work_part(d, LANES), 1);
	const struct val *q;

	for (size_t i = 0; (q = val_at(work_part(d, QUEUES), i)) != NULL; i++)
		if (work_text(q, Q_LEASE_ID).n)
			one = work_text(q, Q_LEASE_ID);
	if (leases + late + due + lanes == 0) {
		found(d, f, VERDICT_OK, "nothing is overdue for %d s", CHECKUP_LATE_S);
		return;
	}
	found(d, f, VERDICT_BAD,
		"for %d s and more: %lld leases have ended, %lld chats are held by a "
		"dead job, %lld scheduled and %lld debounced jobs are due%s%.*s",
		CHECKUP_LATE_S, leases, lanes, late, due, one.n ? "; one job: " : "",
		STR_FMT(one));
}

/* As a scheduler would, for one sweep, and only while none leads. */
bool
fix_jobs_stuck(struct doctor *d, char words[256])
{
	struct lead_once once;
	const struct val *swept;

	lead_once_init(&once, d->s);
	lead_once_take(&once, d->ask.redis, &d->ask.cmd, ask_done);
	if (val_int(val_at(ask_wait(&d->ask), 0), 0) != 1) {
		snprintf(words, 256, "a scheduler leads: it sweeps each second");
		return false;
	}
	lead_once_sweep(&once, d->ask.redis, &d->ask.cmd, ask_done);
	swept = ask_wait(&d->ask);
	snprintf(words, 256,
		"swept once: %lld due jobs moved, %lld of dead workers handed back, "
		"%lld "
		"buried as poison, %lld chats freed",
		(long long)work_number(swept, 0), (long long)work_number(swept, 1),
		(long long)work_number(swept, 2), (long long)work_number(swept, 3));
	if (!swept)
		snprintf(words, 256, "sweep: %s", d->ask.words);
	lead_once_resign(&once, d->ask.redis, &d->ask.cmd, ask_done);
	(void)ask_wait(&d->ask);
	lead_once_done(&once);
	return swept != NULL;
}

/* The guide's issue 4: webhooks are answered 200, and nothing comes of it.  A job may
 * wait as long as the AI thinks about the one before it. */
void
look_jobs_waiting(struct doctor *d, struct finding *f)
{
	int64_t idle_s = d->s->ai_timeout_s + 10;
	const struct val *q;
	int64_t worst_s = 0;

	for (size_t i = 0; (q = val_at(work_part(d, QUEUES), i)) != NULL; i++) {
		struct str name = work_text(q, Q_NAME), since = work_text(q, Q_OLDEST);
		int64_t age_s = since.n ? registry_age_s(since) : 0;
		struct str end = work_text(q, Q_LAST_END);
		int64_t end_s = end.n ? registry_age_s(end) : -1;

		if (age_s <= worst_s || !str_lists(str_of(d->s->rq_queues), name))
			continue;
		worst_s = age_s;
		bool idle = end_s < 0 || end_s >= age_s;
		found(d, f,
			idle && age_s > idle_s ? VERDICT_BAD
			: age_s > OLD_WARN_S   ? VERDICT_WARN
					       : VERDICT_OK,
			"%.*s: %lld wait, the oldest for %lld s; %lld are started; %s",
			STR_FMT(name), (long long)work_number(q, Q_WAITING),
			(long long)age_s, (long long)work_number(q, Q_STARTED),
			idle ? "none has ended since it came"
			     : "others have ended since");
	}
	if (worst_s == 0)
		found(d, f, VERDICT_OK, "%lld wait, none for long",
			(long long)work_sum(d, Q_WAITING));
}
