/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>

#include "../../../src/client/gateway.c"

#include "base/settings.h"
#include "peer.h"
#include "wait.h"

#define ANSWER(status, body) "HTTP/1.1 " status "\r\n\r\n" body

/* Everything one call needs; the peer has one turn. */
struct posting {
	struct settings settings;
	struct gateway *gateway;
	struct peer_turn turn;
	struct peer peer;
	struct arena arena;
	struct gateway_call call;
	struct waiter waiter;
	struct breaker *breaker;
	char base[64];
};

static void
posting_init(struct posting *p, const char *answer, enum peer_then then)
{
	*p = (struct posting){.turn = {answer, then}};
	p->peer = (struct peer){.turns = &p->turn, .count = 1};
	peer_start(&p->peer);
	snprintf(p->base, sizeof(p->base), "http://127.0.0.1:%d", p->peer.port);
	p->settings = (struct settings){.baileys_base_url = p->base};
	arena_init(&p->arena);
	p->call = (struct gateway_call){.arena = &p->arena,
		.from.tenant = STR("1"),
		.to = STR("972501234567@s.whatsapp.net"),
		.text = STR("a \"b\"\n"),
		.key = STR("3EB0AA")};
}

static void
posting_done(struct posting *p)
{
	free(p->gateway);
	breaker_free(p->breaker);
	arena_done(&p->arena);
}

static void
begin(struct posting *p)
{
	p->breaker = breaker_new(NULL, NULL);
	p->gateway = gateway_new(the_client(), &p->settings, p->breaker);
	waiter_init(&p->waiter);
}

static int
post(struct posting *p)
{
	begin(p);
	gateway_send(p->gateway, &p->call, &p->waiter.flow);
	waiter_wait(&p->waiter);
	int err = gateway_send_finish(&p->call);
	peer_stop(&p->peer);
	return err;
}

static int
probe(struct posting *p)
{
	begin(p);
	gateway_probe(p->gateway, &p->call, &p->waiter.flow);
	waiter_wait(&p->waiter);
	int err = gateway_probe_finish(&p->call);
	peer_stop(&p->peer);
	return err;
}

TEST(gateway_posts_the_body_the_original_knows)
{
	struct posting p;

	posting_init(&p,
		ANSWER("200 OK",
			"{\"ok\":true,\"messageId\":\"3EB0BB\",\"status\":\"sent\"}"),
		PEER_CLOSE);
	p.settings.internal_secret = "s-1";
	CHECK_INT(post(&p), 0);
	CHECK_STR(p.call.message_id, "3EB0BB");
	CHECK_STR(str_of(p.call.words), "");
	CHECK_INT(p.waiter.wakes, 1);
	CHECK(str_starts(str_of(p.turn.request), STR("POST /send HTTP/1.1\r\n")));
	CHECK(strstr(p.turn.request, "\r\nX-Internal-Secret: s-1\r\n"));
	CHECK(strstr(p.turn.request, "\r\nContent-Type: application/json\r\n"));
	CHECK_STR(str_of(strstr(p.turn.request, "\r\n\r\n") + 4),
		"{\"type\":\"text\",\"tenantId\":\"business_1\",\"to\":\"972501234567@"
		"s.whatsapp.net\","
		"\"text\":\"a "
		"\\\"b\\\"\\n\",\"idempotencyKey\":\"3EB0AA\",\"messageId\":"
		"\"3EB0AA\"}");
	posting_done(&p);
}

TEST(a_bridge_gets_texts_only)
{
	struct posting p;

	posting_init(&p, ANSWER("200 OK", "{\"ok\":true}"), PEER_CLOSE);
	p.call.content = STR("{\"type\":\"image\",\"image\":{}}");
	CHECK_INT(post(&p), ERR_REFUSED);
	CHECK(strstr(p.call.words, "texts only"));
	CHECK(!p.call.http.sent);
	posting_done(&p);
}

