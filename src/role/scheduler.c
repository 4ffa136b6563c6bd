/* SPDX-License-Identifier: MIT */
/* scheduler.c: the role for what is periodic.  Several may run; one leads and
 * acts (queue/lead.h), the others stand by. */
#include "role/role.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "net/loop.h"
#include "queue/cron.h"
#include "queue/crontab.h"
#include "queue/lead.h"
#include "role/alerts.h"
#include "role/drain.h"
#include "role/probe.h"

enum { QUIT_LIMIT_MS = 2000, COMPLAIN_EVERY_MS = 60000 };

struct scheduler {
	struct probe probe; /* first: see probe.h */
	struct loop loop;
	struct drain drain;
	struct lead *lead;
	struct crontab crontab;
	struct cron *cron;
	struct alerts *alerts;
	char complaint[256]; /* the last of cron's */
	int64_t complained_ms;
};

static void
on_leads(void *arg, bool leading)
{
	cron_leads(((struct scheduler *)arg)->cron, leading);
	alerts_leads(((struct scheduler *)arg)->alerts, leading);
	metric_set(M_LEADER, leading);
	log_info(leading ? "leading" : "standing by");
}

static void
on_swept(void *arg, int64_t moved, int64_t returned, int64_t poisoned, int64_t mended)
{
	(void)arg;
	metric_add(M_LANES_MENDED, (uint64_t)mended);
	metric_add(M_SCHED_MOVED, (uint64_t)moved);
	metric_add(M_LEASES_RETURNED, (uint64_t)returned);
	metric_add(M_DEAD_POISON, (uint64_t)poisoned);
	if (moved > 0)
		log_info("moved due jobs: %lld", (long long)moved);
	if (returned > 0)
		log_warn("returned jobs of dead workers: %lld", (long long)returned);
	if (poisoned > 0)
		log_warn("☠️ Dead-lettered jobs whose workers die each time: %lld",
			(long long)poisoned);
}

/* What fails is tried again every second: the same words are said once a minute. */
static void
complain(struct scheduler *s, const char *name, const char *words)
{
	int64_t now_ms = clock_mono_ms();

	if (strncmp(s->complaint, words, sizeof(s->complaint) - 1) == 0 &&
		now_ms - s->complained_ms < COMPLAIN_EVERY_MS)
		return;
	snprintf(s->complaint, sizeof(s->complaint), "%s", words);
	s->complained_ms = now_ms;
	log_warn("Cron %s: %s", name, words);
}

static void
on_cron_failed(void *arg, const char *words)
{
	complain(arg, "table", words);
}

/* Our own work comes every minute, and makes up for what it missed by itself. */
static enum log_level
level_of(const struct cron_act *act, enum log_level usual)
{
	return act->entry->built_in ? LOG_DEBUG : usual;
}

static void
on_missed(const struct cron_act *act)
{
	char first[CLOCK_ISO_SIZE], last[CLOCK_ISO_SIZE];

	metric_add(M_CRON_MISSED, 1);
	clock_iso(first, act->missed_from * 1000000);
	clock_iso(last, act->slot * 1000000);
	log_line(level_of(act, LOG_WARN),
		"⏭️ Missed cron=%.*s slots from %s to %s: %s",
		STR_FMT(act->entry->name), first, last,
		act->entry->once ? "the last is run now" : "skipped");
}

static void
on_cron(void *arg, const struct cron_act *act, enum cron_outcome outcome,
	const char *words)
{
	char slot[CLOCK_ISO_SIZE], line[256];

	clock_iso(slot, act->slot * 1000000);
	snprintf(line, sizeof(line), "cron=%.*s slot=%s job_id=%s",
		STR_FMT(act->entry->name), slot, act->job_id);
	if (act->missed_from > 0 && outcome != CRON_ERROR && outcome != CRON_DONE)
		on_missed(act);
	switch (outcome) {
	case CRON_QUEUED:
		metric_add(M_CRON_RUN, 1);
		log_line(level_of(act, LOG_INFO), "⏰ Enqueued %s", line);
		break;
	case CRON_DUPLICATE:
		metric_add(M_CRON_DUPLICATE, 1);
		log_line(level_of(act, LOG_INFO), "⏭️ Skipped duplicate %s", line);
		break;
	case CRON_ERROR:
		metric_add(M_CRON_ERROR, 1);
		snprintf(line, sizeof(line), "%.*s", STR_FMT(act->entry->name));
		complain(arg, line, words);
		break;
	case CRON_SKIPPED: /* said above */
	case CRON_DONE:    /* by another leader, which said it */
		break;
	}
}

static void
on_quit(void *arg)
{
	loop_quit(&((struct scheduler *)arg)->loop);
}

static void
on_stop(void *arg)
{
	struct scheduler *s = arg;

	probe_drain(&s->probe, NULL, NULL);
	cron_leads(s->cron, false);
	alerts_stop(s->alerts);
	drain_begin(&s->drain, QUIT_LIMIT_MS, on_quit, s);
	lead_quit(s->lead, on_quit, s);
}

static const char *
trouble(void *ctx)
{
	return lead_trouble(((struct scheduler *)ctx)->lead);
}

int
scheduler_run(const struct settings *settings)
{
	static const struct http_route routes[] = {
		PROBE_ROUTES, {NULL, NULL, NULL, NULL, 0}};
	static const struct lead_events events = {on_leads, on_swept};
	static const struct cron_events cron_events = {on_cron, on_cron_failed};
	static struct scheduler s;
	char err[512];

	if (crontab_load(&s.crontab, settings, err) < 0)
		die("%s", err);
	loop_init(&s.loop);
	s.probe.s = settings;
	s.probe.trouble = trouble;
	s.lead = lead_new(&s.loop, settings, &events, &s);
	s.cron = cron_new(&s.loop, settings, &s.crontab, s.lead, &cron_events, &s);
	s.alerts = alerts_new(&s.loop, settings, s.lead);
	drain_init(&s.drain, &s.loop);
	loop_on_stop(&s.loop, on_stop, &s);
	loop_debug_on_hup(&s.loop);
	probe_listen(&s.probe, &s.loop, routes, settings->metrics_port,
		SCHEDULER_METRICS_PORT);
	loop_run(&s.loop);
	log_info("stopped");
	log_flush();
	return 0;
}
