/* SPDX-License-Identifier: MIT */
/* admin.c: the role for people: tenants, messages and dead letters as JSON.
 *
 *   gate: Host, Origin (403), bearer token (401) ---> one operation ---> JSON
 *
 * Never authorised by address.  A Host that is a name must be known, else a web
 * page could reach us under a name of its own (DNS rebinding); an Origin must be
 * ours, so no other page's script gets an answer. */
#include "role/role.h"

#include <arpa/inet.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/log.h"
#include "base/settings.h"
#include "client/gateway.h"
#include "codec/json.h"
#include "codec/val.h"
#include "job/phones.h"
#include "net/loop.h"
#include "queue/directory.h"
#include "queue/redis.h"
#include "queue/registry.h"
#include "role/drain.h"
#include "role/probe.h"
#include "store/store.h"
#include "store/tenant_json.h"

enum {
	REDIS_DEADLINE_MS = 5000,
	LIST_DEFAULT = 50,
	LIST_MAX = 500,
	BODY_NODES = 1000,
	ID_MAX = 256
};

struct admin {
	struct probe probe; /* first: see probe.h */
	struct loop loop;
	struct store *store;
	struct drain drain;
};

struct call;
typedef void render(const struct call *c, struct buf *json);

struct call { /* in the request's arena */
	struct flow flow;
	render *render; /* writes the answer's body */
	int status;
	struct admin *admin;
	struct http_req *req;
	struct redis_cmd cmd;
	struct store_tenant_list all; /* after a change, for the directory of phones */
	union {
		struct store_op op; /* the first member of each */
		struct store_tenant_list list;
		struct store_tenant_get get;
		struct store_tenant_put put;
		struct store_tenant_remove remove;
		struct store_message_list messages;
	};
};

/* --- who may -------------------------------------------------------------- */

static bool
is_known_host(const struct settings *s, struct str host)
{
	struct str known = str_of(s->admin_hosts), port = host;
	char text[INET_ADDRSTRLEN];
	struct in_addr a;

	if (is_loopback_host(host) || str_starts(host, STR("[")))
		return true;
	struct str name = str_cut(&port, ':');
	if (name.n > 0 && name.n < sizeof(text)) {
		memcpy(text, name.p, name.n);
		text[name.n] = '\0';
		if (inet_pton(AF_INET, text, &a) == 1)
			return true;
	}
	while (known.p)
		if (name.n > 0 && str_ieq(str_trim(str_cut(&known, ',')), name))
			return true;
	return false;
}

static bool
is_own_origin(struct http_req *req, struct str host)
{
	bool many;
	struct str origin = http_header(req, "Origin", &many);

	if (!origin.p)
		return !many;
	if (str_starts(origin, STR("https://")))
		return str_ieq((struct str){origin.p + 8, origin.n - 8}, host);
	if (str_starts(origin, STR("http://")))
		return str_ieq((struct str){origin.p + 7, origin.n - 7}, host);
	return false;
}

static int
gate(struct http_req *req, void *ctx, const char **ret_json)
{
	const struct settings *s = ((struct admin *)ctx)->probe.s;
	struct str host = http_header(req, "Host", NULL);
	struct str bearer = http_header(req, "Authorization", NULL);

	if (!is_known_host(s, host) || !is_own_origin(req, host)) {
		*ret_json = "{\"error\":\"forbidden\",\"message\":\"Host or Origin is "
			    "not one of ours; see "
			    "ADMIN_HOSTS\"}";
		return 403;
	}
	if (s->admin_token && str_starts(bearer, STR("Bearer ")) &&
		digest_same(str_trim((struct str){bearer.p + 7, bearer.n - 7}),
			str_of(s->admin_token)))
		return 0;
	*ret_json = "{\"error\":\"unauthorized\"}";
	return 401;
}

/* --- one operation each --------------------------------------------------- */

static int
status_of(int err)
{
	switch (err) {
	case ERR_NOT_FOUND:
	case ERR_NO_TENANT:
		return 404;
	case ERR_EXISTS:
		return 409;
	case ERR_SHAPE:
	case ERR_SYNTAX:
	case ERR_LIMIT:
		return 400;
	default:
		return 503;
	}
}

