/* SPDX-License-Identifier: MIT */
/* worker.c: the role that works jobs.
 *
 *   claim ---> slot ---> job flow ---> finish ---> slot free
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
#include "client/gateway.h"
#include "client/otlp.h"
#include "client/typing.h"
#include "codec/rqjob.h"
#include "codec/trace.h"
#include "job/job.h"
#include "job/trace.h"
#include "net/loop.h"
#include "queue/claim.h"
#include "queue/enqueue.h"
#include "queue/finish.h"
#include "queue/live.h"
#include "queue/redis.h"
#include "queue/vitals.h"
#include "role/drain.h"
#include "role/env.h"
#include "role/probe.h"
#include "role/solo.h"
#include "role/tally.h"
#include "role/watchman.h"
#include "store/store.h"

enum {
	BACKOFF_MAX_S = 60,
	SOLO_CRASHES = 2,     /* a job whose workers died so often runs alone */
	DEADLINE_MS = 5000,   /* of a command to Redis */
	QUIT_LIMIT_MS = 2000, /* to record the last ends, and to end "typing..." */
};

struct slot {
	struct job job;
	struct str tenant; /* as claimed: a job may find a better name for it */
	struct worker *worker;
	struct solo *solo; /* runs in a process of its own; NULL: here */
	bool stopped;      /* by a person */
	TAILQ_ENTRY(slot) next;
};

struct worker {
	struct probe probe; /* first: see probe.h */
	struct loop loop;
	struct job_env env;
	struct redis *redis;
	struct claim *claim;
	struct finish *finish;
	struct live *live;
	struct drain drain;
	TAILQ_HEAD(slots, slot) running; /* oldest first */
	int running_count, tenant_cap;
	struct tally tally;
	char name[320];
	bool quitting, burying;
	struct loop_hook turn;
};

static void begin_quit(struct worker *w);

/* --- ends ----------------------------------------------------------------- */

/* 1, 2, 4 ... s with full jitter; or what the peer asks for, and a quarter of it more
 * at random, so that not all who wait for it come at once. */
static int64_t
delay_s(const struct job *job)
{
	int64_t most = job->attempt < 6 ? 1 << job->attempt : BACKOFF_MAX_S;
	int64_t wish = job->retry_after_ms > 0 ? (job->retry_after_ms + 999) / 1000 : 0;
	uint16_t dice;

	digest_random(&dice, sizeof(dice));
	if (wish == 0)
		return 1 + dice % most;
	return wish + dice % (wish / 4 + 1);
}

static enum finish_how
outcome_of(const struct slot *slot)
{
	const struct job *job = &slot->job;

	if (job->err == 0)
		return job->defer_ms > 0 ? FINISH_DUE : FINISH_OK;
	if (slot->stopped)
		return FINISH_STOPPED;
	if (job->err == ERR_FENCED) /* Redis knows who holds it */
		return FINISH_RETRY;
	if (job_gives_up(job, job->err))
		return FINISH_FAIL;
	return err_class(job->err) == CLASS_TRANSIENT ? FINISH_RETRY : FINISH_WAIT;
}

/* What an open breaker refused is a line for debugging: who opened it has said why. */
static void
log_end(const struct job *job, enum finish_how how, int64_t us)
{
	static const char *const words[] = {[FINISH_FAIL] = "❌ [WEBHOOK_JOB] Failed",
		[FINISH_RETRY] = "🔁 [WEBHOOK_JOB] Will be retried",
		[FINISH_WAIT] = "⏸️ [WEBHOOK_JOB] Waits",
		[FINISH_STOPPED] = "✋ [WEBHOOK_JOB] Stopped"};
	const char *id = log_safe(job->id);

	if (how == FINISH_OK) /* our own work comes every minute */
		log_line(str_eqz(job->queue, OWN_QUEUE) ? LOG_DEBUG : LOG_INFO,
			"✅ [WEBHOOK_JOB] Completed job_id=%s dur_ms=%.1f trace=%.*s",
			id, (double)us / 1000, STR_FMT(job->trace));
	else if (how == FINISH_DUE)
		log_debug("waits for more of its chat job_id=%s", id);
	else
		log_line(job->err == ERR_OPEN ? LOG_DEBUG : LOG_WARN,
			"%s job_id=%s trace=%.*s attempt=%lld step=%s reason=%s",
			words[how], id, STR_FMT(job->trace), (long long)job->attempt,
			job->step ? job->step : "start", job->words);
}

