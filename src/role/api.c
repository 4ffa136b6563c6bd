/* SPDX-License-Identifier: MIT */
/* api.c: the role that answers webhooks.  It only enqueues.
 *
 *   starting ---> serving ---> draining ---> exit, at the latest after DRAIN_TIMEOUT
 *      |            ^             SIGTERM: no new connections, what is in flight
 *      `------------'             and what follows on the old ones is answered
 *    Redis is there, or is late: then webhooks are answered 503
 *
 * It listens only when it can do the work: of two that share the port while one
 * replaces the other, the new one fails no webhook. */
#include "role/role.h"

#include "base/log.h"
#include "base/settings.h"
#include "net/loop.h"
#include "queue/enqueue.h"
#include "queue/redis.h"
#include "queue/vitals.h"
#include "role/bridge.h"
#include "role/cloud.h"
#include "role/drain.h"
#include "role/ingest.h"
#include "role/probe.h"
#include "role/session.h"

enum { MESSAGE_ROUTES = 5 }; /* the first of the table: they carry messages */

struct api {
	struct probe probe; /* first: see probe.h */
	struct ingest ingest;
	struct cloud_door cloud;
	struct loop loop;
	struct drain drain;
	uv_timer_t late; /* Redis is */
	struct http_route *routes;
};

static int
webhook_gate(struct http_req *req, void *ctx, const char **ret_json)
{
	return ingest_gate(&((struct api *)ctx)->ingest, req, ret_json);
}

static void
webhook(struct http_req *req, void *ctx)
{
	ingest_webhook(&((struct api *)ctx)->ingest, req);
}

static void
session(struct http_req *req, void *ctx)
{
	session_webhook(((struct api *)ctx)->probe.redis, req);
}

static int
of_bridge(struct http_req *req, void *ctx, const char **ret_json)
{
	return bridge_gate(((struct api *)ctx)->probe.s, req, ret_json);
}

static void
bridge(struct http_req *req, void *ctx)
{
	struct api *api = ctx;

	bridge_webhook(&api->ingest, api->probe.redis, req);
}

static void
challenge(struct http_req *req, void *ctx)
{
	cloud_challenge(&((struct api *)ctx)->cloud, req);
}

static int
of_cloud(struct http_req *req, void *ctx, const char **ret_json)
{
	(void)ctx;
	return cloud_gate(req, ret_json);
}

static void
cloud(struct http_req *req, void *ctx)
{
	cloud_webhook(&((struct api *)ctx)->cloud, req);
}

static const char *
trouble(void *ctx)
{
	return redis_trouble(((struct api *)ctx)->probe.redis);
}

static void
on_drained(void *arg)
{
	loop_quit(&((struct api *)arg)->loop);
}

static void
on_stop(void *arg)
{
	struct api *api = arg;

	log_info("draining");
	if (!api->probe.server) {
		loop_quit(&api->loop);
		return;
	}
	drain_begin(&api->drain, api->probe.s->drain_timeout_s * 1000, on_drained, api);
	probe_drain(&api->probe, on_drained, api);
}

static void
serve(struct api *api)
{
	if (!api->probe.server && !api->loop.stopping)
		probe_listen(
			&api->probe, &api->loop, api->routes, api->probe.s->port, 0);
}

static void
on_redis_ready(void *arg)
{
	serve(arg);
}

static void
on_redis_late(uv_timer_t *t)
{
	serve(t->data);
}

int
api_run(const struct settings *s)
{
	static struct http_route routes[] = {
		{"POST", "/webhook/whatsapp/incoming", webhook, webhook_gate, 0},
		{"POST", "/api/whatsapp/webhook/incoming", webhook, webhook_gate, 0},
		{"POST", "/webhook/evolution/", bridge, of_bridge, 0},
		{"POST", "/webhook/waha/", bridge, of_bridge, 0},
		{"POST", "/webhook/wuzapi/", bridge, of_bridge, 0},
		{"POST", "/webhook/meta", cloud, of_cloud, CLOUD_BODY_MAX},
		{"GET", "/webhook/meta", challenge, NULL, 0},
		{"POST", "/webhook/whatsapp/status", session, webhook_gate, 0},
		{"POST", "/api/internal/whatsapp/status-webhook", session, webhook_gate,
			0},
		PROBE_JOB_ROUTES,
		PROBE_ROUTES,
		{NULL, NULL, NULL, NULL, 0},
	};
	static struct api api;
	struct redis_options ro = {.url = s->redis_url,
		.name = "prosaas-api",
		.deadline_ms = s->enqueue_deadline_ms,
		.on_ready = on_redis_ready,
		.arg = &api};

	for (int i = 0; i < MESSAGE_ROUTES; i++)
		routes[i].body_max = (size_t)s->max_body_bytes;
	if (routes[MESSAGE_ROUTES].body_max < (size_t)s->max_body_bytes)
		routes[MESSAGE_ROUTES].body_max = (size_t)s->max_body_bytes;
	loop_init(&api.loop);
	api.probe.s = api.ingest.s = s;
	api.probe.trouble = trouble;
	api.probe.redis = redis_new(&api.loop, &ro);
	api.cloud.ingest = &api.ingest;
	api.cloud.directory.redis = api.probe.redis;
	api.ingest.enqueue = enqueue_new(&api.loop, api.probe.redis, s);
	vitals_new(&api.loop, api.probe.redis, "api");
	drain_init(&api.drain, &api.loop);
	loop_on_stop(&api.loop, on_stop, &api);
	loop_debug_on_hup(&api.loop);
	if (!s->internal_secret)
		log_warn("INTERNAL_SECRET is not set: every webhook is answered 401");
	api.routes = routes;
	uv_timer_init(&api.loop.uv, &api.late);
	api.late.data = &api;
	uv_timer_start(&api.late, on_redis_late, (uint64_t)s->enqueue_deadline_ms, 0);
	loop_run(&api.loop);
	log_info("stopped");
	log_flush();
	return 0;
}