static void
reply_failure(struct http_req *req, int err, const char *words)
{
	int status = status_of(err);
	const char *name = status == 404   ? "not_found"
			   : status == 409 ? "conflict"
			   : status == 400 ? "bad_request"
					   : "service_unavailable";

	http_reply_error(req, status, name, *words ? words : err_text(err));
}

/* A flow's end, not a step: the call, and the flow in it, die with the answer. */
static void
answer(struct flow *f, int err)
{
	struct call *c = container_of(f, struct call, flow);
	struct buf json;

	(void)err;
	if (c->op.err < 0) {
		reply_failure(c->req, c->op.err, c->op.words);
		return;
	}
	buf_init(&json);
	c->render(c, &json);
	http_reply_json(c->req, c->status, buf_str(&json));
	buf_done(&json);
}

/* Its operation is over. */
static int
waited(struct flow *f)
{
	(void)f;
	return 0;
}

/* A tenant was changed: the api, which has no database, is told whose the phones are.
 * When that fails a worker tells it within a minute. */
static int
told(struct flow *f)
{
	struct call *c = container_of(f, struct call, flow);

	if (c->cmd.err < 0)
		log_warn("the directory of phones is not written: %s",
			err_text(c->cmd.err));
	return 0;
}

static void
on_told(struct redis_cmd *cmd)
{
	flow_wake(&container_of(cmd, struct call, cmd)->flow);
}

static int
tell(struct flow *f)
{
	struct call *c = container_of(f, struct call, flow);
	const struct probe *p = &c->admin->probe;
	struct directory_entry *entries;

	if (c->all.op.err < 0)
		return 0;
	size_t count =
		phones_of(&c->req->arena, p->s, c->all.tenants, c->all.count, &entries);
	directory_write(p->redis, &c->cmd, &c->req->arena, entries, count, on_told);
	return flow_wait(f, told);
}

static int
changed(struct flow *f)
{
	struct call *c = container_of(f, struct call, flow);

	if (c->op.err < 0)
		return 0;
	c->all = (struct store_tenant_list){.op.arena = &c->req->arena};
	store_tenant_list(c->admin->store, &c->all, f);
	return flow_wait(f, tell);
}

static struct call *
call_new(struct http_req *req, void *ctx, render *body, int status)
{
	struct call *c = ARENA_NEW(&req->arena, struct call);

	c->admin = ctx;
	c->req = req;
	c->render = body;
	c->status = status;
	c->op.arena = &req->arena;
	flow_init(&c->flow, waited, "waited", answer);
	return c;
}

static void
render_list(const struct call *c, struct buf *json)
{
	buf_addz(json, "{\"tenants\":[");
	for (size_t i = 0; i < c->list.count; i++) {
		if (i > 0)
			buf_addc(json, ',');
		tenant_json(json, &c->list.tenants[i]);
	}
	buf_addz(json, "]}");
}

static void
tenants(struct http_req *req, void *ctx)
{
	struct call *c = call_new(req, ctx, render_list, 200);

	store_tenant_list(c->admin->store, &c->list, &c->flow);
}

static void
render_tenant(const struct call *c, struct buf *json)
{
	tenant_json(json, &c->get.found);
}

static void
tenant_get(struct http_req *req, void *ctx)
{
	struct call *c = call_new(req, ctx, render_tenant, 200);

	c->get.id = req->rest;
	store_tenant_get(c->admin->store, &c->get, &c->flow);
}

static void
render_put(const struct call *c, struct buf *json)
{
	buf_addz(json, "{\"id\":");
	json_quote(json, c->put.id);
	buf_addc(json, '}');
}

/* A property's value as the text that store_tenant_put() takes. */
static struct str
value_text(struct arena *a, const struct val *v)
{
	struct buf json;

	if (v->kind == VAL_TEXT)
		return v->text;
	if (v->kind == VAL_NULL)
		return STR("");
	buf_init(&json);
	val_json(&json, v);
	struct str text = arena_str(a, buf_str(&json));
	buf_done(&json);
	return text;
}