static void
record_end(struct slot *slot, enum finish_how how)
{
	struct job *job = &slot->job;
	bool again = how == FINISH_RETRY || how == FINISH_WAIT;

	finish_end(slot->worker->finish,
		&(struct finish_job){
			.id = job->id,
			.queue = job->queue,
			.attempt = job->attempt,
			.how = how,
			.delay_s = again ? delay_s(job) : 0,
			.delay_ms = job->defer_ms,
			.worked_us = clock_mono_us() - job->started_us,
			.reason = str_of(job->words),
			.value = job->value,
		});
}

static enum metric
dead_letter_of(int err)
{
	static const struct {
		int err;
		enum metric metric;
	} rows[] = {{ERR_NO_TENANT, M_DEAD_NO_TENANT},
		{ERR_NO_FUNCTION, M_DEAD_NO_FUNCTION},
		{ERR_UNPROCESSABLE, M_DEAD_UNPROCESSABLE},
		{ERR_AMBIGUOUS, M_DEAD_AMBIGUOUS}, {ERR_POISON, M_DEAD_POISON}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].err == err)
			return rows[i].metric;
	return err_transient(err) ? M_DEAD_SPENT : M_DEAD_OTHER;
}

static void
on_job_ended(struct job *job)
{
	struct slot *slot = container_of(job, struct slot, job);
	struct worker *w = slot->worker;
	int64_t us = clock_mono_us() - job->started_us;
	enum finish_how how = outcome_of(slot);

	metric_observe(M_JOB_SECONDS, us);
	metric_observe(M_JOB_OWN_SECONDS, us - job->ai_us);
	if (how == FINISH_FAIL)
		metric_add(dead_letter_of(job->err), 1);
	log_end(job, how, us);
	if (!str_eqz(job->queue, OWN_QUEUE)) /* our own work is nobody's message */
		trace_job(job);
	record_end(slot, how);
	if (how == FINISH_DUE)
		claim_look_in(w->claim, job->defer_ms);

	TAILQ_REMOVE(&w->running, slot, next);
	tally_sub(&w->tally, slot->tenant);
	claim_freed(w->claim);
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
		{"wait", M_JOBS_WAIT}, {"due", M_JOBS_DUE}, {"back", M_JOBS_BACK},
		{"stopped", M_JOBS_STOPPED}, {"fenced", M_JOBS_FENCED}};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (str_eqz(word, rows[i].word))
			metric_add(rows[i].metric, 1);
	if (str_eqz(word, "fenced"))
		log_warn("outcome refused, another attempt holds the job job_id=%s",
			log_safe(id));
}

static void
on_released(void *arg)
{
	claim_look(((struct worker *)arg)->claim);
}

/* --- claims --------------------------------------------------------------- */

static int
on_room(void *arg)
{
	struct worker *w = arg;

	return (int)w->env.s->worker_concurrency - w->running_count;
}

static void
on_caps(void *arg, struct claim *c, int asked)
{
	struct worker *w = arg;

	for (size_t i = 0; i < w->tally.n; i++) {
		const struct tally_row *row = &w->tally.rows[i];
		int more = w->tenant_cap - row->count;

		if (more < asked)
			claim_cap(c, row->tenant, more > 0 ? more : 0);
	}
}

/* -1 is no limit; what no peer should write is the usual one. */
static int64_t
timeout_ms(const struct worker *w, struct str timeout)
{
	int64_t s;

	if (str_int(timeout, &s) < 0 || s > INT32_MAX || s == 0 || s < -1)
		s = w->env.s->job_timeout_s;
	return s < 0 ? INT64_MAX / 2000 : s * 1000;
}

/* Of a job that others made. */
static struct str
trace_or_new(struct arena *a, struct str trace)
{
	char hex[TRACE_ID_SIZE];

	if (trace_is_id(trace))
		return arena_str(a, trace);
	digest_random_hex(sizeof(hex) - 1, hex);
	return arena_str(a, str_of(hex));
}

