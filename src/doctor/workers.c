/* SPDX-License-Identifier: MIT */
/* workers.c: checks of who works: workers and schedulers, ours and RQ's. */
#include <stdio.h>

#include "base/clock.h"
#include "codec/val.h"
#include "doctor/looks.h"
#include "doctor/work_priv.h"
#include "queue/checkup.h"
#include "queue/lead.h"
#include "queue/registry.h"
#include "version.h"

enum { HAND_OVER_LOOK_MS = 250 }; /* a standby looks each second */

static bool
is_listened_to(const struct doctor *d, struct str queue)
{
	const struct val *w;

	for (size_t i = 0; (w = val_at(work_part(d, WORKERS), i)) != NULL; i++)
		if (work_is_alive(w) && str_lists(work_text(w, W_QUEUES), queue))
			return true;
	return false;
}

/* --- workers ------------------------------------------------------------------ */

/* The youngest heartbeat of a dead one says since when nobody works. */
static int64_t
youngest_s(const struct doctor *d)
{
	const struct val *w;
	int64_t best = -1;

	for (size_t i = 0; (w = val_at(work_part(d, WORKERS), i)) != NULL; i++) {
		struct str at = work_text(w, W_HEARTBEAT);
		int64_t age = at.n ? registry_age_s(at) : -1;

		if (work_is_ours(w) && age >= 0 && (best < 0 || age < best))
			best = age;
	}
	return best;
}

void
look_worker(struct doctor *d, struct finding *f)
{
	if (!work_look(d)) {
		found(d, f, VERDICT_UNKNOWN, "%s", d->ask.words);
		return;
	}
	size_t ours = work_alive(d, true), theirs = work_alive(d, false);
	long long waiting = (long long)work_sum(d, Q_WAITING);
	long long age = (long long)youngest_s(d);
	if (ours > 0)
		found(d, f, VERDICT_OK, "%zu live, youngest heartbeat %lld s ago", ours,
			age);
	else if (age >= 0)
		found(d, f, VERDICT_BAD,
			"none has sent a heartbeat for %lld s; %lld jobs wait; %zu "
			"Python workers live",
			age, waiting, theirs);
	else
		found(d, f, VERDICT_BAD,
			"none is registered in rq:workers; %lld jobs wait; %zu Python "
			"workers live",
			waiting, theirs);
}

void
look_worker_queues(struct doctor *d, struct finding *f)
{
	const struct val *q;
	struct str idle = STR("");

	for (size_t i = 0; (q = val_at(work_part(d, QUEUES), i)) != NULL; i++) {
		struct str name = work_text(q, Q_NAME);
		bool wanted = str_lists(str_of(d->s->rq_queues), name);

		if (is_listened_to(d, name) ||
			(work_number(q, Q_WAITING) == 0 && !wanted))
			continue;
		idle = arena_printf(&d->arena, "%.*s%s%.*s (%lld jobs)", STR_FMT(idle),
			idle.n ? ", " : "", STR_FMT(name),
			(long long)work_number(q, Q_WAITING));
	}
	if (idle.n)
		found(d, f, VERDICT_BAD, "no live worker listens to %.*s",
			STR_FMT(idle));
	else
		found(d, f, VERDICT_OK, "every queue of RQ_QUEUES is listened to");
	found_mend(d, f,
		"RQ_QUEUES=%s prosaas worker  # or restart the worker's service "
		"with it",
		d->s->rq_queues);
}

void
look_worker_version(struct doctor *d, struct finding *f)
{
	const struct val *w;

	for (size_t i = 0; (w = val_at(work_part(d, WORKERS), i)) != NULL; i++)
		if (work_is_alive(w) && work_is_ours(w) &&
			!str_eqz(work_text(w, W_VERSION), PROSAAS_VERSION)) {
			found(d, f, VERDICT_WARN,
				"worker %.*s is of version %.*s, this is "
				"%s",
				STR_FMT(work_text(w, W_NAME)),
				STR_FMT(work_text(w, W_VERSION)), PROSAAS_VERSION);
			return;
		}
	found(d, f, VERDICT_OK, "all are %s, as this program", PROSAAS_VERSION);
}

void
look_worker_foreign(struct doctor *d, struct finding *f)
{
	const struct val *w;
	struct str rest, name;

	for (size_t i = 0; (w = val_at(work_part(d, WORKERS), i)) != NULL; i++) {
		if (!work_is_alive(w) || work_is_ours(w))
			continue;
		rest = work_text(w, W_QUEUES);
		while (str_next(&rest, &name)) {
			if (!str_lists(str_of(d->s->rq_queues), name))
				continue;
			found(d, f, VERDICT_WARN,
				"RQ's worker %.*s (Python) takes jobs of %.*s",
				STR_FMT(work_text(w, W_NAME)), STR_FMT(name));
			found_mend(d, f,
				"redis-cli PUBLISH rq:pubsub:%.*s "
				"'{\"command\":\"shutdown\"}'",
				STR_FMT(work_text(w, W_NAME)));
			return;
		}
	}
	found(d, f, VERDICT_OK, "no Python worker takes jobs of these queues");
}

