/* SPDX-License-Identifier: MIT */
/* probe.c: the endpoints every role has. */
#include "role/probe.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/process.h"
#include "base/settings.h"
#include "codec/tenant.h"
#include "codec/val.h"
#include "net/loop.h"
#include "net/manager.h"
#include "queue/registry.h"
#include "queue/incident.h"
#include "queue/sessions.h"

enum { SESSIONS_DOWN_MOST = 1000, TENANTS_DEFAULT = 20, TENANTS_MOST = 1000 };

bool
secret_matches(const struct settings *s, struct str given)
{
	const char *const valid[] = {s->internal_secret, s->internal_secret_previous};
	bool same = false;

	for (size_t i = 0; i < ARRAY_LEN(valid); i++)
		if (valid[i] && *valid[i] && given.n > 0)
			same |= digest_same(given, str_of(valid[i]));
	return same;
}

bool
is_loopback_host(struct str host)
{
	if (str_starts(host, STR("[::1]")))
		return host.n == 5 || host.p[5] == ':';
	struct str port = host;
	struct str name = str_cut(&port, ':');
	char text[INET_ADDRSTRLEN];
	struct in_addr a;

	if (str_ieq(name, STR("localhost")))
		return true;
	if (name.n >= sizeof(text))
		return false;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	return inet_pton(AF_INET, text, &a) == 1 && ntohl(a.s_addr) >> 24 == 127;
}

struct network {
	int family;
	uint8_t bytes[16];
	int64_t bits;
};

static bool
parse_network(struct str cidr, struct network *ret)
{
	struct str bits = cidr;
	char text[INET6_ADDRSTRLEN];

	cidr = str_cut(&bits, '/');
	if (cidr.n >= sizeof(text))
		return false;
	memcpy(text, cidr.p, cidr.n);
	text[cidr.n] = '\0';
	ret->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	int64_t most = ret->family == AF_INET6 ? 128 : 32;
	ret->bits = most;
	if (inet_pton(ret->family, text, ret->bytes) != 1)
		return false;
	return !bits.p ||
	       (str_int(bits, &ret->bits) == 0 && ret->bits >= 0 && ret->bits <= most);
}