TEST(gateway_names_tenants_as_the_original_does)
{
	static const struct {
		const char *tenant, *sent;
	} rows[] = {{"17", "business_17"}, {"business_17", "business_17"},
		{"acme", "acme"}, {"1a", "1a"}, {"", ""}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct posting p;
		char want[64];

		posting_init(&p, ANSWER("200 OK", "{\"ok\":true}"), PEER_CLOSE);
		p.call.from.tenant = str_of(rows[i].tenant);
		CHECK_INT(post(&p), 0);
		snprintf(want, sizeof(want), "\"tenantId\":\"%s\",", rows[i].sent);
		CHECK(strstr(p.turn.request, want));
		CHECK(!p.call.message_id.p);
		CHECK(!strstr(p.turn.request, "X-Internal-Secret"));
		posting_done(&p);
	}
}

TEST(a_tenants_own_gateway_comes_first)
{
	struct posting p;
	char own[80];

	posting_init(&p, ANSWER("200 OK", "{\"ok\":true}"), PEER_CLOSE);
	snprintf(own, sizeof(own), "%s/bridge/", p.base);
	p.settings.baileys_base_url = "http://127.0.0.1:1";
	p.call.from.base_url = str_of(own);
	CHECK_INT(post(&p), 0);
	CHECK(str_starts(
		str_of(p.turn.request), STR("POST /bridge/send HTTP/1.1\r\n")));
	posting_done(&p);
}

TEST(gateway_tells_sent_perhaps_from_surely_not)
{
	static const struct {
		const char *answer;
		enum peer_then then;
		int err;
		const char *words;
		enum metric metric;
	} rows[] = {
		{ANSWER("503 No", "{\"error\":\"WhatsApp not connected\"}"), PEER_CLOSE,
			ERR_UNAVAILABLE, "HTTP 503 WhatsApp not connected",
			M_SEND_ERROR},
		{ANSWER("500 Oh",
			 "{\"error\":\"send_failed\",\"message\":\"private\"}"),
			PEER_CLOSE, ERR_AMBIGUOUS, "HTTP 500 send_failed",
			M_SEND_AMBIGUOUS},
		{ANSWER("500 Oh", "{\"error\":\"other\"}"), PEER_CLOSE, ERR_REMOTE,
			"HTTP 500 other", M_SEND_ERROR},
		{ANSWER("500 Oh", "<html>"), PEER_CLOSE, ERR_REMOTE, "HTTP 500",
			M_SEND_ERROR},
		{ANSWER("501 Oh", "{}"), PEER_CLOSE, ERR_REMOTE, "HTTP 501",
			M_SEND_ERROR},
		{ANSWER("502 Proxy", "<html>"), PEER_CLOSE, ERR_AMBIGUOUS, "HTTP 502",
			M_SEND_AMBIGUOUS},
		{ANSWER("504 Proxy", "<html>"), PEER_CLOSE, ERR_AMBIGUOUS, "HTTP 504",
			M_SEND_AMBIGUOUS},
		{ANSWER("429 Slow", ""), PEER_CLOSE, ERR_THROTTLED, "HTTP 429",
			M_SEND_ERROR},
		{ANSWER("400 Bad", "{\"error\":\"Missing tenantId\"}"), PEER_CLOSE,
			ERR_REFUSED, "HTTP 400 Missing tenantId", M_SEND_ERROR},
		{ANSWER("400 Bad", "{\"error\":\"no 972501234567@s.whatsapp.net\"}"),
			PEER_CLOSE, ERR_REFUSED, "HTTP 400", M_SEND_ERROR},
		{ANSWER("401 No", ""), PEER_CLOSE, ERR_DENIED, "HTTP 401",
			M_SEND_ERROR},
		{ANSWER("403 No", ""), PEER_CLOSE, ERR_DENIED, "HTTP 403",
			M_SEND_ERROR},
		{ANSWER("302 Found", ""), PEER_CLOSE, ERR_REFUSED, "HTTP 302",
			M_SEND_ERROR},
		{ANSWER("200 OK", "ok"), PEER_CLOSE, ERR_AMBIGUOUS,
			"HTTP 200 without \"ok\":true", M_SEND_AMBIGUOUS},
		{ANSWER("200 OK", ""), PEER_CLOSE, ERR_AMBIGUOUS, NULL,
			M_SEND_AMBIGUOUS},
		{ANSWER("200 OK", "{\"ok\":false}"), PEER_CLOSE, ERR_AMBIGUOUS, NULL,
			M_SEND_AMBIGUOUS},
		{ANSWER("200 OK", "[true]"), PEER_CLOSE, ERR_AMBIGUOUS, NULL,
			M_SEND_AMBIGUOUS},
		{"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"ok\":true",
			PEER_CLOSE, ERR_AMBIGUOUS, NULL, M_SEND_AMBIGUOUS},
		{"no http\r\n\r\n", PEER_CLOSE, ERR_AMBIGUOUS, NULL, M_SEND_AMBIGUOUS},
		{NULL, PEER_CLOSE, ERR_AMBIGUOUS, NULL, M_SEND_AMBIGUOUS},
		{NULL, PEER_RESET, ERR_AMBIGUOUS, NULL, M_SEND_AMBIGUOUS},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct posting p;
		int64_t before = metric_get(rows[i].metric);

		posting_init(&p, rows[i].answer, rows[i].then);
		int err = post(&p);
		if (err != rows[i].err)
			printf("row %zu: %s\n", i, p.call.words);
		CHECK_INT(err, rows[i].err);
		CHECK_INT(p.call.err, rows[i].err);
		CHECK(*p.call.words);
		if (rows[i].words)
			CHECK_STR(str_of(p.call.words), rows[i].words);
		CHECK(!p.call.message_id.p);
		CHECK_INT(metric_get(rows[i].metric) - before, 1);
		posting_done(&p);
	}
}