void
look_worker_gone(struct doctor *d, struct finding *f)
{
	const struct val *w;
	long long gone = 0;

	for (size_t i = 0; (w = val_at(work_part(d, WORKERS), i)) != NULL; i++)
		gone += work_number(w, W_THERE) == 0;
	found(d, f, gone ? VERDICT_WARN : VERDICT_OK,
		"%lld entries of rq:workers have no worker any more", gone);
}

bool
fix_worker_gone(struct doctor *d, char words[256])
{
	checkup_prune(d->ask.redis, &d->ask.cmd, d->s->rq_queues, ask_done);
	const struct val *n = ask_wait(&d->ask);

	if (!n)
		snprintf(words, 256, "%s", d->ask.words);
	else
		snprintf(words, 256, "SREM of %lld entries from rq:workers",
			(long long)val_int(n, 0));
	return n != NULL;
}

void
look_suspended(struct doctor *d, struct finding *f)
{
	if (val_int(work_part(d, SUSPENDED), 0))
		found(d, f, VERDICT_BAD,
			"rq:suspended is set (rq suspend); %lld jobs wait",
			(long long)work_sum(d, Q_WAITING));
	else
		found(d, f, VERDICT_OK, "workers may take jobs");
}

/* --- scheduler ---------------------------------------------------------------- */

static bool
is_handed_over(const struct doctor *d)
{
	int64_t seen_ms = val_int(work_part(d, SEEN_MS), -1);

	return val_int(work_part(d, LEADER_MS), -2) == -2 && seen_ms >= 0 &&
	       seen_ms < LEAD_GAP_MS;
}

/* Who stops resigns: until a standby looks, or he is back, nobody leads, and one was
 * there a moment ago. */
static void
await_leader(struct doctor *d)
{
	int64_t until_ms = clock_mono_ms() + LEAD_GAP_MS;

	while (is_handed_over(d) && clock_mono_ms() < until_ms) {
		ask_sleep(&d->ask, HAND_OVER_LOOK_MS);
		if (!work_look(d))
			return;
	}
}

void
look_scheduler(struct doctor *d, struct finding *f)
{
	await_leader(d);
	int64_t left_ms = val_int(work_part(d, LEADER_MS), -2);
	int64_t seen_ms = val_int(work_part(d, SEEN_MS), -1);

	if (left_ms >= 0)
		found(d, f, VERDICT_OK, "one leads, renewed %.1f s ago",
			(double)(LEAD_LIFE_MS - left_ms) / 1000);
	else if (left_ms == -1)
		found(d, f, VERDICT_BAD,
			"nobody knows whether the one that leads lives");
	else if (seen_ms >= 0)
		found(d, f, VERDICT_BAD, "none leads; one ran %.1f s ago",
			(double)seen_ms / 1000);
	else
		found(d, f, VERDICT_BAD, "none leads, and none has ever run here");
}

void
look_leader_endless(struct doctor *d, struct finding *f)
{
	if (val_int(work_part(d, LEADER_MS), -2) == -1)
		found(d, f, VERDICT_BAD, LEAD_KEY " has no time to live");
	else
		found(d, f, VERDICT_OK, "a leadership ends when it is not renewed");
}

/* Safe: a living leader renews it each second, a dead one's ends. */
bool
fix_leader_endless(struct doctor *d, char words[256])
{
	snprintf(words, 256, "PEXPIRE " LEAD_KEY " 10000");
	return ask_redis(&d->ask, "PEXPIRE", LEAD_KEY, "10000") != NULL;
}

void
look_scheduler_foreign(struct doctor *d, struct finding *f)
{
	const struct val *q;

	for (size_t i = 0; (q = val_at(work_part(d, QUEUES), i)) != NULL; i++) {
		struct str owner = work_text(q, Q_LOCK);

		if (!owner.n || str_eqz(owner, LEAD_RQ_OWNER) ||
			!str_lists(str_of(d->s->rq_queues), work_text(q, Q_NAME)))
			continue;
		found(d, f, VERDICT_WARN,
			"rq:scheduler-lock:%.*s is held by process %.*s of RQ",
			STR_FMT(work_text(q, Q_NAME)), STR_FMT(owner));
		return;
	}
	found(d, f, VERDICT_OK, "no scheduler of RQ's moves jobs of these queues");
}
