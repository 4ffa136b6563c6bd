/* SPDX-License-Identifier: MIT */
/* gate.c: after a deployment: go, or roll back. */
#include "doctor/gate.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "codec/val.h"
#include "doctor/gate_api.h"
#include "doctor/gate_log.h"
#include "doctor/looks.h"
#include "queue/checkup.h"
#include "store/store.h"
#include "store/store_checkup.h"

enum {
	SAMPLES = 30,       /* a window, ... */
	EVERY_MIN_MS = 500, /* ... between these */
	EVERY_MAX_MS = 10000,
	RATE_MAX_PCT = 1, /* the guide's */
	WAIT_MAX_S = 30,  /* a job that waits for longer waits for a worker */
};

/* --- the jobs' numbers ------------------------------------------------------- */

static void
sample_jobs(struct gate *g, bool first)
{
	struct doctor *d = g->d;

	g->jobs_fail = d->ask.redis == NULL;
	snprintf(g->jobs_words, sizeof(g->jobs_words), "no REDIS_URL");
	if (g->jobs_fail)
		return;
	checkup_ended(d->ask.redis, &d->ask.cmd, g->queues.p, g->from_s, ask_done);
	const struct val *v = ask_wait(&d->ask);
	g->jobs_fail = v == NULL;
	if (!v) {
		snprintf(g->jobs_words, sizeof(g->jobs_words), "%s", d->ask.words);
		return;
	}
	g->from_s = val_int(val_at(v, 0), g->from_s);
	if (first)
		return;
	g->finished += val_int(val_at(v, 1), 0);
	g->failed += val_int(val_at(v, 2), 0);
}

/* --- judging ----------------------------------------------------------------- */

static double
percent(double part, double of)
{
	return of > 0 ? 100 * part / of : 0;
}

static void
judge_processing(struct gate *g, struct finding *f)
{
	double jobs = gate_api_sum(g).jobs;
	const char *log = g->o.api_unit ? g->o.api_unit : g->o.api_log;

	if (log && g->log_words)
		found(g->d, f, VERDICT_UNKNOWN, "%s: %s", log, g->log_words);
	else if (jobs > 0 || g->log_jobs > 0)
		found(g->d, f, VERDICT_BAD,
			"the api worked %.0f jobs; %lld lines of processing in its log",
			jobs, (long long)g->log_jobs);
	else if (log)
		found(g->d, f, VERDICT_OK,
			"no line of processing in %lld new ones of %s, no job in the "
			"api",
			(long long)g->log_lines, log);
	else if (gate_api_unseen(g))
		found(g->d, f, VERDICT_UNKNOWN, "%s", g->api_words);
	else
		found(g->d, f, VERDICT_OK,
			"no job in the api by its metrics; its log was not looked at "
			"(--api-log, --api-unit)");
}

static void
judge_slow(struct gate *g, struct finding *f)
{
	struct gate_numbers n = gate_api_sum(g);
	double pct = percent(n.slow, n.answers);
	const struct finding *now = doctor_found(g->d, "webhook");

	if (gate_api_unseen(g))
		found(g->d, f, VERDICT_UNKNOWN, "%s", g->api_words);
	else
		found(g->d, f,
			pct > RATE_MAX_PCT || now->verdict == VERDICT_BAD ? VERDICT_BAD
									  : VERDICT_OK,
			"%.0f of %.0f answers took more than a second (%.2f %%); now: "
			"%.*s",
			n.slow, n.answers, pct, STR_FMT(now->evidence));
}

/* Since one window before the gate: the deployment itself is in it. */
static void
judge_duplicates(struct gate *g, struct finding *f)
{
	struct doctor *d = g->d;
	struct checkup_rows rows = {.since_us = g->from_us - g->window_s * 1000000};
	char err[256];

	if (checkup_duplicates(store_url(d->s, &d->arena), &d->arena, &rows, err) < 0)
		found(d, f, VERDICT_UNKNOWN, "%s", err);
	else
		found(d, f, rows.inbound + rows.replies ? VERDICT_BAD : VERDICT_OK,
			"%lld messages are there twice, %lld turns have two replies",
			(long long)rows.inbound, (long long)rows.replies);
}

static void
judge_idle(struct gate *g, struct finding *f)
{
	struct doctor *d = g->d;
	const struct finding *worker = doctor_found(d, "worker");
	const struct finding *queues = doctor_found(d, "worker-queues");
	int64_t ended = g->finished + g->failed, waiting = 0, oldest_s = 0;

	if (worker->verdict != VERDICT_OK || queues->verdict != VERDICT_OK) {
		bool first = worker->verdict != VERDICT_OK;
		const struct finding *why = first ? worker : queues;

		found(d, f, why->verdict, "%.*s", STR_FMT(why->evidence));
		return;
	}
	work_waiting(d, &waiting, &oldest_s);
	bool idle = waiting > 0 && ended == 0 &&
		    (oldest_s > WAIT_MAX_S || oldest_s >= g->window_s);
	found(d, f, idle ? VERDICT_BAD : VERDICT_OK,
		"%lld jobs ended; %lld wait, the oldest for %lld s", (long long)ended,
		(long long)waiting, (long long)oldest_s);
}