static struct slot *
slot_new(struct worker *w, const struct claim_job *c)
{
	struct slot *slot = xcalloc(1, sizeof(*slot));
	struct job *job = &slot->job;

	slot->worker = w;
	arena_init(&job->arena);
	job->env = &w->env;
	job->id = arena_str(&job->arena, c->id);
	job->queue = arena_str(&job->arena, c->queue);
	job->tenant = slot->tenant = arena_str(&job->arena, c->tenant);
	job->lane = arena_str(&job->arena, c->lane);
	job->trace = trace_or_new(&job->arena, c->trace);
	job->attempt = c->attempt;
	job->retries_left = c->retries_left;
	job->waited_s = c->waited_s;
	job->started_us = clock_mono_us();
	job->claimed_us = clock_wall_us();
	if (rqjob_date(c->enqueued_at, &job->queued_us) < 0)
		job->queued_us = 0;
	job->timeout_ms = timeout_ms(w, c->timeout);
	job->retry_after_ms = -1;
	job->ended = on_job_ended;
	TAILQ_INSERT_TAIL(&w->running, slot, next);
	tally_add(&w->tally, slot->tenant);
	metric_set(M_JOBS_RUNNING, ++w->running_count);
	return slot;
}

/* Told to stop while the claim was in flight. */
static void
hand_back(struct worker *w, const struct claim_job *c)
{
	finish_end(w->finish, &(struct finish_job){.id = c->id,
				      .queue = c->queue,
				      .attempt = c->attempt,
				      .how = FINISH_BACK});
}

static void
on_job(void *arg, const struct claim_job *c)
{
	struct worker *w = arg;

	if (w->probe.draining) {
		hand_back(w, c);
		return;
	}
	struct slot *slot = slot_new(w, c);
	if (slot->job.queued_us > 0)
		metric_observe(
			M_JOB_WAIT_SECONDS, slot->job.claimed_us - slot->job.queued_us);
	struct str data = arena_str(&slot->job.arena, c->data);
	if (c->crashes >= SOLO_CRASHES)
		slot->solo = solo_start(&w->loop, &slot->job, data);
	else
		job_run(&slot->job, data);
}

/* --- what the queue tells ------------------------------------------------- */

static void
hurry(struct slot *slot, const char *why)
{
	if (slot->solo)
		solo_hurry(slot->solo, why);
	else
		job_hurry(&slot->job, why);
}

static struct slot *
find_slot(struct worker *w, struct str id)
{
	struct slot *slot;

	TAILQ_FOREACH (slot, &w->running, next)
		if (str_eq(slot->job.id, id))
			return slot;
	return NULL;
}

static void
on_lost(void *arg, struct str id)
{
	struct slot *slot = find_slot(arg, id);

	if (slot)
		hurry(slot, "the lease was lost");
}

static void
stop_slot(struct slot *slot)
{
	log_warn("stopped by command job_id=%s", log_safe(slot->job.id));
	slot->stopped = true;
	hurry(slot, "Job stopped by user, work-horse terminated.");
}

/* Without an id (kill-horse): all that runs here.  A job that is hurried ends from the
 * loop, so none leaves the list under our feet. */
static void
on_stop_job(void *arg, struct str id)
{
	struct worker *w = arg;
	struct slot *slot;

	TAILQ_FOREACH (slot, &w->running, next)
		if (!id.p || str_eq(slot->job.id, id))
			stop_slot(slot);
}

static void
on_newcomer(void *arg, struct str id)
{
	struct slot *slot = find_slot(arg, id);

	if (slot && !slot->solo)
		job_notice(&slot->job);
}

static void
on_shutdown(void *arg)
{
	log_info("asked to shut down by command");
	loop_stop(&((struct worker *)arg)->loop);
}

static void
on_wake(void *arg)
{
	claim_look(((struct worker *)arg)->claim);
}

/* Its gateway is asked at once, not when its rest has ended. */
static void
on_resume(void *arg, struct str tenant)
{
	gateway_resume(((struct worker *)arg)->env.gateway, tenant);
}

/* Renewal is also when overdue jobs are looked for: they end by themselves soon
 * after, since only a call to others can take long. */
static void
on_each(void *arg, struct live *l)
{
	struct worker *w = arg;
	struct slot *slot;
	int64_t now_us = clock_mono_us();
	char words[96];

	TAILQ_FOREACH (slot, &w->running, next) {
		struct job *job = &slot->job;

		live_renewing(l, job->id, job->queue, job->attempt);
		if (now_us - job->started_us < job->timeout_ms * 1000)
			continue;
		snprintf(words, sizeof(words),
			"Task exceeded maximum timeout value (%lld seconds)",
			(long long)job->timeout_ms / 1000);
		hurry(slot, words);
	}
}

/* --- life ----------------------------------------------------------------- */

static void
on_quit(void *arg)
{
	loop_quit(&((struct worker *)arg)->loop);
}

