/* SPDX-License-Identifier: MIT */
/* work.c: checks of who works and of what waits: workers, scheduler, jobs.
 *
 * All read one look at Redis (queue/checkup.h), which look_worker() takes. */
#include <stdio.h>

#include "base/clock.h"
#include "codec/rqjob.h"
#include "codec/val.h"
#include "doctor/looks.h"
#include "queue/checkup.h"
#include "queue/lead.h"
#include "queue/live.h"
#include "queue/registry.h"

enum { OLD_WARN_S = 60 }; /* a job that waits for longer is late for its customer */

/* --- the reply of checkup.lua -------------------------------------------------- */

enum { SUSPENDED, LEADER_MS, SEEN_MS, DUE, LANES, WORKERS, QUEUES };
enum { W_NAME, W_THERE, W_HEARTBEAT, W_DEATH, W_PYTHON, W_VERSION, W_QUEUES };
enum {
	Q_NAME,
	Q_WAITING,
	Q_HELD,
	Q_OLDEST,
	Q_LEASES,
	Q_LEASE_ID,
	Q_LATE,
	Q_STARTED,
	Q_LAST_END,
	Q_LOCK
};

static const struct val *
part(const struct doctor *d, size_t i)
{
	return val_at(d->work, i);
}

static struct str
text(const struct val *row, size_t i)
{
	return val_text(val_at(row, i));
}

static int64_t
number(const struct val *row, size_t i)
{
	return val_int(val_at(row, i), 0);
}

static bool
is_ours(const struct val *w)
{
	return str_eqz(text(w, W_PYTHON), "none (prosaas)");
}

static bool
is_alive(const struct val *w)
{
	return number(w, W_THERE) == 1 && text(w, W_DEATH).n == 0 &&
	       text(w, W_HEARTBEAT).n > 0 &&
	       registry_age_s(text(w, W_HEARTBEAT)) <= LIVE_OLD_S;
}

static size_t
count_alive(const struct doctor *d, bool ours)
{
	size_t n = 0;
	const struct val *w;

	for (size_t i = 0; (w = val_at(part(d, WORKERS), i)) != NULL; i++)
		n += is_alive(w) && is_ours(w) == ours;
	return n;
}

static bool
listens(const struct val *w, struct str queue)
{
	struct str rest = text(w, W_QUEUES), name;

	while (str_next(&rest, &name))
		if (str_eq(name, queue))
			return true;
	return false;
}

static bool
is_listened_to(const struct doctor *d, struct str queue)
{
	const struct val *w;

	for (size_t i = 0; (w = val_at(part(d, WORKERS), i)) != NULL; i++)
		if (is_alive(w) && listens(w, queue))
			return true;
	return false;
}

/* Sums a column of the queues. */
static int64_t
sum(const struct doctor *d, size_t column)
{
	const struct val *q;
	int64_t n = 0;

	for (size_t i = 0; (q = val_at(part(d, QUEUES), i)) != NULL; i++)
		n += number(q, column);
	return n;
}

static bool
is_named(const char *names, struct str wanted)
{
	struct str rest = str_of(names), name;

	while (str_next(&rest, &name))
		if (str_eq(name, wanted))
			return true;
	return false;
}

bool
work_has(const struct doctor *d, struct str worker)
{
	const struct val *w;

	for (size_t i = 0; (w = val_at(part(d, WORKERS), i)) != NULL; i++)
		if (str_eq(text(w, W_NAME), worker))
			return true;
	return false;
}

size_t
work_count(const struct doctor *d)
{
	return count_alive(d, true) + count_alive(d, false);
}

void
work_waiting(const struct doctor *d, int64_t *ret, int64_t *ret_oldest_s)
{
	const struct val *q;

	*ret = *ret_oldest_s = 0;
	for (size_t i = 0; (q = val_at(part(d, QUEUES), i)) != NULL; i++) {
		struct str name = text(q, Q_NAME), since = text(q, Q_OLDEST);
		int64_t age_s = since.n ? registry_age_s(since) : 0;

		if (!is_named(d->s->rq_queues, name) || str_eqz(name, OWN_QUEUE))
			continue;
		*ret += number(q, Q_WAITING);
		if (age_s > *ret_oldest_s)
			*ret_oldest_s = age_s;
	}
}

/* --- workers ------------------------------------------------------------------ */

/* The youngest heartbeat of a dead one says since when nobody works. */
static int64_t
youngest_s(const struct doctor *d)
{
	const struct val *w;
	int64_t best = -1;

	for (size_t i = 0; (w = val_at(part(d, WORKERS), i)) != NULL; i++) {
		struct str at = text(w, W_HEARTBEAT);
		int64_t age = at.n ? registry_age_s(at) : -1;

		if (is_ours(w) && age >= 0 && (best < 0 || age < best))
			best = age;
	}
	return best;
}

