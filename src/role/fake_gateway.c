/* SPDX-License-Identifier: MIT */
/* fake_gateway.c: pretends to send.
 *
 *   POST /send ---> find (key seen before?) ---> times + 1 ---> the first answer
 *                                          \---> keep, log one line ---> answer
 *
 * Logs and /sent show the text: it is for trying things out and for tests, no
 * customer's words come here.  It calls itself durable although it remembers in
 * memory: for its callers, who end with it, that is the same. */
#include "role/fake_gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "codec/json.h"
#include "codec/val.h"
#include "net/http_server.h"
#include "net/loop.h"

enum {
	KEPT = 10000, /* sends remembered */
	SHOWN = 100,  /* of them in /sent */
	BUCKETS = 16384,
	BODY_MAX = 1 << 20, /* WhatsApp takes 65,536 characters, each up to 6 bytes
			       escaped */
	NODES_MAX = 1000,
};

/* One message, sent once however often it was asked for. */
struct sent {
	TAILQ_ENTRY(sent) by_age;
	LIST_ENTRY(sent) by_key;
	char *key, *id;
	char *json; /* its entry in /sent, but for the end: times */
	uint64_t times;
};

TAILQ_HEAD(sent_queue, sent);
LIST_HEAD(sent_bucket, sent);

struct fake {
	struct loop loop;
	struct http_server *server;
	struct sent_queue all; /* oldest first */
	size_t count;
	struct sent_bucket keys[BUCKETS];
};

static struct sent_bucket *
bucket_of(struct fake *g, struct str key)
{
	uint32_t h = 2166136261U; /* FNV-1a */

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 16777619U;
	return &g->keys[h % BUCKETS];
}

static struct sent *
find(struct fake *g, struct str key)
{
	struct sent *m;

	LIST_FOREACH (m, bucket_of(g, key), by_key)
		if (str_eqz(key, m->key))
			return m;
	return NULL;
}

static void
forget(struct fake *g, struct sent *m)
{
	TAILQ_REMOVE(&g->all, m, by_age);
	LIST_REMOVE(m, by_key);
	g->count--;
	free(m->key);
	free(m->id);
	free(m->json);
	free(m);
}

static char *
copy(struct str s)
{
	char *z = xcalloc(1, s.n + 1);

	if (s.n > 0)
		memcpy(z, s.p, s.n);
	return z;
}

static void
add_field(struct buf *b, const char *name, struct str value)
{
	buf_addf(b, "\"%s\":", name);
	json_quote(b, value);
	buf_addc(b, ',');
}

static char *
entry_of(const struct val *body, const struct sent *m)
{
	char when[CLOCK_ISO_SIZE];
	struct buf b;

	clock_iso(when, clock_wall_us());
	buf_init(&b);
	buf_addc(&b, '{');
	add_field(&b, "tenantId", val_text(val_get(body, "tenantId")));
	add_field(&b, "to", val_text(val_get(body, "to")));
	add_field(&b, "text", val_text(val_get(body, "text")));
	add_field(&b, "idempotencyKey", str_of(m->key));
	add_field(&b, "messageId", str_of(m->id));
	add_field(&b, "at", str_of(when));
	buf_addz(&b, "\"times\":");

	char *json = copy(buf_str(&b));
	buf_done(&b);
	return json;
}

/* An id in WhatsApp's form for who brings none. */
static char *
new_id(void)
{
	char id[4 + 18 + 1] = "3EB0";

	digest_random_hex(18, id + 4);
	return xstrdup(id);
}

static struct sent *
keep(struct fake *g, const struct val *body, struct str key)
{
	struct sent *m = xcalloc(1, sizeof(*m));
	struct str id = val_text(val_get(body, "messageId"));

	m->id = id.n > 0 ? copy(id) : new_id();
	m->key = key.n > 0 ? copy(key) : xstrdup(m->id);
	m->json = entry_of(body, m);
	TAILQ_INSERT_TAIL(&g->all, m, by_age);
	LIST_INSERT_HEAD(bucket_of(g, str_of(m->key)), m, by_key);
	if (++g->count > KEPT)
		forget(g, TAILQ_FIRST(&g->all));
	return m;
}

static void
tell(const struct val *body)
{
	struct buf text;

	buf_init(&text);
	json_quote(&text,
		val_text(val_get(body, "text"))); /* one line, whatever is in it */
	log_info("📱 to=%s text=%.*s", log_chat(val_text(val_get(body, "to"))),
		STR_FMT(buf_str(&text)));
	buf_done(&text);
}

