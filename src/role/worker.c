/* SPDX-License-Identifier: MIT */
/* worker.c: the role that works jobs.
 *
 *   claim ---> slot ---> job flow ---> end ---> slot free
 *
 *   running ---> draining: no new jobs, what runs goes on
 *                  | none left              | DRAIN_TIMEOUT
 *                  v                        v
 *              deregister <--- hand back what still runs, to the head of its queue
 *
 * Up to WORKER_CONCURRENCY jobs are in flight on one loop.  A job whose lease is
 * lost is hurried to its end; its outcome is refused by Redis and its effects by
 * the store, whose turn another attempt holds by then. */
#include "role/role.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "client/ai.h"
#include "client/gateway.h"
#include "codec/rqjob.h"
#include "job/job.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "queue/claim.h"
#include "role/drain.h"
#include "role/probe.h"
#include "store/store.h"

enum {
	METRICS_PORT = 5001,
	BACKOFF_MAX_S = 60,
	QUIT_LIMIT_MS = 2000, /* to record the last ends */
};

struct slot {
	struct job job;
	struct worker *worker;
	LIST_ENTRY(slot) next;
};

struct worker {
	struct probe probe; /* first: see probe.h */
	struct loop loop;
	struct job_env env;
	struct claim *claim;
	struct drain drain;
	LIST_HEAD(slots, slot) running;
	int running_count;
	char name[320];
	bool quitting;
};

static void begin_quit(struct worker *w);

/* --- ends ----------------------------------------------------------------- */

/* 1, 2, 4 ... s with full jitter; a peer's wish is the least. */
static int64_t
backoff_s(const struct job *job)
{
	int64_t most = job->attempt < 6 ? 1 << job->attempt : BACKOFF_MAX_S;
	uint16_t dice;

	digest_random(&dice, sizeof(dice));
	int64_t s = 1 + dice % most;
	int64_t wish = (job->retry_after_ms + 999) / 1000;
	return job->retry_after_ms > 0 && wish > s ? wish : s;
}

static void
log_end(const struct job *job, int64_t us)
{
	const char *id = log_safe(job->id);

	if (job->err == 0)
		log_info("✅ [WEBHOOK_JOB] Completed job_id=%s dur_ms=%.1f", id,
			(double)us / 1000);
	else
		log_warn("%s [WEBHOOK_JOB] %s job_id=%s attempt=%lld step=%s reason=%s",
			err_transient(job->err) ? "🔁" : "❌",
			err_transient(job->err) ? "Will be retried" : "Failed", id,
			(long long)job->attempt, job->step ? job->step : "start",
			job->words);
}

static void
on_job_ended(struct job *job)
{
	struct slot *slot = container_of(job, struct slot, job);
	struct worker *w = slot->worker;
	int64_t us = clock_mono_us() - job->started_us;
	bool again = err_transient(job->err) || job->err == ERR_FENCED;

	metric_observe(M_JOB_SECONDS, us);
	log_end(job, us);
	if (job->err == 0)
		claim_end(w->claim, job->id, job->queue, job->attempt, CLAIM_OK, 0,
			STR(""));
	else if (again)
		claim_end(w->claim, job->id, job->queue, job->attempt, CLAIM_RETRY,
			backoff_s(job), str_of(job->words));
	else
		claim_end(w->claim, job->id, job->queue, job->attempt, CLAIM_FAIL, 0,
			str_of(job->words));

	LIST_REMOVE(slot, next);
	metric_set(M_JOBS_RUNNING, --w->running_count);
	arena_done(&job->arena);
	free(slot);
	if (w->probe.draining && w->running_count == 0)
		begin_quit(w);
}

static void
on_recorded(void *arg, struct str id, struct str word)
{
	static const struct {
		const char *word;
		enum metric metric;
	} rows[] = {{"ok", M_JOBS_OK}, {"retry", M_JOBS_RETRY}, {"fail", M_JOBS_FAILED},
		{"fenced", M_JOBS_FENCED}};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (str_eqz(word, rows[i].word))
			metric_add(rows[i].metric, 1);
	if (str_eqz(word, "fenced"))
		log_warn("outcome refused, another attempt holds the job job_id=%s",
			log_safe(id));
}

/* --- claims --------------------------------------------------------------- */

static int
on_room(void *arg)
{
	struct worker *w = arg;

	return (int)w->env.s->worker_concurrency - w->running_count;
}

static void
on_job(void *arg, const struct claim_job *c)
{
	struct worker *w = arg;
	struct slot *slot = xcalloc(1, sizeof(*slot));
	struct job *job = &slot->job;
	int64_t timeout_s = w->env.s->job_timeout_s, enqueued_us;

	if (str_int(c->timeout, &timeout_s) < 0 || timeout_s <= 0 ||
		timeout_s > INT32_MAX)
		timeout_s =
			w->env.s->job_timeout_s; /* -1, or what no peer should write */
	slot->worker = w;
	arena_init(&job->arena);
	job->env = &w->env;
	job->id = arena_str(&job->arena, c->id);
	job->queue = arena_str(&job->arena, c->queue);
	job->tenant = arena_str(&job->arena, c->tenant);
	job->attempt = c->attempt;
	job->started_us = clock_mono_us();
	job->timeout_ms = timeout_s * 1000;
	job->retry_after_ms = -1;
	job->ended = on_job_ended;
	LIST_INSERT_HEAD(&w->running, slot, next);
	metric_set(M_JOBS_RUNNING, ++w->running_count);
	if (rqjob_date(c->enqueued_at, &enqueued_us) == 0)
		metric_observe(M_JOB_WAIT_SECONDS, clock_wall_us() - enqueued_us);
	job_run(job, arena_str(&job->arena, c->data));
}