static void
put_tenant(struct http_req *req, void *ctx, bool create)
{
	struct call *c = call_new(req, ctx, render_put, create ? 201 : 200);
	struct val *body = NULL;
	char why[128];

	if (json_parse(&req->arena, req->body, BODY_NODES, &body, why) < 0) {
		http_reply_error(req, 400, "bad_request", why);
		return;
	}
	if (body->kind != VAL_DICT) {
		http_reply_error(req, 400, "bad_request", "the body must be an object");
		return;
	}
	struct str *names =
		arena_alloc(&req->arena, (body->count + 1) * sizeof(*names));
	struct str *values =
		arena_alloc(&req->arena, (body->count + 1) * sizeof(*values));
	c->put.id = create ? value_text(&req->arena,
				     val_get(body, "id") ? val_get(body, "id") : body)
			   : req->rest;
	c->put.create = create;
	c->put.check = gateway_check_tenant;
	c->put.check_arg = c->admin->probe.s;
	c->put.names = names;
	c->put.values = values;
	for (size_t i = 0; i < body->count; i++) {
		struct str name = val_text(body->items[2 * i]);

		if (create && str_eqz(name, "id"))
			continue;
		names[c->put.count] = name;
		values[c->put.count++] =
			value_text(&req->arena, body->items[2 * i + 1]);
	}
	flow_init(&c->flow, changed, "changed", answer);
	store_tenant_put(c->admin->store, &c->put, &c->flow);
}

static void
tenant_add(struct http_req *req, void *ctx)
{
	put_tenant(req, ctx, true);
}

static void
tenant_set(struct http_req *req, void *ctx)
{
	put_tenant(req, ctx, false);
}

static void
render_removed(const struct call *c, struct buf *json)
{
	(void)c;
	buf_addz(json, "{\"removed\":true}");
}

static void
tenant_remove(struct http_req *req, void *ctx)
{
	struct call *c = call_new(req, ctx, render_removed, 200);

	c->remove.id = req->rest;
	flow_init(&c->flow, changed, "changed", answer);
	store_tenant_remove(c->admin->store, &c->remove, &c->flow);
}

static void
add_time(struct buf *json, const char *name, int64_t us)
{
	if (us)
		buf_addf(json, ",\"%s\":%lld", name, (long long)us);
}

static void
message_json(struct buf *json, const struct store_message *m)
{
	buf_addf(json,
		"{\"id\":%lld,\"conversation\":%lld,\"turn\":%lld,\"attempts\":%lld,"
		"\"created_us\":%lld,\"sent_us\":%lld",
		(long long)m->id, (long long)m->conversation_id, (long long)m->turn_id,
		(long long)m->attempts, (long long)m->created_us,
		(long long)m->sent_us);
	add_time(json, "delivered_us", m->delivered_us);
	add_time(json, "read_us", m->read_us);
	add_time(json, "edited_us", m->edited_us);
	add_time(json, "revoked_us", m->revoked_us);
	if (m->reply_to)
		buf_addf(json, ",\"reply_to\":%lld", (long long)m->reply_to);
	json_member(json, "direction", m->direction);
	json_member(json, "source", m->source);
	json_member(json, "chat", m->chat);
	json_member(json, "kind", m->kind);
	json_member(json, "text", m->text);
	json_member(json, "status", m->status);
	json_member(json, "reason", m->reason);
	json_member(json, "provider_message_id", m->provider_message_id);
	json_member(json, "outbound_key", m->outbound_key);
	buf_addc(json, '}');
}

static void
render_messages(const struct call *c, struct buf *json)
{
	buf_addz(json, "{\"messages\":[");
	for (size_t i = 0; i < c->messages.count; i++) {
		if (i > 0)
			buf_addc(json, ',');
		message_json(json, &c->messages.messages[i]);
	}
	buf_addz(json, "]}");
}

static void
messages(struct http_req *req, void *ctx)
{
	struct call *c = call_new(req, ctx, render_messages, 200);

	c->messages.tenant = http_query(req, "tenant");
	c->messages.chat = http_query(req, "chat");
	c->messages.limit = LIST_DEFAULT;
	if (!http_query_int(req, "limit", 1, LIST_MAX, &c->messages.limit) ||
		!http_query_int(req, "before", 0, INT64_MAX, &c->messages.before_id))
		return;
	if (!c->messages.tenant.n) {
		http_reply_error(req, 400, "bad_request", "tenant is missing");
		return;
	}
	store_message_list(c->admin->store, &c->messages, &c->flow);
}

