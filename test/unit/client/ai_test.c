/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>

#include "../../../src/client/ai.c"

#include "peer.h"
#include "wait.h"

#define ANSWER(status, body) "HTTP/1.1 " status "\r\n\r\n" body
#define CONTENT(content) \
	ANSWER("200 OK", "{\"choices\":[{\"message\":{\"content\":" content "}}]}")
#define ERROR(code, type)                                         \
	"{\"error\":{\"message\":\"secret words\",\"type\":" type \
	",\"param\":null,\"code\":" code "}}"

/* Everything one call needs; ask() runs it against a peer with one turn. */
struct asking {
	struct settings settings;
	struct peer_turn turn;
	struct peer peer;
	struct arena arena;
	struct ai_call call;
	struct waiter waiter;
	char base[64];
};

static const struct ai_turn hello = {AI_USER, {"secret words", 12}};

static void
asking_init(struct asking *a, const char *answer)
{
	*a = (struct asking){.turn = {answer, PEER_CLOSE}};
	a->peer = (struct peer){.turns = &a->turn, .count = 1};
	peer_start(&a->peer);
	snprintf(a->base, sizeof(a->base), "http://127.0.0.1:%d/v1", a->peer.port);
	a->settings = (struct settings){.openai_base_url = a->base,
		.openai_model = "small",
		.ai_max_tokens = 350,
		.ai_temperature = 0.3,
		.ai_timeout_s = 5};
	arena_init(&a->arena);
	a->call = (struct ai_call){.arena = &a->arena,
		.turns = &hello,
		.turn_count = 1,
		.temperature = -1};
}

static int
ask(struct asking *a)
{
	struct ai_client *c = ai_client_new(the_client(), &a->settings);

	waiter_init(&a->waiter);
	ai_start(c, &a->call, &a->waiter.flow);
	waiter_wait(&a->waiter);
	int err = ai_finish(&a->call);
	peer_stop(&a->peer);
	arena_done(&c->arena);
	free(c);
	return err;
}

TEST(ai_asks_with_the_settings_where_the_call_says_nothing)
{
	struct asking a;

	asking_init(&a, CONTENT("\"yes\""));
	CHECK_INT(ask(&a), 0);
	CHECK(str_starts(
		str_of(a.turn.request), STR("POST /v1/chat/completions HTTP/1.1\r\n")));
	CHECK(strstr(a.turn.request, "\r\nContent-Type: application/json\r\n"));
	CHECK(!strstr(a.turn.request, "Authorization"));
	CHECK_STR(str_of(strstr(a.turn.request, "\r\n\r\n") + 4),
		"{\"model\":\"small\",\"messages\":[{\"role\":\"user\",\"content\":"
		"\"secret words\"}],"
		"\"max_tokens\":350,\"temperature\":0.3,\"stream\":false}");
	arena_done(&a.arena);
}

TEST(ai_asks_with_what_the_call_says)
{
	static const struct ai_turn turns[] = {{AI_USER, {"a \"b\"\n", 6}},
		{AI_ASSISTANT, {"שלום", 8}}, {AI_USER, {"c", 1}}};
	struct asking a;

	asking_init(&a, CONTENT("\"yes\""));
	strcat(a.base, "/"); /* a slash too many is not sent */
	a.settings.openai_api_key = "k-1";
	a.call.model = STR("large");
	a.call.prompt = STR("Be brief");
	a.call.turns = turns;
	a.call.turn_count = 3;
	a.call.max_tokens = 7;
	a.call.temperature = 0;
	CHECK_INT(ask(&a), 0);
	CHECK(str_starts(
		str_of(a.turn.request), STR("POST /v1/chat/completions HTTP/1.1\r\n")));
	CHECK(strstr(a.turn.request, "\r\nAuthorization: Bearer k-1\r\n"));
	CHECK_STR(str_of(strstr(a.turn.request, "\r\n\r\n") + 4),
		"{\"model\":\"large\",\"messages\":[{\"role\":\"system\",\"content\":"
		"\"Be brief\"},"
		"{\"role\":\"user\",\"content\":\"a "
		"\\\"b\\\"\\n\"},{\"role\":\"assistant\",\"content\":\"שלום\"},"
		"{\"role\":\"user\",\"content\":\"c\"}],"
		"\"max_tokens\":7,\"temperature\":0,\"stream\":false}");
	arena_done(&a.arena);
}