TEST(a_gateway_that_is_not_there_has_sent_nothing)
{
	static const char *const bases[] = {"http://127.0.0.1:%d", "", NULL};
	int port;

	close(peer_listen(&port, 1)); /* a port nobody listens on */
	for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
		struct posting p;
		char base[64];

		posting_init(&p, NULL, PEER_CLOSE);
		snprintf(base, sizeof(base), "http://127.0.0.1:%d", port);
		p.settings.baileys_base_url = i == 0 ? base : bases[i];
		CHECK_INT(post(&p), ERR_UNAVAILABLE);
		CHECK(*p.call.words);
		CHECK_INT(p.peer.served, 0);
		posting_done(&p);
	}
}

/* What a job does whose time is up. */
TEST(a_send_cancelled_after_it_left_is_ambiguous)
{
	struct posting p;

	for (int sent = 0; sent < 2; sent++) {
		posting_init(&p, NULL, PEER_KEEP);
		begin(&p);
		gateway_send(p.gateway, &p.call, &p.waiter.flow);
		while (sent &&
			p.peer.served ==
				0) /* no event tells us: the loop must not sleep */
			uv_run(&the_loop()->uv, UV_RUN_NOWAIT);
		http_call_cancel(&p.call.http);
		waiter_wait(&p.waiter);
		int err = gateway_send_finish(&p.call);
		peer_stop(&p.peer);
		CHECK_INT(err, sent ? ERR_AMBIGUOUS : -ECANCELED);
		CHECK_STR(str_of(p.call.words), "cancelled");
		posting_done(&p);
	}
}