/* The state follows from the rest, and the last step of a quit too. */
static void
on_turn(struct loop_hook *h)
{
	struct worker *w = container_of(h, struct worker, turn);

	if (claim_suspended(w->claim))
		live_is(w->live, LIVE_SUSPENDED);
	else
		live_is(w->live, w->running_count > 0 ? LIVE_BUSY : LIVE_IDLE);
	if (w->quitting && !w->burying && claim_idle(w->claim) &&
		finish_idle(w->finish) && typing_idle(w->env.typing) &&
		otlp_idle(w->env.otlp)) {
		w->burying = true;
		live_bury(w->live, on_quit, w);
	}
}

static void
begin_quit(struct worker *w)
{
	if (w->quitting)
		return;
	w->quitting = true;
	typing_quit(w->env.typing);
	otlp_quit(w->env.otlp);
	drain_begin(&w->drain, QUIT_LIMIT_MS, on_quit, w);
}

/* DRAIN_TIMEOUT: what still runs goes back to the head of its queue. */
static void
on_late(void *arg)
{
	struct worker *w = arg;
	struct slot *slot;

	TAILQ_FOREACH (slot, &w->running, next) {
		log_warn("handed back job_id=%s", log_safe(slot->job.id));
		record_end(slot, FINISH_BACK);
	}
	begin_quit(w);
}

static void
on_stop(void *arg)
{
	struct worker *w = arg;

	log_info("draining, jobs running: %d", w->running_count);
	claim_stop(w->claim);
	finish_last(w->finish);
	probe_drain(&w->probe, NULL, NULL);
	if (w->running_count == 0)
		begin_quit(w);
	else
		drain_begin(&w->drain, w->env.s->drain_timeout_s * 1000, on_late, w);
}

static const char *
trouble(void *ctx)
{
	return redis_trouble(((struct worker *)ctx)->redis);
}

static void
make_name(struct worker *w)
{
	char host[256] = "host";
	char hex[8 + 1];

	gethostname(host, sizeof(host) - 1);
	digest_random_hex(sizeof(hex) - 1, hex);
	snprintf(
		w->name, sizeof(w->name), "prosaas-%s-%d-%s", host, (int)getpid(), hex);
}

static void
open_queue(struct worker *w, const struct settings *s)
{
	static const struct claim_events claims = {on_room, on_caps, on_job};
	static const struct finish_events ends = {on_recorded, on_released};
	static const struct live_events events = {on_each, on_lost, on_shutdown,
		on_stop_job, on_newcomer, on_wake, on_resume};
	struct redis_options o = {
		.url = s->redis_url, .name = w->name, .deadline_ms = DEADLINE_MS};
	int64_t cap = s->tenant_concurrency;

	if (cap == 0)
		cap = (s->worker_concurrency * 3 + 3) / 4;
	w->tenant_cap = (int)cap;
	w->redis = redis_new(&w->loop, &o);
	w->env.redis = w->redis;
	w->env.worker = w->name;
	w->env.enqueue = enqueue_new(&w->loop, w->redis, s);
	w->finish = finish_new(&w->loop, w->redis, w->name, &ends, w);
	w->claim = claim_new(&w->loop, s, w->redis, w->name, (int)cap, &claims, w);
	w->live = live_new(&w->loop, s, w->redis, w->name, &events, w);
	vitals_new(&w->loop, w->redis, "worker");
	watchman_new(&w->loop, s, w->redis, w->env.http);
	w->turn.run = on_turn;
	loop_each_turn(&w->loop, &w->turn);
}

int
worker_run(const struct settings *s)
{
	static const struct http_route routes[] = {
		PROBE_ROUTES, {NULL, NULL, NULL, NULL, 0}};
	static struct worker w;

	loop_init(&w.loop);
	TAILQ_INIT(&w.running);
	make_name(&w);
	env_open(&w.env, &w.loop, s);
	w.env.otlp = otlp_new(&w.loop, w.env.http, s);
	w.probe.s = s;
	w.probe.trouble = trouble;
	open_queue(&w, s);
	drain_init(&w.drain, &w.loop);
	loop_on_stop(&w.loop, on_stop, &w);
	loop_debug_on_hup(&w.loop);
	probe_listen(&w.probe, &w.loop, routes, s->metrics_port, WORKER_METRICS_PORT);
	log_info("working as %s on %s", w.name, s->rq_queues);
	loop_run(&w.loop);
	if (w.running_count == 0)
		store_close(w.env.store);
	log_info("stopped");
	log_flush();
	return 0;
}