TEST(ai_reads_content_in_every_shape)
{
	static const struct {
		const char *answer, *text;
	} rows[] = {
		{CONTENT("\"yes\""), "yes"},
		{CONTENT("\" \\n yes, \\u05d0\\ud83d\\ude00 \\t\""), "yes, א😀"},
		{CONTENT("[{\"type\":\"text\",\"text\":\" "
			 "a\"},{\"type\":\"image_url\",\"text\":\"x\"},"
			 "{\"type\":\"text\",\"text\":\"b \"},{\"type\":\"text\"},7]"),
			"ab"},
		{ANSWER("201 Created",
			 "{\"choices\":[{\"message\":{\"content\":\"yes\"}}]}"),
			"yes"},
		{CONTENT("\"<html>\""), "<html>"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct asking a;

		asking_init(&a, rows[i].answer);
		CHECK_INT(ask(&a), 0);
		CHECK_STR(a.call.answer, rows[i].text);
		CHECK_STR(str_of(a.call.words), "");
		CHECK_INT(a.waiter.wakes, 1);
		arena_done(&a.arena);
	}
}

TEST(ai_counts_tokens_when_the_server_does)
{
	static const struct {
		const char *usage;
		int64_t in, out;
	} rows[] = {
		{"{\"prompt_tokens\":12,\"completion_tokens\":3,\"total_tokens\":15}",
			12, 3},
		{"{\"prompt_tokens\":-1}", 0, 0},
		{"null", 0, 0},
		{"\"many\"", 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct asking a;
		char answer[256];
		int64_t in = metric_get(M_AI_TOKENS_IN), ok = metric_get(M_AI_OK);

		snprintf(answer, sizeof(answer),
			ANSWER("200 OK", "{\"choices\":[{\"message\":{\"content\":"
					 "\"y\"}}],\"usage\":%s}"),
			rows[i].usage);
		asking_init(&a, answer);
		CHECK_INT(ask(&a), 0);
		CHECK_INT(a.call.tokens_in, rows[i].in);
		CHECK_INT(a.call.tokens_out, rows[i].out);
		CHECK_INT(metric_get(M_AI_TOKENS_IN) - in, rows[i].in);
		CHECK_INT(metric_get(M_AI_OK) - ok, 1);
		arena_done(&a.arena);
	}
}

TEST(ai_tells_errors_apart)
{
	static const struct {
		const char *answer;
		int err;
		const char *words;
	} rows[] = {
		{CONTENT("null"), ERR_REMOTE, "HTTP 200 empty answer"},
		{CONTENT("\"\""), ERR_REMOTE, "HTTP 200 empty answer"},
		{CONTENT("\" \\n\""), ERR_REMOTE, "HTTP 200 empty answer"},
		{CONTENT("[]"), ERR_REMOTE, "HTTP 200 empty answer"},
		{CONTENT("7"), ERR_REMOTE, "HTTP 200 empty answer"},
		{ANSWER("200 OK", "{\"choices\":[]}"), ERR_REMOTE,
			"HTTP 200 empty answer"},
		{ANSWER("200 OK", "[]"), ERR_REMOTE, "HTTP 200 empty answer"},
		{ANSWER("200 OK", ""), ERR_REMOTE, "HTTP 200 unreadable answer"},
		{ANSWER("200 OK", "data: {\"choices\":[]}\n\ndata: [DONE]\n"),
			ERR_REMOTE, "HTTP 200 unreadable answer"},
		{ANSWER("200 OK", "<html>hello</html>"), ERR_REMOTE,
			"HTTP 200 unreadable answer"},
		{"not http at all\r\n\r\n", ERR_REMOTE, NULL},
		{ANSWER("400 Bad", ERROR("\"unsupported_parameter\"",
					   "\"invalid_request_error\"")),
			ERR_REFUSED, "HTTP 400 unsupported_parameter"},
		{ANSWER("400 Bad", ERROR("null", "\"invalid_request_error\"")),
			ERR_REFUSED, "HTTP 400 invalid_request_error"},
		{ANSWER("401 No", ERROR("\"invalid_api_key\"", "null")), ERR_REFUSED,
			"HTTP 401 invalid_api_key"},
		{ANSWER("403 No", "<html>"), ERR_REFUSED, "HTTP 403"},
		{ANSWER("404 No", ERROR("\"model_not_found\"", "null")), ERR_REFUSED,
			"HTTP 404 model_not_found"},
		{ANSWER("301 There", ""), ERR_REFUSED, "HTTP 301"},
		{ANSWER("408 Slow", ""), ERR_REMOTE, "HTTP 408"},
		{ANSWER("409 Conflict", ""), ERR_REMOTE, "HTTP 409"},
		{ANSWER("429 Slow", ERROR("\"rate_limit_exceeded\"", "\"requests\"")),
			ERR_THROTTLED, "HTTP 429 rate_limit_exceeded"},
		{ANSWER("429 Slow", "slow down"), ERR_THROTTLED, "HTTP 429"},
		{ANSWER("429 Pay",
			 ERROR("\"insufficient_quota\"", "\"insufficient_quota\"")),
			ERR_REFUSED, "HTTP 429 insufficient_quota"},
		{ANSWER("429 Pay", ERROR("\"credit_balance_exhausted\"",
					   "\"insufficient_quota\"")),
			ERR_REFUSED, "HTTP 429 credit_balance_exhausted"},
		{ANSWER("500 Oh", "<html><body>Internal Server Error"), ERR_REMOTE,
			"HTTP 500"},
		{ANSWER("502 Oh", "{\"error\":\"text only\"}"), ERR_REMOTE, "HTTP 502"},
		{ANSWER("503 Oh", ERROR("\"slow_down\"", "null")), ERR_THROTTLED,
			"HTTP 503 slow_down"},
		{ANSWER("503 Oh", ERROR("\"server_is_overloaded\"", "null")),
			ERR_REMOTE, "HTTP 503 server_is_overloaded"},
		{ANSWER("529 Oh", ""), ERR_REMOTE, "HTTP 529"},
		{ANSWER("500 Oh", ERROR("\"a\\nb\\u05d0\"", "null")), ERR_REMOTE,
			"HTTP 500 a?b??"},
		{NULL, -ECONNRESET, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct asking a;
		int64_t errors = metric_get(M_AI_ERROR);

		asking_init(&a, rows[i].answer);
		int err = ask(&a);
		if (err != rows[i].err)
			printf("row %zu: %s\n", i, a.call.words);
		CHECK_INT(err, rows[i].err);
		CHECK_INT(a.call.err, rows[i].err);
		CHECK(*a.call.words);
		if (rows[i].words)
			CHECK_STR(str_of(a.call.words), rows[i].words);
		CHECK(!a.call.answer.p);
		CHECK(!strstr(a.call.words, "secret"));
		CHECK_INT(metric_get(M_AI_ERROR) - errors, 1);
		arena_done(&a.arena);
	}
}

TEST(ai_says_when_to_come_back)
{
	struct asking a;

	asking_init(&a, "HTTP/1.1 429 Slow\r\nRetry-After: 3\r\n\r\n{}");
	CHECK_INT(ask(&a), ERR_THROTTLED);
	CHECK_INT(a.call.retry_after_ms, 3000);
	arena_done(&a.arena);
}

TEST(ai_words_stay_short_whatever_the_server_calls_it)
{
	struct asking a;
	char answer[2048] = ANSWER("500 Oh", "{\"error\":{\"code\":\"");

	memset(answer + strlen(answer), 'x', 1000);
	strcat(answer, "\"}}");
	asking_init(&a, answer);
	CHECK_INT(ask(&a), ERR_REMOTE);
	CHECK_INT(strlen(a.call.words), strlen("HTTP 500 ") + 64);
	arena_done(&a.arena);
}

UNIT_MAIN