TEST(a_probe_finds_out_who_remembers_keys)
{
	static const struct {
		const char *answer;
		int err;
		bool durable;
	} rows[] = {
		{ANSWER("200 OK", "{\"ok\":true,\"idempotency\":\"durable\"}"), 0,
			true},
		{ANSWER("200 OK", "{\"ok\":true,\"idempotency\":\"memory\"}"), 0,
			false},
		{ANSWER("200 OK", "{\"ok\":true}"), 0, false},
		{ANSWER("200 OK", "ok"), 0, false},
		{ANSWER("503 No", "{\"idempotency\":\"durable\"}"), ERR_UNAVAILABLE,
			false},
		{ANSWER("404 No", "none"), ERR_REFUSED, false},
		{NULL, -ECONNRESET, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct posting p;

		posting_init(&p, rows[i].answer, PEER_CLOSE);
		CHECK_INT(probe(&p), rows[i].err);
		CHECK_INT(p.call.durable, rows[i].durable);
		CHECK(str_starts(
			str_of(p.turn.request), STR("GET /healthz HTTP/1.1\r\n")));
		CHECK_INT(*p.call.words != '\0', rows[i].err < 0);
		posting_done(&p);
	}
}

/* --- a gateway that rests -------------------------------------------------- */

/* One gateway, many calls; each turn answers one. */
struct many {
	struct posting p;
	struct peer_turn turns[2 * BREAKER_FAILURES];
};

static void
many_init(struct many *m, const char *answer)
{
	posting_init(&m->p, "", PEER_CLOSE);
	peer_stop(&m->p.peer);
	for (size_t i = 0; i < ARRAY_LEN(m->turns); i++)
		m->turns[i] = (struct peer_turn){answer, PEER_CLOSE};
	m->p.peer = (struct peer){.turns = m->turns, .count = ARRAY_LEN(m->turns)};
	peer_start(&m->p.peer);
	snprintf(m->p.base, sizeof(m->p.base), "http://127.0.0.1:%d", m->p.peer.port);
	begin(&m->p);
}

static int
many_send(struct many *m)
{
	waiter_init(&m->p.waiter);
	gateway_send(m->p.gateway, &m->p.call, &m->p.waiter.flow);
	CHECK_INT(m->p.waiter.wakes, 0);
	waiter_wait(&m->p.waiter);
	CHECK_INT(m->p.waiter.wakes, 1);
	return gateway_send_finish(&m->p.call);
}

static int
many_probe(struct many *m)
{
	waiter_init(&m->p.waiter);
	gateway_probe(m->p.gateway, &m->p.call, &m->p.waiter.flow);
	waiter_wait(&m->p.waiter);
	return gateway_probe_finish(&m->p.call);
}

static void
many_done(struct many *m)
{
	peer_stop(&m->p.peer);
	posting_done(&m->p);
}

TEST(a_gateway_without_whatsapp_rests_for_its_tenant_alone)
{
	struct many m;
	int64_t errors = metric_get(M_SEND_ERROR);

	many_init(&m, ANSWER("503 No", "{\"error\":\"WhatsApp not connected\"}"));
	for (int i = 0; i < BREAKER_FAILURES; i++)
		CHECK_INT(many_send(&m), ERR_UNAVAILABLE);
	CHECK(m.p.call.retry_after_ms > 0); /* the rest's, the peer named none */
	CHECK_INT(many_send(&m), ERR_OPEN);
	CHECK_INT(many_probe(&m), ERR_OPEN);
	CHECK_INT(m.p.peer.served, BREAKER_FAILURES);
	CHECK_INT(metric_get(M_SEND_ERROR) - errors, BREAKER_FAILURES);
	CHECK_STR(str_of(m.p.call.words),
		"resting after failures: HTTP 503 WhatsApp not connected");

	m.p.call.from.tenant = STR("2");
	CHECK_INT(many_send(&m), ERR_UNAVAILABLE);
	many_done(&m);
}

/* What may have been sent is never a matter of waiting, whoever else fails. */
TEST(an_ambiguous_send_stays_ambiguous_when_the_gateway_rests)
{
	struct many m;

	many_init(&m, NULL);
	for (int i = 0; i < BREAKER_FAILURES; i++)
		CHECK_INT(many_send(&m), ERR_AMBIGUOUS);
	CHECK(m.p.call.retry_after_ms > 0);
	CHECK_INT(many_send(&m), ERR_OPEN); /* and this one was not */
	CHECK(!m.p.call.http.sent);
	many_done(&m);
}

TEST(a_bad_message_does_not_stop_others)
{
	struct many m;

	many_init(&m, ANSWER("400 Bad", "{\"error\":\"Missing to\"}"));
	for (int i = 0; i < BREAKER_FAILURES + 1; i++)
		CHECK_INT(many_send(&m), ERR_REFUSED);
	many_done(&m);
}

TEST(a_probe_that_goes_well_does_not_hide_that_sends_fail)
{
	struct many m;

	many_init(&m, ANSWER("503 No", "{}"));
	for (int i = 0; i < BREAKER_FAILURES - 1; i++)
		CHECK_INT(many_send(&m), ERR_UNAVAILABLE);
	m.turns[BREAKER_FAILURES - 1].answer = ANSWER("200 OK", "ok");
	CHECK_INT(many_probe(&m), 0);
	CHECK_INT(many_send(&m), ERR_UNAVAILABLE);
	CHECK_INT(many_send(&m), ERR_OPEN);
	many_done(&m);
}

TEST(a_cancelled_send_says_nothing_about_the_gateway)
{
	struct many m;

	many_init(&m, NULL);
	for (int i = 0; i < BREAKER_FAILURES + 1; i++) {
		waiter_init(&m.p.waiter);
		gateway_send(m.p.gateway, &m.p.call, &m.p.waiter.flow);
		http_call_cancel(&m.p.call.http);
		waiter_wait(&m.p.waiter);
		CHECK_INT(gateway_send_finish(&m.p.call), -ECANCELED);
	}
	many_done(&m);
}

static int
type(struct posting *p, bool on)
{
	begin(p);
	gateway_typing(p->gateway, &p->call, on, &p->waiter.flow);
	waiter_wait(&p->waiter);
	int err = gateway_typing_finish(&p->call);
	peer_stop(&p->peer);
	return err;
}

TEST(typing_is_posted_as_the_original_reads_it)
{
	static const char *const words[] = {"false", "true"};

	for (int on = 0; on <= 1; on++) {
		struct posting p;
		char want[128];

		posting_init(&p, ANSWER("200 OK", "{\"ok\":true}"), PEER_CLOSE);
		p.settings.internal_secret = "s-1";
		CHECK_INT(type(&p, on), 0);
		CHECK(p.call.reached);
		CHECK_INT(p.waiter.wakes, 1);
		CHECK(str_starts(
			str_of(p.turn.request), STR("POST /sendTyping HTTP/1.1\r\n")));
		CHECK(strstr(p.turn.request, "\r\nX-Internal-Secret: s-1\r\n"));
		snprintf(want, sizeof(want),
			"{\"typing\":%s,\"tenantId\":\"business_1\",\"jid\":"
			"\"972501234567@s.whatsapp.net\"}",
			words[on]);
		CHECK_STR(str_of(strstr(p.turn.request, "\r\n\r\n") + 4), want);
		posting_done(&p);
	}
}

TEST(typing_says_whether_the_gateway_may_have_heard_and_no_breaker_does)
{
	static const struct {
		const char *answer;
		enum peer_then then;
		int err;
	} rows[] = {
		{ANSWER("500 Oops", "{\"error\":\"typing_failed\"}"), PEER_CLOSE,
			ERR_REMOTE},
		{ANSWER("503 Not now", "{\"error\":\"WhatsApp not connected\"}"),
			PEER_CLOSE, ERR_UNAVAILABLE},
		{ANSWER("401 No", ""), PEER_CLOSE, ERR_DENIED},
		{NULL, PEER_CLOSE, -ECONNRESET},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct posting p;

		posting_init(&p, rows[i].answer, rows[i].then);
		int64_t open = metric_get(M_BREAKER_OPEN);
		CHECK_INT(type(&p, true), rows[i].err);
		CHECK(p.call.reached);
		CHECK_INT(metric_get(M_BREAKER_OPEN), open);
		posting_done(&p);
	}

	struct posting nobody;
	posting_init(&nobody, NULL, PEER_CLOSE);
	nobody.settings.baileys_base_url = "http://127.0.0.1:1";
	CHECK_INT(type(&nobody, true), ERR_UNAVAILABLE);
	CHECK(!nobody.call.reached);
	posting_done(&nobody);
}

UNIT_MAIN