static void
judge_errors(struct gate *g, struct finding *f)
{
	struct gate_numbers n = gate_api_sum(g);
	double ended = (double)(g->finished + g->failed);
	double http = percent(n.errors, n.answers);
	double jobs = percent((double)g->failed, ended);

	if (gate_api_unseen(g) || g->jobs_fail) {
		found(g->d, f, VERDICT_UNKNOWN, "%s",
			gate_api_unseen(g) ? g->api_words : g->jobs_words);
		return;
	}
	if (g->api_missed > 0) { /* nobody counts the webhooks that found no api */
		found(g->d, f, VERDICT_BAD,
			"the api did not answer %zu of %zu looks (%s)", g->api_missed,
			g->api_looks, g->api_words);
		return;
	}
	found(g->d, f,
		http > RATE_MAX_PCT || jobs > RATE_MAX_PCT ? VERDICT_BAD : VERDICT_OK,
		"%.0f of %.0f webhooks were answered 5xx (%.2f %%), %lld of %.0f jobs "
		"failed (%.2f %%)",
		n.errors, n.answers, http, (long long)g->failed, ended, jobs);
}

/* --- the window -------------------------------------------------------------- */

static void
show_progress(const struct gate *g, int64_t left_ms)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\rgate: %lld s of %lld s left \r",
			(long long)(left_ms / 1000), (long long)g->window_s);
}

static void
stand(struct gate *g)
{
	int64_t every_ms = g->window_s * 1000 / SAMPLES;
	int64_t until_ms = clock_mono_ms() + g->window_s * 1000, left_ms;

	if (every_ms < EVERY_MIN_MS)
		every_ms = EVERY_MIN_MS;
	if (every_ms > EVERY_MAX_MS)
		every_ms = EVERY_MAX_MS;
	gate_api_look(g);
	sample_jobs(g, true);
	while ((left_ms = until_ms - clock_mono_ms()) > 0) {
		show_progress(g, left_ms);
		ask_sleep(&g->d->ask, left_ms < every_ms ? left_ms : every_ms);
		gate_api_look(g);
		sample_jobs(g, false);
	}
}

/* Our own queue's jobs go by the clock: they end, whatever becomes of the messages. */
static struct str
queues_of(struct doctor *d)
{
	struct str rest = str_of(d->s->rq_queues), name, all = STR("");

	while (str_next(&rest, &name))
		if (!str_eqz(name, OWN_QUEUE))
			all = arena_printf(&d->arena, "%.*s%s%.*s", STR_FMT(all),
				all.n ? "," : "", STR_FMT(name));
	return all;
}

const struct gate_criterion gate_criteria[GATE_COUNT] = {
	{"api-processes", judge_processing,
		"`prosaas_jobs_finished_total` of the api; a line with [WEBHOOK_JOB] "
		"or "
		"[FLASK_WEBHOOK_IN] that came into its log meanwhile",
		"any"},
	{"webhook-slow", judge_slow,
		"`prosaas_http_request_duration_seconds` of the api, and three "
		"webhooks "
		"without messages at the end",
		"more than 1 % above a second, or the best of the three"},
	{"duplicates", judge_duplicates,
		"rows of the database since one window before it began",
		"a message twice, or two replies of one turn"},
	{"worker-idle", judge_idle, "workers, queues, and jobs that ended meanwhile",
		"no live worker, one that does not listen, or jobs that wait while "
		"none "
		"ends"},
	{"error-rate", judge_errors,
		"webhooks answered 5xx; jobs that failed; whether the api answers",
		"more than 1 % of either; an api that did not answer a look for 3 s"},
};

void
gate_run(struct gate *g, struct doctor *d, const struct gate_options *o)
{
	*g = (struct gate){.d = d, .o = *o, .window_s = o->window_s};
	g->from_us = clock_wall_us();
	g->queues = queues_of(d);
	gate_log_begin(g);
	stand(g);
	gate_log_end(g);
	doctor_look(d);
	for (size_t i = 0; i < GATE_COUNT; i++)
		gate_criteria[i].judge(g, &g->findings[i]);
}

bool
gate_go(const struct gate *g)
{
	for (size_t i = 0; i < GATE_COUNT; i++)
		if (g->findings[i].verdict != VERDICT_OK)
			return false;
	return true;
}

/* --- telling ----------------------------------------------------------------- */

void
gate_text(const struct gate *g, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < GATE_COUNT; i++)
		buf_addf(out, "%-8s %-14s %.*s\n",
			verdict_marks[g->findings[i].verdict], gate_criteria[i].name,
			STR_FMT(g->findings[i].evidence));
	buf_addz(out, gate_go(g) ? "GO" : "ROLL BACK: ");
	for (size_t i = 0; i < GATE_COUNT; i++) {
		const struct finding *f = &g->findings[i];

		if (f->verdict == VERDICT_OK)
			continue;
		buf_addf(out, "%s%s%s", first ? "" : ", ", gate_criteria[i].name,
			f->verdict == VERDICT_UNKNOWN ? " (could not be judged)" : "");
		first = false;
	}
	buf_addc(out, '\n');
}

void
gate_json(const struct gate *g, struct buf *out)
{
	char from[CLOCK_ISO_SIZE];
	bool first = true;

	clock_iso(from, g->from_us);
	buf_addf(out,
		"{\"decision\":\"%s\",\"from\":\"%s\",\"window_seconds\":%lld,"
		"\"criteria\":[",
		gate_go(g) ? "go" : "roll back", from, (long long)g->window_s);
	for (size_t i = 0; i < GATE_COUNT; i++) {
		const struct finding *f = &g->findings[i];

		buf_addf(out, "%s{\"name\":\"%s\",\"verdict\":\"%s\",\"evidence\":",
			i ? "," : "", gate_criteria[i].name, verdict_names[f->verdict]);
		json_quote(out, f->evidence);
		buf_addc(out, '}');
	}
	buf_addz(out, "],\"reasons\":[");
	for (size_t i = 0; i < GATE_COUNT; i++) {
		if (g->findings[i].verdict == VERDICT_OK)
			continue;
		buf_addf(out, "%s\"%s\"", first ? "" : ",", gate_criteria[i].name);
		first = false;
	}
	buf_addz(out, "]}\n");
}
