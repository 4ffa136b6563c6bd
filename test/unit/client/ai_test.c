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
	struct breaker *breaker;
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
ask_once(struct asking *a)
{
	struct ai_client *c = ai_client_new(the_client(), &a->settings, a->breaker);

	waiter_init(&a->waiter);
	ai_start(c, &a->call, &a->waiter.flow);
	CHECK_INT(a->waiter.wakes, 0);
	waiter_wait(&a->waiter);
	CHECK_INT(a->waiter.wakes, 1);
	int err = ai_finish(&a->call);
	arena_done(&c->arena);
	free(c);
	return err;
}

static int
ask(struct asking *a)
{
	a->breaker = breaker_new(NULL, NULL);
	int err = ask_once(a);
	breaker_free(a->breaker);
	peer_stop(&a->peer);
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
	static const struct ai_turn turns[] = {{AI_SYSTEM, {"Be brief", 8}},
		{AI_USER, {"a \"b\"\n", 6}}, {AI_ASSISTANT, {"שלום", 8}},
		{AI_USER, {"c", 1}}};
	struct asking a;

	asking_init(&a, CONTENT("\"yes\""));
	strcat(a.base, "/"); /* a slash too many is not sent */
	a.settings.openai_api_key = "k-1";
	a.call.model = STR("large");
	a.call.turns = turns;
	a.call.turn_count = 4;
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
		{ANSWER("401 No", ERROR("\"invalid_api_key\"", "null")), ERR_DENIED,
			"HTTP 401 invalid_api_key"},
		{ANSWER("403 No", "<html>"), ERR_DENIED, "HTTP 403"},
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
			ERR_QUOTA, "HTTP 429 insufficient_quota"},
		{ANSWER("429 Pay", ERROR("\"credit_balance_exhausted\"",
					   "\"insufficient_quota\"")),
			ERR_QUOTA, "HTTP 429 credit_balance_exhausted"},
		{ANSWER("500 Oh", "<html><body>Internal Server Error"), ERR_REMOTE,
			"HTTP 500"},
		{ANSWER("502 Oh", "{\"error\":\"text only\"}"), ERR_REMOTE, "HTTP 502"},
		{ANSWER("503 Oh", ERROR("\"slow_down\"", "null")), ERR_THROTTLED,
			"HTTP 503 slow_down"},
		{ANSWER("503 Oh", ERROR("\"server_is_overloaded\"", "null")),
			ERR_REMOTE, "HTTP 503 server_is_overloaded"},
		{ANSWER("529 Oh", ""), ERR_REMOTE, "HTTP 529"},
		{ANSWER("500 Oh", ERROR("\"a\\nb\\u05d0\"", "null")), ERR_REMOTE,
			"HTTP 500"},
		{ANSWER("500 Oh", ERROR("\"no such user 972501234567\"", "null")),
			ERR_REMOTE, "HTTP 500"},
		{ANSWER("500 Oh", ERROR("\"he said: secret words\"", "null")),
			ERR_REMOTE, "HTTP 500"},
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

#define PARAM(name)                                                                    \
	ANSWER("400 Bad", "{\"error\":{\"message\":\"secret words\",\"param\":\"" name \
			  "\",\"code\":\"unsupported_parameter\"}}")