static void
on_lost(void *arg, struct str id)
{
	struct worker *w = arg;
	struct slot *slot;

	LIST_FOREACH (slot, &w->running, next)
		if (str_eq(slot->job.id, id)) {
			job_hurry(&slot->job, "the lease was lost");
			return;
		}
}

/* Renewal is also when overdue jobs are looked for: they end by themselves soon
 * after, since only a call to others can take long. */
static void
on_each(void *arg, struct claim *c)
{
	struct worker *w = arg;
	struct slot *slot, *after;
	int64_t now_us = clock_mono_us();
	char words[96];

	for (slot = LIST_FIRST(&w->running); slot; slot = after) {
		struct job *job = &slot->job;

		after = LIST_NEXT(slot, next);
		claim_renewing(c, job->id, job->queue, job->attempt);
		if (now_us - job->started_us < job->timeout_ms * 1000)
			continue;
		snprintf(words, sizeof(words),
			"Task exceeded maximum timeout value (%lld seconds)",
			(long long)job->timeout_ms / 1000);
		job_hurry(job, words);
	}
}

/* --- life ----------------------------------------------------------------- */

static void
on_quit(void *arg)
{
	loop_quit(&((struct worker *)arg)->loop);
}

static void
begin_quit(struct worker *w)
{
	if (w->quitting)
		return;
	w->quitting = true;
	claim_quit(w->claim, on_quit, w);
	drain_begin(&w->drain, QUIT_LIMIT_MS, on_quit, w);
}

/* DRAIN_TIMEOUT: what still runs goes back to the head of its queue. */
static void
on_late(void *arg)
{
	struct worker *w = arg;
	struct slot *slot;

	LIST_FOREACH (slot, &w->running, next) {
		log_warn("handed back job_id=%s", log_safe(slot->job.id));
		claim_end(w->claim, slot->job.id, slot->job.queue, slot->job.attempt,
			CLAIM_BACK, 0, STR(""));
	}
	begin_quit(w);
}

static void
on_stop(void *arg)
{
	struct worker *w = arg;

	log_info("draining, jobs running: %d", w->running_count);
	claim_stop(w->claim);
	probe_drain(&w->probe, NULL, NULL);
	if (w->running_count == 0)
		begin_quit(w);
	else
		drain_begin(&w->drain, w->env.s->drain_timeout_s * 1000, on_late, w);
}

static const char *
trouble(void *ctx)
{
	return claim_trouble(((struct worker *)ctx)->claim);
}

static void
make_name(struct worker *w)
{
	char host[256] = "host";
	uint8_t dice[4];
	char hex[2 * sizeof(dice) + 1];

	gethostname(host, sizeof(host) - 1);
	digest_random(dice, sizeof(dice));
	digest_hex(dice, sizeof(dice), hex);
	snprintf(
		w->name, sizeof(w->name), "prosaas-%s-%d-%s", host, (int)getpid(), hex);
}

static void
open_clients(struct worker *w, const struct settings *s)
{
	static struct arena arena;
	char err[256];

	arena_init(&arena);
	w->env.s = s;
	w->env.loop = &w->loop;
	w->env.store = store_open(&w->loop, store_url(s, &arena), err);
	arena_done(&arena);
	if (!w->env.store)
		die("%s", err);

	struct http_client *http = http_client_new(&w->loop);
	w->env.ai = ai_client_new(http, s);
	w->env.gateway = gateway_new(http, s);
}

int
worker_run(const struct settings *s)
{
	static const struct http_route routes[] = {
		PROBE_ROUTES, {NULL, NULL, NULL, NULL, 0}};
	static const struct claim_events events = {
		on_room, on_job, on_lost, on_recorded, on_each};
	static struct worker w;

	loop_init(&w.loop);
	LIST_INIT(&w.running);
	make_name(&w);
	open_clients(&w, s);
	w.probe.s = s;
	w.probe.trouble = trouble;
	w.claim = claim_new(&w.loop, s, w.name, &events, &w);
	drain_init(&w.drain, &w.loop);
	loop_on_stop(&w.loop, on_stop, &w);
	probe_listen(&w.probe, &w.loop, routes, s->metrics_port, METRICS_PORT);
	log_info("working as %s on %s", w.name, s->rq_queues);
	loop_run(&w.loop);
	if (w.running_count == 0)
		store_close(w.env.store);
	log_info("stopped");
	log_flush();
	return 0;
}