void
look_worker(struct doctor *d, struct finding *f)
{
	checkup_look(d->ask.redis, &d->ask.cmd, d->s->rq_queues, ask_done);
	d->work = ask_wait(&d->ask);
	if (!d->work) {
		found(d, f, VERDICT_UNKNOWN, "%s", d->ask.words);
		return;
	}
	size_t ours = count_alive(d, true), theirs = count_alive(d, false);
	long long waiting = (long long)sum(d, Q_WAITING);
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

	for (size_t i = 0; (q = val_at(part(d, QUEUES), i)) != NULL; i++) {
		struct str name = text(q, Q_NAME);
		bool wanted = is_named(d->s->rq_queues, name);

		if (is_listened_to(d, name) || (number(q, Q_WAITING) == 0 && !wanted))
			continue;
		idle = arena_printf(&d->arena, "%.*s%s%.*s (%lld jobs)", STR_FMT(idle),
			idle.n ? ", " : "", STR_FMT(name),
			(long long)number(q, Q_WAITING));
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

	for (size_t i = 0; (w = val_at(part(d, WORKERS), i)) != NULL; i++)
		if (is_alive(w) && is_ours(w) &&
			!str_eqz(text(w, W_VERSION), PROSAAS_VERSION)) {
			found(d, f, VERDICT_WARN,
				"worker %.*s is of version %.*s, this is "
				"%s",
				STR_FMT(text(w, W_NAME)), STR_FMT(text(w, W_VERSION)),
				PROSAAS_VERSION);
			return;
		}
	found(d, f, VERDICT_OK, "all are %s, as this program", PROSAAS_VERSION);
}

void
look_worker_foreign(struct doctor *d, struct finding *f)
{
	const struct val *w;
	struct str rest, name;

	for (size_t i = 0; (w = val_at(part(d, WORKERS), i)) != NULL; i++) {
		if (!is_alive(w) || is_ours(w))
			continue;
		rest = text(w, W_QUEUES);
		while (str_next(&rest, &name)) {
			if (!is_named(d->s->rq_queues, name))
				continue;
			found(d, f, VERDICT_WARN,
				"RQ's worker %.*s (Python) takes jobs of %.*s",
				STR_FMT(text(w, W_NAME)), STR_FMT(name));
			found_mend(d, f,
				"redis-cli PUBLISH rq:pubsub:%.*s "
				"'{\"command\":\"shutdown\"}'",
				STR_FMT(text(w, W_NAME)));
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

	for (size_t i = 0; (w = val_at(part(d, WORKERS), i)) != NULL; i++)
		gone += number(w, W_THERE) == 0;
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
	if (val_int(part(d, SUSPENDED), 0))
		found(d, f, VERDICT_BAD,
			"rq:suspended is set (rq suspend); %lld jobs wait",
			(long long)sum(d, Q_WAITING));
	else
		found(d, f, VERDICT_OK, "workers may take jobs");
}

/* --- scheduler ---------------------------------------------------------------- */

void
look_scheduler(struct doctor *d, struct finding *f)
{
	int64_t left_ms = val_int(part(d, LEADER_MS), -2);
	int64_t seen_ms = val_int(part(d, SEEN_MS), -1);

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
	if (val_int(part(d, LEADER_MS), -2) == -1)
		found(d, f, VERDICT_BAD, LEAD_KEY " has no time to live");
	else
		found(d, f, VERDICT_OK, "a leadership ends when it is not renewed");
}

/* Safe: a living leader renews it each second, a dead one's ends. */
bool
fix_leader_endless(struct doctor *d, char words[256])
{
	snprintf(words, 256, "PEXPIRE " LEAD_KEY " 10000");
	return ask_redis(&d->ask, "PEXPIRE", LEAD_KEY, "10000", NULL) != NULL;
}

void
look_scheduler_foreign(struct doctor *d, struct finding *f)
{
	const struct val *q;

	for (size_t i = 0; (q = val_at(part(d, QUEUES), i)) != NULL; i++) {
		struct str owner = text(q, Q_LOCK);

		if (!owner.n || str_eqz(owner, LEAD_RQ_OWNER) ||
			!is_named(d->s->rq_queues, text(q, Q_NAME)))
			continue;
		found(d, f, VERDICT_WARN,
			"rq:scheduler-lock:%.*s is held by process %.*s of RQ",
			STR_FMT(text(q, Q_NAME)), STR_FMT(owner));
		return;
	}
	found(d, f, VERDICT_OK, "no scheduler of RQ's moves jobs of these queues");
}

/* --- jobs --------------------------------------------------------------------- */

void
look_jobs_held(struct doctor *d, struct finding *f)
{
	long long held = (long long)sum(d, Q_HELD);

	if (held > 0 && count_alive(d, true) == 0 && count_alive(d, false) > 0)
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
	long long leases = (long long)sum(d, Q_LEASES);
	long long late = (long long)sum(d, Q_LATE);
	long long due = (long long)number(part(d, DUE), 0);
	long long lanes = (long long)number(part(d, LANES), 0);
	struct str one = text(part(d, LANES), 1);
	const struct val *q;

	for (size_t i = 0; (q = val_at(part(d, QUEUES), i)) != NULL; i++)
		if (text(q, Q_LEASE_ID).n)
			one = text(q, Q_LEASE_ID);
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
		(long long)number(swept, 0), (long long)number(swept, 1),
		(long long)number(swept, 2), (long long)number(swept, 3));
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

	for (size_t i = 0; (q = val_at(part(d, QUEUES), i)) != NULL; i++) {
		struct str name = text(q, Q_NAME), since = text(q, Q_OLDEST);
		int64_t age_s = since.n ? registry_age_s(since) : 0;
		struct str end = text(q, Q_LAST_END);
		int64_t end_s = end.n ? registry_age_s(end) : -1;

		if (age_s <= worst_s || !is_named(d->s->rq_queues, name))
			continue;
		worst_s = age_s;
		bool idle = end_s < 0 || end_s >= age_s;
		found(d, f,
			idle && age_s > idle_s ? VERDICT_BAD
			: age_s > OLD_WARN_S   ? VERDICT_WARN
					       : VERDICT_OK,
			"%.*s: %lld wait, the oldest for %lld s; %lld are started; %s",
			STR_FMT(name), (long long)number(q, Q_WAITING),
			(long long)age_s, (long long)number(q, Q_STARTED),
			idle ? "none has ended since it came"
			     : "others have ended since");
	}
	if (worst_s == 0)
		found(d, f, VERDICT_OK, "%lld wait, none for long",
			(long long)sum(d, Q_WAITING));
}