TEST(ai_says_what_could_help)
{
	static const struct {
		const char *answer;
		enum ai_hint hint;
	} rows[] = {
		{CONTENT("\"hello\""), AI_NO_HINT},
		{PARAM("max_tokens"), AI_ASK_AGAIN},
		{PARAM("temperature"), AI_ASK_AGAIN},
		{PARAM("stream"), AI_NO_HINT},
		{ANSWER("400 Bad", ERROR("\"context_length_exceeded\"", "null")),
			AI_ASK_SHORTER},
		{ANSWER("400 Bad", ERROR("400", "\"exceed_context_size_error\"")),
			AI_ASK_SHORTER},
		{ANSWER("400 Bad",
			 "{\"object\":\"error\",\"message\":\"This model's maximum "
			 "context length is 4096 tokens. However, you requested 5000 "
			 "tokens\",\"type\":\"BadRequestError\",\"param\":null,"
			 "\"code\":400}"),
			AI_ASK_SHORTER},
		{ANSWER("404 No", ERROR("\"model_not_found\"", "null")), AI_ASK_OTHER},
		/* llama.cpp, Ollama and vLLM name it each in its own way */
		{ANSWER("404 No", ERROR("null", "\"not_found_error\"")), AI_ASK_OTHER},
		{ANSWER("404 No", "404 page not found"), AI_ASK_OTHER},
		{ANSWER("500 Oh", ""), AI_NO_HINT},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct asking a;

		asking_init(&a, rows[i].answer);
		int err = ask(&a);
		if (a.call.hint != rows[i].hint)
			printf("row %zu: %s\n", i, a.call.words);
		CHECK_INT(a.call.hint, rows[i].hint);
		CHECK_INT(err == 0, i == 0);
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
	CHECK_STR(str_of(a.call.words), "HTTP 500");
	arena_done(&a.arena);
}

/* Asks a peer that answers `answer` again and again, until the destination rests. */
struct resting {
	struct asking a;
	struct peer_turn turns[BREAKER_FAILURES + 1];
	int errs[BREAKER_FAILURES + 1];
	size_t asked;
};

static void
resting_run(struct resting *r, const char *answer, size_t times)
{
	asking_init(&r->a, "");
	peer_stop(&r->a.peer);
	for (size_t i = 0; i < ARRAY_LEN(r->turns); i++)
		r->turns[i] = (struct peer_turn){answer, PEER_CLOSE};
	r->a.peer = (struct peer){.turns = r->turns, .count = ARRAY_LEN(r->turns)};
	peer_start(&r->a.peer);
	snprintf(
		r->a.base, sizeof(r->a.base), "http://127.0.0.1:%d/v1", r->a.peer.port);
	r->a.breaker = breaker_new(NULL, NULL);
	for (size_t i = 0; i < times; i++)
		r->errs[i] = ask_once(&r->a);
	r->asked = r->a.peer.served;
	peer_stop(&r->a.peer);
	breaker_free(r->a.breaker);
	arena_done(&r->a.arena);
}

TEST(ai_is_left_alone_after_failures_in_a_row)
{
	struct resting r;
	int64_t errors = metric_get(M_AI_ERROR);

	resting_run(
		&r, ANSWER("500 Oh", ERROR("\"boom\"", "null")), BREAKER_FAILURES + 1);
	CHECK_INT(r.asked, BREAKER_FAILURES);
	CHECK_INT(metric_get(M_AI_ERROR) - errors, BREAKER_FAILURES);
	for (int i = 0; i < BREAKER_FAILURES - 1; i++)
		CHECK_INT(r.errs[i], ERR_REMOTE);
	CHECK_INT(r.errs[BREAKER_FAILURES - 1], ERR_OPEN); /* no job's own fault */
	CHECK_INT(r.errs[BREAKER_FAILURES], ERR_OPEN);
	CHECK_STR(str_of(r.a.call.words), "resting after failures: HTTP 500 boom");
	CHECK(r.a.call.retry_after_ms > 0 && r.a.call.retry_after_ms <= 2000);
	CHECK(!r.a.call.http.sent);
}

TEST(ai_is_left_alone_at_once_when_it_says_so)
{
	static const struct {
		const char *answer;
		int err;
		int64_t least_ms, most_ms;
	} rows[] = {
		{"HTTP/1.1 429 Slow\r\nRetry-After: 30\r\n\r\n{}", ERR_THROTTLED, 29000,
			30000},
		{"HTTP/1.1 503 Busy\r\nretry-after-ms: 2500\r\n\r\n{}", ERR_OPEN, 1500,
			2500},
		{ANSWER("401 No", ERROR("\"invalid_api_key\"", "null")), ERR_DENIED,
			BREAKER_DENIED_MS - 1000, 2 * BREAKER_DENIED_MS},
		{ANSWER("429 Pay", ERROR("\"insufficient_quota\"", "null")), ERR_QUOTA,
			BREAKER_DENIED_MS - 1000, 2 * BREAKER_DENIED_MS},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct resting r;

		resting_run(&r, rows[i].answer, 2);
		CHECK_INT(r.asked, 1);
		CHECK_INT(r.errs[0], rows[i].err);
		CHECK_INT(r.errs[1], ERR_OPEN);
		CHECK(r.a.call.retry_after_ms >= rows[i].least_ms);
		CHECK(r.a.call.retry_after_ms <= rows[i].most_ms);
	}
}

TEST(ai_is_not_blamed_for_bad_requests)
{
	static const char *const answers[] = {
		ANSWER("400 Bad", "{}"),
		"HTTP/1.1 404 No\r\nRetry-After: 30\r\n\r\n",
		ANSWER("413 Big", ""),
		ANSWER("422 Odd", "{}"),
		CONTENT("\"\""),
	};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct resting r;

		resting_run(&r, answers[i], BREAKER_FAILURES + 1);
		CHECK_INT(r.asked, BREAKER_FAILURES + 1);
		CHECK(r.errs[BREAKER_FAILURES] != ERR_OPEN);
	}
}

UNIT_MAIN