static void
answer(struct http_req *req, const struct sent *m)
{
	struct buf b;

	buf_init(&b);
	buf_addc(&b, '{');
	add_field(&b, "messageId", str_of(m->id));
	buf_addz(&b, "\"ok\":true,\"status\":\"sent\",\"duration_ms\":0}");
	http_reply_json(req, 200, buf_str(&b));
	buf_done(&b);
}

/* Returns the body as a tree that has these texts; NULL: it is refused, in the words of
 * the original. */
static const struct val *
read_body(struct http_req *req, const char *const *fields, size_t count)
{
	struct val *body = NULL;
	char why[128], missing[32];

	if (json_parse(&req->arena, req->body, NODES_MAX, &body, why) < 0) {
		http_reply_error(req, 400, "invalid_json", why);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		if (val_text(val_get(body, fields[i])).n > 0)
			continue;
		snprintf(missing, sizeof(missing), "Missing %s", fields[i]);
		http_reply_error(req, 400, missing, NULL);
		return NULL;
	}
	return body;
}

static void
on_send(struct http_req *req, void *ctx)
{
	static const char *const fields[] = {"tenantId", "to", "text"};
	const struct val *body = read_body(req, fields, ARRAY_LEN(fields));
	struct fake *g = ctx;

	if (!body)
		return;
	struct str key = val_text(val_get(body, "idempotencyKey"));
	struct sent *m = key.n > 0 ? find(g, key) : NULL;
	if (!m) {
		m = keep(g, body, key);
		tell(body);
	}
	m->times++;
	answer(req, m);
}

static void
on_sent(struct http_req *req, void *ctx)
{
	struct fake *g = ctx;
	size_t skip = g->count > SHOWN ? g->count - SHOWN : 0;
	struct sent *m;
	struct buf b;

	buf_init(&b);
	buf_addc(&b, '[');
	TAILQ_FOREACH (m, &g->all, by_age) {
		if (skip > 0) {
			skip--;
			continue;
		}
		buf_addf(&b, "%s%s%llu}", buf_len(&b) > 1 ? "," : "", m->json,
			(unsigned long long)m->times);
	}
	buf_addc(&b, ']');
	http_reply_json(req, 200, buf_str(&b));
	buf_done(&b);
}

static void
on_typing(struct http_req *req, void *ctx)
{
	static const char *const fields[] = {"tenantId", "jid"};
	const struct val *body = read_body(req, fields, ARRAY_LEN(fields));

	(void)ctx;
	if (!body)
		return;
	log_debug("typing=%s to=%s", val_true(val_get(body, "typing")) ? "on" : "off",
		log_chat(val_text(val_get(body, "jid"))));
	http_reply_json(req, 200, STR("{\"ok\":true}"));
}

static void
on_healthz(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply_json(req, 200, STR("{\"ok\":true,\"idempotency\":\"durable\"}"));
}

static const struct http_route routes[] = {
	{"POST", "/send", on_send, NULL, BODY_MAX},
	{"POST", "/sendTyping", on_typing, NULL, 0},
	{"GET", "/sent", on_sent, NULL, 0},
	{"GET", "/healthz", on_healthz, NULL, 0},
	{NULL},
};

static void
on_drained(void *arg)
{
	struct fake *g = arg;

	loop_quit(&g->loop);
}

static void
on_stop(void *arg)
{
	struct fake *g = arg;

	http_server_drain(g->server, on_drained, g);
}

int
fake_gateway_run(const struct settings *s)
{
	static struct fake g; /* the process's only one */
	char err[128];

	log_init("gateway", s->log_level, strcmp(s->log_format, "json") == 0);
	loop_init(&g.loop);
	TAILQ_INIT(&g.all);
	const struct http_options o = {
		.host = "127.0.0.1",
		.port = (int)s->fake_gateway_port,
		.connections_max = s->max_connections,
		.request_timeout_ms = s->request_timeout_ms,
		.idle_timeout_ms = s->idle_timeout_ms,
		.routes = routes,
		.ctx = &g,
	};
	g.server = http_server_new(&g.loop, &o, err);
	if (!g.server) {
		log_error("fake gateway: %s", err);
		return 1;
	}
	log_info("fake gateway listens on 127.0.0.1:%d", http_server_port(g.server));
	loop_on_stop(&g.loop, on_stop, &g);
	loop_run(&g.loop);
	return 0;
}
