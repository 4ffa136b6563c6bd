/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "../../../src/role/fake_gateway.c"

#include "base/arena.h"

/* The server's side, without a socket: the last answer is kept here. */
static int last_status;
static char last_body[128 << 10];

void
http_reply_json(struct http_req *req, int status, struct str body)
{
	(void)req;
	last_status = status;
	snprintf(last_body, sizeof(last_body), "%.*s", STR_FMT(body));
}

void
http_reply_error(
	struct http_req *req, int status, const char *name, const char *message)
{
	(void)message;
	http_reply_json(req, status, str_of(name));
}

struct http_server *
http_server_new(struct loop *l, const struct http_options *o, char err[128])
{
	(void)l, (void)o, (void)err;
	return NULL;
}

int
http_server_port(const struct http_server *s)
{
	(void)s;
	return 0;
}

void
http_server_drain(struct http_server *s, void (*done)(void *), void *arg)
{
	(void)s, (void)done, (void)arg;
}

static struct fake *
fake_new(void)
{
	struct fake *g = xcalloc(1, sizeof(*g));

	TAILQ_INIT(&g->all);
	log_init("gateway", "error", false);
	return g;
}

static void
fake_free(struct fake *g)
{
	while (g->count > 0)
		forget(g, TAILQ_FIRST(&g->all));
	free(g);
}

static int
call(struct fake *g, http_handler *handler, const char *body)
{
	struct http_req req = {.body = str_of(body)};

	arena_init(&req.arena);
	handler(&req, g);
	arena_done(&req.arena);
	return last_status;
}

static int
send_as(struct fake *g, const char *key, const char *id)
{
	char body[256];

	snprintf(body, sizeof(body),
		"{\"tenantId\":\"business_1\",\"to\":\"1@s.whatsapp.net\",\"type\":"
		"\"text\","
		"\"text\":\"a\\nb\",\"idempotencyKey\":\"%s\",\"messageId\":\"%s\"}",
		key, id);
	return call(g, on_send, body);
}

static size_t
shown(struct fake *g)
{
	size_t n = 0;

	call(g, on_sent, "");
	for (const char *at = last_body; (at = strstr(at, "\"tenantId\"")) != NULL;
		at++)
		n++;
	return n;
}

TEST(a_repeated_key_gets_the_first_answer)
{
	struct fake *g = fake_new();

	CHECK_INT(send_as(g, "k1", "3EB0AA"), 200);
	CHECK_STR(str_of(last_body), "{\"messageId\":\"3EB0AA\",\"ok\":true,\"status\":"
				     "\"sent\",\"duration_ms\":0}");
	CHECK_INT(send_as(g, "k2", "3EB0BB"), 200);
	CHECK_INT(send_as(g, "k1", "3EB0CC"), 200);
	CHECK(strstr(last_body, "3EB0AA"));
	CHECK_INT(shown(g), 2);
	CHECK(str_starts(str_of(last_body),
		STR("[{\"tenantId\":\"business_1\",\"to\":\"1@s.whatsapp.net\","
		    "\"text\":\"a\\nb\",\"idempotencyKey\":\"k1\",\"messageId\":"
		    "\"3EB0AA\","
		    "\"at\":\"")));
	CHECK(strstr(last_body, "\"times\":2},{"));
	CHECK(str_ends(str_of(last_body), STR("\"times\":1}]")));
	fake_free(g);
}

TEST(sends_without_a_key_are_never_the_same)
{
	struct fake *g = fake_new();

	CHECK_INT(send_as(g, "", ""), 200);
	CHECK(strstr(last_body, "\"messageId\":\"3EB0"));
	CHECK_INT(send_as(g, "", ""), 200);
	CHECK_INT(shown(g), 2);
	fake_free(g);
}

TEST(the_oldest_send_is_forgotten_and_the_last_hundred_are_shown)
{
	struct fake *g = fake_new();
	char key[16];

	for (int i = 0; i <= KEPT; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		send_as(g, key, key);
	}
	CHECK_INT(g->count, KEPT);
	CHECK(!find(g, STR("k0")));
	CHECK(find(g, STR("k1")));
	CHECK_INT(shown(g), SHOWN);
	CHECK(strstr(last_body, "\"k9901\"") && strstr(last_body, "\"k10000\""));
	CHECK(!strstr(last_body, "\"k9900\""));
	fake_free(g);
}

TEST(a_body_that_cannot_be_sent_is_400)
{
	static const struct {
		const char *body, *error;
	} rows[] = {
		{"{\"to\":\"1\",\"text\":\"a\"}", "Missing tenantId"},
		{"{\"tenantId\":\"1\",\"text\":\"a\"}", "Missing to"},
		{"{\"tenantId\":\"1\",\"to\":\"1\"}", "Missing text"},
		{"{\"tenantId\":\"1\",\"to\":\"1\",\"text\":\"\"}", "Missing text"},
		{"{\"tenantId\":\"1\",\"to\":\"1\",\"text\":7}", "Missing text"},
		{"[]", "Missing tenantId"},
		{"{", "invalid_json"},
		{"", "invalid_json"},
	};
	struct fake *g = fake_new();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(call(g, on_send, rows[i].body), 400);
		CHECK_STR(str_of(last_body), rows[i].error);
	}
	CHECK_INT(shown(g), 0);
	CHECK_STR(str_of(last_body), "[]");
	fake_free(g);
}

TEST(typing_names_a_tenant_and_a_chat)
{
	static const struct {
		const char *body;
		int status;
		const char *answer;
	} rows[] = {
		{"{\"tenantId\":\"1\",\"jid\":\"1\",\"typing\":true}", 200,
			"{\"ok\":true}"},
		{"{\"tenantId\":\"1\",\"jid\":\"1\",\"typing\":false}", 200,
			"{\"ok\":true}"},
		{"{\"jid\":\"1\",\"typing\":true}", 400, "Missing tenantId"},
		{"{\"tenantId\":\"1\",\"typing\":true}", 400, "Missing jid"},
		{"", 400, "invalid_json"},
	};
	struct fake *g = fake_new();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(call(g, on_typing, rows[i].body), rows[i].status);
		CHECK_STR(str_of(last_body), rows[i].answer);
	}
	CHECK_INT(shown(g), 0);
	fake_free(g);
}

UNIT_MAIN