static bool
is_within(const char *address, struct str cidr)
{
	struct network net;
	uint8_t a[16];

	if (!parse_network(cidr, &net) || inet_pton(net.family, address, a) != 1)
		return false;
	for (int i = 0; i < net.bits; i++)
		if ((a[i / 8] ^ net.bytes[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static void
check_networks(const char *networks)
{
	struct str rest = str_of(networks);
	struct network net;

	while (rest.p) {
		struct str cidr = str_trim(str_cut(&rest, ','));

		if (!parse_network(cidr, &net))
			die("STATS_NETWORKS=%s: \"%.*s\" is not an address or CIDR "
			    "like "
			    "172.18.0.0/16",
				networks, STR_FMT(cidr));
	}
}

static bool
is_trusted(const struct settings *s, struct http_req *req)
{
	static const char *const forwarding[] = {
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"};
	struct str nets = str_of(s->stats_networks);
	bool many;

	for (size_t i = 0; i < ARRAY_LEN(forwarding); i++)
		if (http_header(req, forwarding[i], &many).p || many)
			return false;
	if (req->peer_is_local && is_loopback_host(http_header(req, "Host", NULL)))
		return true;
	while (nets.p)
		if (is_within(req->peer, str_trim(str_cut(&nets, ','))))
			return true;
	return false;
}

int
probe_gate(struct http_req *req, void *ctx, const char **ret_json)
{
	const struct settings *s = ((struct probe *)ctx)->s;

	if (strcmp(s->stats_auth, "off") == 0)
		return 0;
	if (secret_matches(s, http_header(req, "X-Internal-Secret", NULL)))
		return 0;
	if (strcmp(s->stats_auth, "local") == 0 && is_trusted(s, req))
		return 0;
	*ret_json = "{\"error\":\"unauthorized\"}";
	return 401;
}

void
probe_health(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply_json(req, 200, STR("{\"status\":\"ok\"}"));
}

void
probe_ready(struct http_req *req, void *ctx)
{
	struct probe *p = ctx;
	const char *why = p->draining ? "draining" : p->trouble(ctx);

	if (*why)
		http_reply_error(req, 503, "not_ready", why);
	else
		http_reply_json(req, 200, STR("{\"status\":\"ready\"}"));
}

void
probe_metrics(struct http_req *req, void *ctx)
{
	struct buf text;

	(void)ctx;
	process_measure();
	buf_init(&text);
	metrics_render(&text);
	http_reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&text),
		NULL);
	buf_done(&text);
}

struct jobs_call { /* in the request's arena */
	struct redis_cmd cmd;
	struct http_req *req;
	const char *queues;
	struct str tenant; /* of tenants' counts: the only one */
	bool scheduler_only;
};

/* Answers with what render made of Redis's reply. */
static void
reply_jobs(
	struct jobs_call *call, void (*render)(const struct jobs_call *, struct buf *))
{
	struct buf json;

	if (call->cmd.err < 0) {
		http_reply_error(
			call->req, 503, "service_unavailable", "Redis does not answer");
		return;
	}
	buf_init(&json);
	render(call, &json);
	http_reply_json(call->req, 200, buf_str(&json));
	buf_done(&json);
}

static void
render_stats(const struct jobs_call *call, struct buf *out)
{
	registry_stats_json(call->cmd.reply, call->queues, out);
}

static void
render_tenants(const struct jobs_call *call, struct buf *out)
{
	registry_tenants_json(call->cmd.reply, call->tenant, out);
}

static void
render_health(const struct jobs_call *call, struct buf *out)
{
	registry_health_json(call->cmd.reply, call->scheduler_only, out);
}

static void
render_sessions(const struct jobs_call *call, struct buf *out)
{
	sessions_json(call->cmd.reply, out);
}

static void
render_alerts(const struct jobs_call *call, struct buf *out)
{
	incident_list_json(call->cmd.reply, out);
}

static void
on_alerts(struct redis_cmd *cmd)
{
	reply_jobs(container_of(cmd, struct jobs_call, cmd), render_alerts);
}

static void
on_sessions(struct redis_cmd *cmd)
{
	reply_jobs(container_of(cmd, struct jobs_call, cmd), render_sessions);
}

static void
on_stats(struct redis_cmd *cmd)
{
	reply_jobs(container_of(cmd, struct jobs_call, cmd), render_stats);
}

static void
on_tenants(struct redis_cmd *cmd)
{
	reply_jobs(container_of(cmd, struct jobs_call, cmd), render_tenants);
}

static void
on_health(struct redis_cmd *cmd)
{
	reply_jobs(container_of(cmd, struct jobs_call, cmd), render_health);
}

static struct jobs_call *
jobs_call_new(struct http_req *req, const struct probe *p)
{
	struct jobs_call *call = ARENA_NEW(&req->arena, struct jobs_call);

	call->req = req;
	call->queues = p->s->rq_queues;
	return call;
}

/* ?tenant=T, or ?by=tenant[&limit=N] */
static void
tenants_stats(struct probe *p, struct http_req *req, struct str only)
{
	struct jobs_call *call = jobs_call_new(req, p);
	int64_t most = TENANTS_DEFAULT;

	call->tenant = tenant_id(only);
	if (only.p && !tenant_is_id(call->tenant))
		http_reply_error(req, 400, "bad_request",
			"tenant must be 1 to 64 of A-Z a-z 0-9 _ -");
	else if (http_query_int(req, "limit", 1, TENANTS_MOST, &most))
		registry_tenants(p->redis, &call->cmd, call->queues, call->tenant, most,
			on_tenants);
}

void
probe_stats(struct http_req *req, void *ctx)
{
	struct probe *p = ctx;
	struct str only = http_query(req, "tenant"), by = http_query(req, "by");

	if (only.p || str_eqz(by, "tenant")) {
		tenants_stats(p, req, only);
		return;
	}
	if (by.p) {
		http_reply_error(req, 400, "bad_request", "by must be tenant");
		return;
	}
	struct jobs_call *call = jobs_call_new(req, p);
	registry_stats(p->redis, &call->cmd, call->queues, on_stats);
}

void
probe_jobs_health(struct http_req *req, void *ctx)
{
	struct probe *p = ctx;

	registry_health(p->redis, &jobs_call_new(req, p)->cmd, on_health);
}

void
probe_jobs_scheduler(struct http_req *req, void *ctx)
{
	struct probe *p = ctx;
	struct jobs_call *call = jobs_call_new(req, p);

	call->scheduler_only = true;
	registry_health(p->redis, &call->cmd, on_health);
}

void
probe_alerts(struct http_req *req, void *ctx)
{
	struct probe *p = ctx;

	incident_list(p->redis, &jobs_call_new(req, p)->cmd, on_alerts);
}

void
probe_sessions(struct http_req *req, void *ctx)
{
	struct probe *p = ctx;

	sessions_read(
		p->redis, &jobs_call_new(req, p)->cmd, SESSIONS_DOWN_MOST, on_sessions);
}

/* A connection is a descriptor: take as many as the system allows, and never more
 * connections than leave a quarter of them for everything else.  Accepting pauses at
 * the cap; without descriptors it would fail. */
static int64_t
connections_max(int64_t wanted)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return wanted;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY)
		return wanted;
	int64_t most = (int64_t)(files.rlim_cur - files.rlim_cur / 4);
	if (wanted <= most)
		return wanted;
	log_warn("MAX_CONNECTIONS=%lld: only %lld, the limit on open files (ulimit -n) "
		 "is "
		 "%lld",
		(long long)wanted, (long long)most, (long long)files.rlim_cur);
	return most;
}

static struct http_server *
must_listen(struct loop *l, const struct http_options *o)
{
	char err[128];
	struct http_server *server = http_server_new(l, o, err);

	if (!server)
		die("%s", err);
	return server;
}

/* Without it the kernel resets who waits to be accepted by a process that goes. */
static void
check_migrates(void)
{
	FILE *f = fopen("/proc/sys/net/ipv4/tcp_migrate_req", "re");
	int c = f ? getc(f) : EOF;

	if (f)
		fclose(f);
	if (c == '0')
		log_warn("REUSE_PORT=on, but net.ipv4.tcp_migrate_req is 0: a restart "
			 "can reset a few connections");
}

void
probe_listen(struct probe *p, struct loop *l, const struct http_route *routes,
	int64_t port, int otherwise)
{
	int handed = manager_listener();
	struct http_options o = {
		.host = p->s->host ? p->s->host : "0.0.0.0",
		.port = port == SETTING_UNSET ? otherwise : (int)port,
		.connections_max = connections_max(p->s->max_connections),
		.request_timeout_ms = p->s->request_timeout_ms,
		.idle_timeout_ms = p->s->idle_timeout_ms,
		.routes = routes,
		.ctx = p,
		.reuse_port = strcmp(p->s->reuse_port, "on") == 0,
		.listener = handed > 0 ? handed : 0,
	};

	check_networks(p->s->stats_networks);
	if (o.reuse_port && !o.listener)
		check_migrates();
	p->server = must_listen(l, &o);
	if (p->s->probe_socket) {
		struct http_options own = o;

		own.path = p->s->probe_socket;
		must_listen(l, &own); /* until the process ends */
	}
	metric_set(M_START_TIME, clock_wall_us() / 1000000);
	if (http_server_port(p->server) < 0)
		log_info("listening on a unix socket that was handed in");
	else
		log_info("listening on http://%s:%d", o.host,
			http_server_port(p->server));
	manager_ready(l);
}

void
probe_drain(struct probe *p, void (*done)(void *), void *arg)
{
	p->draining = true;
	manager_stopping();
	http_server_drain(p->server, done, arg);
}
