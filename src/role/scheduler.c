/* SPDX-License-Identifier: MIT */
/* scheduler.c: the role for what is periodic.  Several may run; one leads and
 * acts (queue/lead.h), the others stand by. */
#include "role/role.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "net/loop.h"
#include "queue/lead.h"
#include "role/drain.h"
#include "role/probe.h"

enum { METRICS_PORT = 5002, QUIT_LIMIT_MS = 2000 };

struct scheduler {
	struct probe probe; /* first: see probe.h */
	struct loop loop;
	struct drain drain;
	struct lead *lead;
};

static void
on_leads(void *arg, bool leading)
{
	(void)arg;
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
	if (moved > 0)
		log_info("moved due jobs: %lld", (long long)moved);
	if (returned > 0)
		log_warn("returned jobs of dead workers: %lld", (long long)returned);
	if (poisoned > 0)
		log_warn("☠️ Dead-lettered jobs whose workers die each time: %lld",
			(long long)poisoned);
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
	static struct scheduler s;

	loop_init(&s.loop);
	s.probe.s = settings;
	s.probe.trouble = trouble;
	s.lead = lead_new(&s.loop, settings, &events, &s);
	drain_init(&s.drain, &s.loop);
	loop_on_stop(&s.loop, on_stop, &s);
	probe_listen(&s.probe, &s.loop, routes, settings->metrics_port, METRICS_PORT);
	loop_run(&s.loop);
	log_info("stopped");
	log_flush();
	return 0;
}