static void
on_dead(struct redis_cmd *cmd)
{
	struct call *c = container_of(cmd, struct call, cmd);
	struct buf json;

	if (cmd->err < 0) {
		reply_failure(c->req, cmd->err, "Redis does not answer");
		return;
	}
	buf_init(&json);
	registry_dead_json(cmd->reply, &json);
	http_reply_json(c->req, 200, buf_str(&json));
	buf_done(&json);
}

static void
dead_letters(struct http_req *req, void *ctx)
{
	struct call *c = call_new(req, ctx, NULL, 200);
	const struct probe *p = &c->admin->probe;
	int64_t limit = LIST_DEFAULT;

	if (http_query_int(req, "limit", 1, LIST_MAX, &limit))
		registry_dead(p->redis, &c->cmd, p->s->rq_queues, limit, on_dead);
}

static void
on_dead_letter(struct redis_cmd *cmd)
{
	struct call *c = container_of(cmd, struct call, cmd);
	struct buf json;

	if (cmd->err < 0) {
		reply_failure(c->req, cmd->err, "Redis does not answer");
		return;
	}
	buf_init(&json);
	int err = registry_job_json(cmd->reply, c->req->rest, &json);
	if (err < 0)
		reply_failure(c->req, err, "no such job");
	else
		http_reply_json(c->req, 200, buf_str(&json));
	buf_done(&json);
}

static void
dead_letter(struct http_req *req, void *ctx)
{
	struct call *c = call_new(req, ctx, NULL, 200);

	if (req->rest.n == 0 || req->rest.n > ID_MAX)
		http_reply_error(req, 404, "not_found", "no such job");
	else
		registry_job(c->admin->probe.redis, &c->cmd, req->rest, on_dead_letter);
}

/* --- life ----------------------------------------------------------------- */

static const char *
trouble(void *ctx)
{
	return redis_trouble(((struct admin *)ctx)->probe.redis);
}

static void
on_drained(void *arg)
{
	loop_quit(&((struct admin *)arg)->loop);
}

static void
on_stop(void *arg)
{
	struct admin *a = arg;

	drain_begin(&a->drain, a->probe.s->drain_timeout_s * 1000, on_drained, a);
	probe_drain(&a->probe, on_drained, a);
}

int
admin_run(const struct settings *s)
{
	static const struct http_route routes[] = {
		{"GET", "/api/tenants", tenants, gate, 0},
		{"POST", "/api/tenants", tenant_add, gate, 0},
		{"GET", "/api/tenants/", tenant_get, gate, 0},
		{"PATCH", "/api/tenants/", tenant_set, gate, 0},
		{"DELETE", "/api/tenants/", tenant_remove, gate, 0},
		{"GET", "/api/messages", messages, gate, 0},
		{"GET", "/api/dead-letters", dead_letters, gate, 0},
		{"GET", "/api/dead-letters/", dead_letter, gate, 0},
		{"GET", "/api/alerts", probe_alerts, gate, 0},
		{"GET", "/api/sessions", probe_sessions, gate, 0},
		PROBE_ROUTES,
		{NULL, NULL, NULL, NULL, 0},
	};
	static struct admin a;
	struct redis_options ro = {.url = s->redis_url,
		.name = "prosaas-admin",
		.deadline_ms = REDIS_DEADLINE_MS};
	struct arena arena;
	char err[256];

	loop_init(&a.loop);
	arena_init(&arena);
	a.store = store_open(&a.loop, store_url(s, &arena), err);
	if (!a.store)
		die("%s", err);
	arena_done(&arena);
	a.probe.s = s;
	a.probe.trouble = trouble;
	a.probe.redis = redis_new(&a.loop, &ro);
	drain_init(&a.drain, &a.loop);
	loop_on_stop(&a.loop, on_stop, &a);
	loop_debug_on_hup(&a.loop);
	if (!s->admin_token)
		log_warn("ADMIN_TOKEN is not set: the admin API answers 401");
	probe_listen(&a.probe, &a.loop, routes, s->admin_port, 0);
	loop_run(&a.loop);
	store_close(a.store);
	log_info("stopped");
	log_flush();
	return 0;
}
