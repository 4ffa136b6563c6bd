/* SPDX-License-Identifier: MIT */
/* probe.h: the endpoints every role has: /healthz, /readyz, /metrics, and
 * /api/jobs/... where there is a Redis connection.
 *
 * A role embeds struct probe as its FIRST member and gives itself as the routes'
 * context, so that probe and role handlers share one table:
 *
 *   static const struct http_route routes[] = { PROBE_ROUTES, {...}, {0} };
 */
#ifndef ROLE_PROBE_H
#define ROLE_PROBE_H

#include <stdbool.h>

#include "base/str.h"
#include "net/http_server.h"

struct loop;
struct redis;
struct settings;

struct probe {
	const struct settings *s;
	struct redis *redis;               /* NULL where no route asks it */
	const char *(*trouble)(void *ctx); /* "" when ready, else why not */
	bool draining;
	struct http_server *server;
};

/* probe_listen starts the server and logs "listening on http://host:port"; dies
 * when it can't.  port: a setting, or SETTING_UNSET for otherwise. */
void probe_listen(struct probe *p, struct loop *l, const struct http_route *routes,
	int64_t port, int otherwise);

/* probe_drain stops the server; done (may be NULL) is called when no request is left.
 */
void probe_drain(struct probe *p, void (*done)(void *), void *arg);

/* secret_matches compares with INTERNAL_SECRET and INTERNAL_SECRET_PREVIOUS in
 * constant time; with none set nothing matches. */
bool secret_matches(const struct settings *s, struct str given);

/* is_loopback_host says whether a Host header names this machine: 127.0.0.0/8,
 * localhost or [::1], with or without a port. */
bool is_loopback_host(struct str host);

http_handler probe_health, probe_ready, probe_metrics;
http_handler probe_stats, probe_jobs_health, probe_jobs_scheduler, probe_sessions,
	probe_alerts; /* need p->redis */
http_gate probe_gate;

/* clang-format off */
#define PROBE_ROUTES                                            \
	{"GET", "/healthz", probe_health, NULL, 0},             \
	{"GET", "/health", probe_health, NULL, 0},              \
	{"GET", "/api/health", probe_health, NULL, 0},          \
	{"GET", "/readyz", probe_ready, NULL, 0},               \
	{"GET", "/metrics", probe_metrics, probe_gate, 0}

#define PROBE_JOB_ROUTES                                                  \
	{"GET", "/api/jobs/stats", probe_stats, probe_gate, 0},           \
	{"GET", "/api/jobs/health", probe_jobs_health, probe_gate, 0},    \
	{"GET", "/api/jobs/scheduler", probe_jobs_scheduler, probe_gate, 0}, \
	{"GET", "/api/sessions", probe_sessions, probe_gate, 0},          \
	{"GET", "/api/alerts", probe_alerts, probe_gate, 0}
/* clang-format on */

#endif
