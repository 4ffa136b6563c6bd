/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "../../../src/client/gateway.c"

#include "base/clock.h"
#include "base/settings.h"
#include "client/cloud_error.h"
#include "peer.h"
#include "wait.h"

#define ANSWER(status, body) "HTTP/1.1 " status "\r\n\r\n" body
#define TAKEN                                                                         \
	ANSWER("200 OK",                                                              \
		"{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"1\"," \
		"\"wa_id\":\"1\"}],\"messages\":[{\"id\":\"wamid.AA==\"}]}")

/* Everything one call needs; the peer has one turn. */
struct posting {
	struct settings settings;
	struct tenant tenant;
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
posting_init(struct posting *p, const char *answer)
{
	*p = (struct posting){.turn = {answer, PEER_CLOSE},
		.tenant = {.id = STR("1"),
			.gateway = STR("meta"),
			.meta_phone_number_id = STR("4711"),
			.meta_access_token = STR("EAA")}};
	p->peer = (struct peer){.turns = &p->turn, .count = 1};
	peer_start(&p->peer);
	snprintf(p->base, sizeof(p->base), "http://127.0.0.1:%d", p->peer.port);
	p->settings = (struct settings){.meta_wa_base_url = p->base,
		.meta_wa_api_version = "v23.0",
		.meta_wa_status_wait_s = 60};
	arena_init(&p->arena);
	p->call = (struct gateway_call){.arena = &p->arena,
		.from = gateway_account_of(&p->tenant),
		.to = STR("972501234567@s.whatsapp.net"),
		.text = STR("a \"b\"\n"),
		.key = STR("3EB0AA")};
	p->breaker = breaker_new(NULL, NULL);
	p->gateway = gateway_new(the_client(), &p->settings, p->breaker);
	waiter_init(&p->waiter);
}

static void
posting_done(struct posting *p)
{
	peer_stop(&p->peer);
	free(p->gateway);
	breaker_free(p->breaker);
	arena_done(&p->arena);
}

static int
post(struct posting *p)
{
	gateway_send(p->gateway, &p->call, &p->waiter.flow);
	waiter_wait(&p->waiter);
	return gateway_send_finish(&p->call);
}

static struct str
body_of(const struct posting *p)
{
	return str_of(strstr(p->turn.request, "\r\n\r\n") + 4);
}

TEST(a_text_is_posted_as_meta_reads_it)
{
	struct posting p;

	posting_init(&p, TAKEN);
	CHECK_INT(post(&p), 0);
	CHECK_STR(p.call.message_id, "wamid.AA==");
	CHECK_INT(p.call.doubt_ms, 60000);
	CHECK(str_starts(
		str_of(p.turn.request), STR("POST /v23.0/4711/messages HTTP/1.1\r\n")));
	CHECK(strstr(p.turn.request, "\r\nAuthorization: Bearer EAA\r\n"));
	CHECK(strstr(p.turn.request, "\r\nContent-Type: application/json\r\n"));
	CHECK(!strstr(p.turn.request, "X-Internal-Secret"));
	CHECK_STR(body_of(&p),
		"{\"messaging_product\":\"whatsapp\",\"recipient_type\":\"individual\","
		"\"to\":\"972501234567\",\"biz_opaque_callback_data\":\"3EB0AA\","
		"\"type\":\"text\",\"text\":{\"preview_url\":false,"
		"\"body\":\"a \\\"b\\\"\\n\"}}");
	posting_done(&p);
}

TEST(who_it_goes_to_depends_on_the_address)
{
	static const struct {
		const char *chat, *want; /* NULL: nobody is asked */
	} rows[] = {
		{"972501234567@s.whatsapp.net", "\"to\":\"972501234567\""},
		{"972501234567@c.us", "\"to\":\"972501234567\""},
		{"US.13491208655302741918@bsuid",
			"\"recipient\":\"US.13491208655302741918\""},
		{"120363@g.us", "\"recipient_type\":\"group\",\"to\":\"120363\""},
		{"71234567890123@lid", NULL},
		{"status@broadcast", NULL},
		{"nobody", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct posting p;

		posting_init(&p, TAKEN);
		p.call.to = str_of(rows[i].chat);
		CHECK_INT(post(&p), rows[i].want ? 0 : ERR_REFUSED);
		CHECK_INT(p.waiter.wakes, 1);
		if (rows[i].want)
			CHECK(strstr(p.turn.request, rows[i].want));
		else
			CHECK(strstr(p.call.words, "phone"));
		posting_done(&p);
	}
}

#define META(status, code)                                                            \
	ANSWER(status, "{\"error\":{\"message\":\"+972501234567\",\"code\":" code "}" \
		       "}")

TEST(an_answer_means_what_its_code_says)
{
	static const struct {
		const char *answer;
		int err;
		bool rests; /* the number as a whole */
		const char *words;
	} rows[] = {
		{META("401 No", "190"), ERR_DENIED, true, "HTTP 401 code 190: token"},
		{META("400 No", "0"), ERR_DENIED, true, "code 0: token"},
		{META("403 No", "10"), ERR_DENIED, true, "permission"},
		{META("403 No", "299"), ERR_DENIED, true, "permission"},
		{META("403 No", "368"), ERR_DENIED, true, "policy"},
		{META("403 No", "131031"), ERR_DENIED, true, "locked"},
		{META("400 No", "131048"), ERR_DENIED, true, "quality"},
		{META("400 No", "131042"), ERR_DENIED, true, "payment"},
		{META("400 No", "100"), ERR_REFUSED, false, "parameter"},
		{ANSWER("400 No", "{\"error\":{\"code\":100,\"error_subcode\":33}}"),
			ERR_DENIED, true, "no such number"},
		{META("400 No", "131026"), ERR_REFUSED, false, "undeliverable"},
		{META("400 No", "131051"), ERR_REFUSED, false, "type"},
		{META("404 No", "132001"), ERR_REFUSED, false, "template"},
		{META("400 No", "132999"), ERR_REFUSED, false, "template"},
		{META("400 No", "131047"), ERR_WINDOW, false, "24 hours"},
		{META("400 No", "131049"), ERR_WINDOW, false, "marketing"},
		{META("400 No", "470"), ERR_WINDOW, false, "24 hours"},
		{META("400 No", "130429"), ERR_THROTTLED, true, "code 130429"},
		{META("400 No", "131056"), ERR_THROTTLED, false, "this customer"},
		{META("400 No", "80007"), ERR_THROTTLED, true, "too many calls"},
		{META("400 No", "4"), ERR_THROTTLED, true, "too many calls"},
		{META("429 No", "987654"), ERR_THROTTLED, false, "code 987654"},
		{META("500 No", "131000"), ERR_REMOTE, false, "metastatus"},
		{META("503 No", "131016"), ERR_REMOTE, false, "metastatus"},
		{META("500 No", "2"), ERR_REMOTE, false, "metastatus"},
		{META("400 No", "1"), ERR_REMOTE, false, "metastatus"},
		{META("500 No", "987654"), ERR_REMOTE, false, "HTTP 500 code 987654"},
		{META("400 No", "987654"), ERR_REFUSED, false, "HTTP 400 code 987654"},
		{ANSWER("404 No", "<html>"), ERR_REFUSED, false, "not an answer"},
		{ANSWER("503 No", "<html>"), ERR_UNAVAILABLE, false, "not an answer"},
		{ANSWER("502 No", "<html>"), ERR_AMBIGUOUS, false, "not an answer"},
		{ANSWER("500 No", ""), ERR_AMBIGUOUS, false, "not an answer"},
		{ANSWER("200 OK", "<html>"), ERR_AMBIGUOUS, false, "not an answer"},
		{ANSWER("200 OK", "{\"messages\":[]}"), ERR_AMBIGUOUS, false, ""},
		{ANSWER("200 OK", "{\"messages\":[{\"id\":\"\"}]}"), ERR_AMBIGUOUS,
			false, ""},
		{META("200 OK", "131026"), ERR_AMBIGUOUS, false, ""},
		{NULL, ERR_AMBIGUOUS, false, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct posting p;
		struct breaker_rest rest;
		struct breaker_pass pass;
		char key[128];

		posting_init(&p, rows[i].answer);
		CHECK_INT(post(&p), rows[i].err);
		if (!strstr(p.call.words, rows[i].words))
			CHECK_STR(str_of(p.call.words), rows[i].words);
		CHECK(!strstr(p.call.words, "97250"));
		CHECK(!p.call.message_id.p);
		snprintf(key, sizeof(key), "gateway %s tenant 1", p.base);
		CHECK_INT(breaker_enter(p.breaker, &pass, key, clock_mono_ms(), &rest),
			rows[i].rests ? ERR_OPEN : 0);
		posting_done(&p);
	}
}

TEST(throttled_without_a_time_is_a_time_of_our_own)
{
	static const struct {
		const char *answer;
		int64_t wait_ms;
	} rows[] = {
		{META("400 No", "131056"), 6000},
		{META("400 No", "80007"), 60000},
		{"HTTP/1.1 400 No\r\nRetry-After: 3\r\n\r\n{\"error\":{\"code\":4}}",
			3000},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct posting p;

		posting_init(&p, rows[i].answer);
		CHECK_INT(post(&p), ERR_THROTTLED);
		CHECK_INT(p.call.retry_after_ms, rows[i].wait_ms);
		posting_done(&p);
	}
}

TEST(every_class_of_the_table_is_one_that_the_worker_knows)
{
	static const int64_t codes[] = {0, 1, 2, 3, 4, 10, 33, 100, 190, 200, 299, 368,
		470, 80007, 130429, 130472, 131000, 131005, 131016, 131026, 131031,
		131047, 131056, 132000, 132068, 133010};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		const struct cloud_error *e = cloud_error_of(codes[i]);

		CHECK(e != NULL);
		CHECK(e && e->first <= codes[i] && codes[i] <= e->last);
		CHECK(e && (e->outcome == BREAKER_DENIED) == (e->err == ERR_DENIED));
		CHECK(e && strlen(e->words) < 100);
	}
	CHECK(!cloud_error_of(-1));
	CHECK(!cloud_error_of(5));
	CHECK(!cloud_error_of(300));
	CHECK(!cloud_error_of(133999));
}

TEST(without_number_or_token_nobody_is_asked)
{
	struct posting p;
	char words[256];

	posting_init(&p, TAKEN);
	p.call.from.access_token = (struct str){0};
	CHECK_INT(post(&p), ERR_DENIED);
	CHECK(strstr(
		p.call.words, "needs meta_access_token (or META_WA_ACCESS_TOKEN)"));
	p.settings.meta_wa_access_token = "EAAenv";
	CHECK_INT(gateway_check_tenant(&p.settings, &p.tenant, words), 0);
	waiter_init(&p.waiter);
	CHECK_INT(post(&p), 0);
	CHECK(strstr(p.turn.request, "\r\nAuthorization: Bearer EAAenv\r\n"));
	posting_done(&p);
}

TEST(typing_marks_the_message_read_and_has_no_off)
{
	struct posting p;

	posting_init(&p, ANSWER("200 OK", "{\"success\":true}"));
	p.call.answers = STR("wamid.B");
	for (int on = 0; on <= 1; on++) {
		waiter_init(&p.waiter);
		gateway_typing(p.gateway, &p.call, on, &p.waiter.flow);
		waiter_wait(&p.waiter);
		CHECK_INT(gateway_typing_finish(&p.call), 0);
		CHECK_INT(p.call.http.sent, on);
		CHECK(!p.call.reached);
	}
	CHECK_STR(body_of(&p),
		"{\"messaging_product\":\"whatsapp\",\"status\":\"read\","
		"\"message_id\":\"wamid.B\",\"typing_indicator\":{\"type\":\"text\"}}");
	posting_done(&p);
}

TEST(outside_the_window_the_text_is_one_line_of_a_template)
{
	struct posting p;

	posting_init(&p, TAKEN);
	p.call.text = STR("  one\n\n\ttwo   three ");
	p.call.as_template = true;
	p.call.from.template = STR("news");
	CHECK_INT(post(&p), 0);
	CHECK(strstr(p.turn.request,
		"\"type\":\"template\",\"template\":{\"name\":\"news\","
		"\"language\":{\"code\":\"en\"},\"components\":[{\"type\":\"body\","
		"\"parameters\":[{\"type\":\"text\",\"text\":\"one two three\"}]}]}}"));
	posting_done(&p);
}

TEST(what_is_more_than_a_text_goes_as_it_was_given)
{
	static const struct {
		const char *content, *want;
	} rows[] = {
		{"{\"type\":\"image\",\"image\":{\"link\":\"https://x/y.png\","
		 "\"caption\":\"hi\"},\"to\":\"somebody else\"}",
			",\"type\":\"image\",\"image\":{\"link\":\"https://x/y.png\","
			"\"caption\":\"hi\"}}"},
		{"{\"type\":\"reaction\",\"reaction\":{\"message_id\":\"wamid.A\","
		 "\"emoji\":\"\\ud83d\\udc4d\"}}",
			",\"type\":\"reaction\",\"reaction\":{\"message_id\":"
			"\"wamid.A\",\"emoji\":\"\xf0\x9f\x91\x8d\"}}"},
		{"{\"type\":\"template\",\"template\":{\"name\":\"t\"}}",
			",\"type\":\"template\",\"template\":{\"name\":\"t\","
			"\"components\":[{\"type\":\"body\",\"parameters\":"
			"[{\"type\":\"text\",\"text\":\"a \\\"b\\\"\"}]}]}}"},
		{"{\"type\":\"template\",\"template\":{\"name\":\"t\","
		 "\"components\":[]}}",
			",\"template\":{\"name\":\"t\",\"components\":[]}}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct posting p;

		posting_init(&p, TAKEN);
		p.call.content = str_of(rows[i].content);
		CHECK_INT(post(&p), 0);
		if (!str_ends(body_of(&p), str_of(rows[i].want)))
			CHECK_STR(body_of(&p), rows[i].want);
		CHECK(!strstr(p.turn.request, "somebody else"));
		posting_done(&p);
	}
}

TEST(a_text_that_is_too_long_is_not_posted)
{
	static char text[8200];
	struct posting p;

	for (int i = 0; i < 4097; i++) /* two bytes each */
		strcpy(text + 2 * i, "\xd7\xa9");
	posting_init(&p, TAKEN);
	CHECK_INT((int)gateway_text_max(&p.call.from), 4096);
	p.call.text = (struct str){text, 8194};
	CHECK_INT(post(&p), ERR_REFUSED);
	CHECK(strstr(p.call.words, "longer"));
	CHECK(!p.call.http.sent);
	posting_done(&p);
}

TEST(a_probe_asks_nobody_and_says_how_long_to_wait)
{
	struct posting p;

	posting_init(&p, TAKEN);
	gateway_probe(p.gateway, &p.call, &p.waiter.flow);
	waiter_wait(&p.waiter);
	CHECK_INT(gateway_probe_finish(&p.call), 0);
	CHECK(!p.call.durable);
	CHECK_INT(p.call.doubt_ms, 60000);
	CHECK(!p.call.http.sent);
	posting_done(&p);
}

TEST(a_tenant_that_says_nothing_is_on_baileys)
{
	struct gateway_account none = {0}, other = {.gateway = STR("pigeon")};
	struct gateway_account meta = {.gateway = STR("meta")};

	CHECK(way_of(&none) == &gateway_baileys);
	CHECK(way_of(&other) == &gateway_baileys);
	CHECK(way_of(&meta) == &gateway_cloud);
}

UNIT_MAIN
