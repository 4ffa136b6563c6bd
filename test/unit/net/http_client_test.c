/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "../../../src/net/http_client.c"

#include <netdb.h>
#include <semaphore.h>

#include "peer.h"
#include "wait.h"

/* Name look-ups of this program end here, in curl's threads too. */
static sem_t lookup_begun, lookup_goes_on;

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret)
{
	(void)service, (void)hints, (void)ret;
	if (strcmp(name, "slow.test") == 0) {
		sem_post(&lookup_begun);
		sem_wait(&lookup_goes_on);
	}
	return EAI_NONAME;
}

/* A call and who waits for it. */
struct probe {
	struct waiter waiter;
	struct http_client *client;
	struct http_call call;
	char url[64];
};

static void
probe_init(struct probe *p, int port)
{
	*p = (struct probe){.client = the_client()};
	snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%d/path", port);
	p->call =
		(struct http_call){.method = "GET", .url = p->url, .timeout_ms = 5000};
}

static void
probe_start(struct probe *p)
{
	waiter_init(&p->waiter);
	http_call_start(p->client, &p->call, &p->waiter.flow);
	assert(p->waiter.wakes == 0);
}

static void
probe_run(struct probe *p)
{
	probe_start(p);
	waiter_wait(&p->waiter);
}

static char *
text_of(char first, size_t n, const char *before, const char *after)
{
	char *t = calloc(1, strlen(before) + n + strlen(after) + 1);

	strcpy(t, before);
	memset(t + strlen(before), first, n);
	strcat(t, after);
	return t;
}

#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

TEST(an_answer_is_read_whichever_way_it_is_framed)
{
	static const struct {
		const char *answer;
		enum peer_then then;
		int status;
		const char *body;
	} rows[] = {
		{OK_2, PEER_KEEP, 200, "ok"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n2\r\nok\r\n1;x=y\r\n!\r\n0\r\n\r\n",
			PEER_KEEP, 200, "ok!"},
		{"HTTP/1.1 200 OK\r\n\r\nuntil close", PEER_CLOSE, 200, "until close"},
		{"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", PEER_CLOSE, 200,
			"ok"},
		{"HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n" OK_2, PEER_KEEP,
			200, "ok"},
		{"HTTP/1.1 204 No Content\r\n\r\n", PEER_KEEP, 204, ""},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", PEER_KEEP,
			404, "none"},
		{"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", PEER_KEEP, 500, ""},
		{"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
			PEER_KEEP, 302, ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct peer_turn turn = {rows[i].answer, rows[i].then};
		struct peer peer = {.turns = &turn, .count = 1};
		struct probe p;

		peer_start(&peer);
		probe_init(&p, peer.port);
		probe_run(&p);
		peer_stop(&peer);
		CHECK_INT(p.call.err, 0);
		CHECK_INT(p.call.status, rows[i].status);
		CHECK_STR(buf_str(&p.call.answer), rows[i].body);
		CHECK_INT(p.call.retry_after_ms, -1);
		CHECK(p.call.sent);
		CHECK_INT(p.waiter.wakes, 1);
		CHECK_INT(peer.served, 1);
		http_call_done(&p.call);
	}
}

TEST(a_call_without_a_whole_answer_says_how_it_failed)
{
	char *big_head = text_of('h', HEAD_MAX, "HTTP/1.1 200 OK\r\nX: ", "\r\n\r\n");
	char *huge_head = text_of('h', 200000, "HTTP/1.1 200 OK\r\nX: ", "\r\n\r\n");
	const struct {
		const char *answer;
		enum peer_then then;
		int err;
	} rows[] = {
		{NULL, PEER_CLOSE, -ECONNRESET},
		{NULL, PEER_RESET, -ECONNRESET},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", PEER_CLOSE,
			-ECONNRESET},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", PEER_RESET,
			-ECONNRESET},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
			PEER_CLOSE, -ECONNRESET},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
			PEER_KEEP, -ECONNRESET},
		{"HTTP/1.1 200 O", PEER_CLOSE, -ECONNRESET},
		{"garbage garbage garbage\r\n\r\n", PEER_CLOSE, ERR_PROTO},
		{"HTTP/7.1 200 OK\r\n\r\n", PEER_CLOSE, ERR_PROTO},
		{"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", PEER_KEEP,
			-ETIMEDOUT},
		{NULL, PEER_KEEP, -ETIMEDOUT},
		{big_head, PEER_KEEP, ERR_LIMIT},
		{huge_head, PEER_KEEP, ERR_LIMIT},
		{"HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n123456789012345678901",
			PEER_KEEP, ERR_LIMIT},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n15\r\n123456789012345678901\r\n",
			PEER_KEEP, ERR_LIMIT},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct peer_turn turn = {rows[i].answer, rows[i].then};
		struct peer peer = {.turns = &turn, .count = 1};
		struct probe p;

		peer_start(&peer);
		probe_init(&p, peer.port);
		p.call.answer_max = 20;
		p.call.timeout_ms = rows[i].err == -ETIMEDOUT ? 50 : 5000;
		probe_run(&p);
		peer_stop(&peer);
		if (p.call.err != rows[i].err)
			printf("row %zu: %s\n", i, p.call.words);
		CHECK_INT(p.call.err, rows[i].err);
		CHECK(p.call.sent);
		CHECK(*p.call.words);
		CHECK_INT(p.call.status, 0);
		CHECK_INT(buf_len(&p.call.answer), 0);
		CHECK_INT(p.waiter.wakes, 1);
		http_call_done(&p.call);
	}
	free(big_head);
	free(huge_head);
}

TEST(what_was_never_sent_is_unavailable)
{
	int port;
	struct peer_turn turn = {.answer = NULL};
	struct peer not_tls = {.turns = &turn, .count = 1};

	close(peer_listen(&port, 1)); /* a port nobody listens on */
	peer_start(&not_tls);
	char refused[64], plain[64];
	snprintf(refused, sizeof(refused), "http://127.0.0.1:%d/", port);
	snprintf(plain, sizeof(plain), "https://127.0.0.1:%d/", not_tls.port);

	const char *const urls[] = {refused, plain, "http://no.such.name.test/", "",
		"http://", "/send", "http://127.0.0.1:99999/", "ftp://127.0.0.1/x",
		"file:///etc/passwd"};
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct probe p;

		probe_init(&p, 0);
		p.call.url = urls[i];
		p.call.timeout_ms =
			urls[i] == plain ? 100 : 5000; /* the peer says nothing */
		probe_run(&p);
		CHECK_INT(p.call.err, ERR_UNAVAILABLE);
		CHECK(!p.call.sent);
		CHECK(*p.call.words);
		CHECK_INT(p.waiter.wakes, 1);
		http_call_done(&p.call);
	}
	peer_stop(&not_tls);
}

TEST(a_connection_that_does_not_come_is_unavailable)
{
	int port, fds[4];
	int listener = peer_listen(&port, 0);
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct probe p;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) { /* fill the backlog */
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fds[i], (struct sockaddr *)&a, sizeof(a));
	}
	probe_init(&p, port);
	p.call.timeout_ms = 50;
	probe_run(&p);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	close(listener);
	CHECK_INT(p.call.err, ERR_UNAVAILABLE);
	CHECK(!p.call.sent);
	http_call_done(&p.call);
}

TEST(a_slow_name_lookup_holds_neither_the_loop_nor_the_deadline)
{
	struct probe p;

	sem_init(&lookup_begun, 0, 0);
	sem_init(&lookup_goes_on, 0, 0);
	probe_init(&p, 0);
	p.call.url = "http://slow.test/";
	p.call.timeout_ms = 50;
	probe_run(&p); /* would hang here */
	CHECK_INT(p.call.err, ERR_UNAVAILABLE);
	sem_wait(&lookup_begun);
	sem_post(&lookup_goes_on);
	http_call_done(&p.call);
}

TEST(waiting_for_a_free_connection_ends_at_the_deadline)
{
	struct peer_turn turns[] = {{.answer = NULL}, {.answer = NULL}};
	struct peer peer = {.turns = turns, .count = 2};
	struct http_client *narrow = http_client_new(the_loop());
	struct probe holder, waiter;

	curl_multi_setopt(narrow->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
	peer_start(&peer);
	probe_init(&holder, peer.port);
	probe_init(&waiter, peer.port);
	holder.client = waiter.client = narrow;
	waiter.call.timeout_ms = 50;
	probe_start(&holder);
	probe_start(&waiter);
	waiter_wait(&waiter.waiter);
	int holder_wakes = holder.waiter.wakes;
	http_call_cancel(&holder.call);
	waiter_wait(&holder.waiter);
	peer_stop(&peer);
	CHECK_INT(holder_wakes, 0);
	CHECK_INT(waiter.call.err, ERR_UNAVAILABLE);
	CHECK(!waiter.call.sent);
	CHECK_INT(holder.call.err, -ECANCELED);
	CHECK_INT(peer.served, 1);
}

TEST(a_cancelled_call_is_woken_once_and_tells_how_far_it_was)
{
	struct peer_turn turns[] = {{OK_2}, {.answer = NULL}};
	struct peer peer = {.turns = turns, .count = 2};
	struct probe before, early, late;

	peer_start(&peer);
	probe_init(&before, peer.port); /* leaves a used handle behind */
	probe_run(&before);
	http_call_done(&before.call);
	probe_init(&early, peer.port);
	probe_start(&early);
	http_call_cancel(&early.call);
	http_call_cancel(&early.call);
	int wakes = early.waiter.wakes; /* not from inside cancel */
	waiter_wait(&early.waiter);

	probe_init(&late, peer.port);
	probe_start(&late);
	while (!was_sent(late.call.transfer)) /* once it is, nothing would end a wait */
		uv_run(&the_loop()->uv, UV_RUN_NOWAIT);
	http_call_cancel(&late.call);
	waiter_wait(&late.waiter);
	http_call_cancel(&late.call); /* over already */
	peer_stop(&peer);

	CHECK_INT(wakes, 0);
	CHECK_INT(early.waiter.wakes, 1);
	CHECK_INT(early.call.err, -ECANCELED);
	CHECK(!early.call.sent);
	CHECK_INT(late.waiter.wakes, 1);
	CHECK_INT(late.call.err, -ECANCELED);
	CHECK(late.call.sent);
	CHECK_STR(str_of(late.call.words), "cancelled");
}

TEST(connections_are_reused)
{
	struct peer_turn turns[] = {{OK_2}, {OK_2}, {OK_2}};
	struct peer peer = {.turns = turns, .count = 3};

	peer_start(&peer);
	for (int i = 0; i < 3; i++) {
		struct probe p;

		probe_init(&p, peer.port);
		p.call.once = i == 2;
		probe_run(&p);
		CHECK_INT(p.call.status, 200);
		http_call_done(&p.call);
	}
	peer_stop(&peer);
	CHECK_INT(turns[2].conn, 0);
}

/* The peer reads the second request on a kept connection and closes: from outside
 * this looks like a connection that was closed before it was read. */
static void
run_stale(bool once, enum peer_then then, struct probe *p, struct peer *peer)
{
	struct peer_turn turns[] = {{OK_2}, {.then = then}, {OK_2}};
	struct probe first;

	*peer = (struct peer){.turns = turns, .count = 3};
	peer_start(peer);
	probe_init(&first, peer->port);
	probe_run(&first);
	http_call_done(&first.call);
	probe_init(p, peer->port);
	p->call.method = "POST";
	p->call.body = STR("{}");
	p->call.once = once;
	probe_run(p);
	peer_stop(peer);
}

TEST(a_request_on_a_dead_connection_is_repeated_unless_once)
{
	for (enum peer_then then = PEER_CLOSE; then <= PEER_RESET; then++) {
		struct peer peer;
		struct probe p;

		run_stale(false, then, &p, &peer);
		CHECK_INT(p.call.err, 0);
		CHECK_INT(peer.served, 3);
		http_call_done(&p.call);

		run_stale(true, then, &p, &peer);
		CHECK_INT(p.call.err, -ECONNRESET);
		CHECK(p.call.sent);
		CHECK_INT(peer.served, 2);
		http_call_done(&p.call);
	}
}

TEST(the_request_is_what_was_asked_for)
{
	static const char *const headers[] = {
		"Content-Type: application/json", "X-A: b", NULL};
	struct peer_turn turns[] = {{OK_2}, {OK_2}, {OK_2}};
	struct peer peer = {.turns = turns, .count = 3};
	struct probe p;
	char want[256];

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	peer_start(&peer);
	const struct str bodies[] = {STR("{\"a\":1}"), {NULL, 0}};
	for (size_t i = 0; i < 2; i++) {
		probe_init(&p, peer.port);
		p.call.method = "POST";
		p.call.headers = headers;
		p.call.body = bodies[i];
		probe_run(&p);
		CHECK_INT(p.call.err, 0);
		http_call_done(&p.call);
	}
	probe_init(&p, peer.port); /* nothing is left over of the one before */
	probe_run(&p);
	http_call_done(&p.call);
	peer_stop(&peer);
	unsetenv("http_proxy");
	unsetenv("all_proxy");

	snprintf(want, sizeof(want),
		"POST /path HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: prosaas\r\n"
		"Accept: */*\r\nContent-Type: application/json\r\nX-A: "
		"b\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
		peer.port);
	CHECK_STR(str_of(turns[0].request), want);
	CHECK(strstr(turns[1].request, "\r\nContent-Length: 0\r\n"));
	snprintf(want, sizeof(want),
		"GET /path HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: prosaas\r\n"
		"Accept: */*\r\n\r\n",
		peer.port);
	CHECK_STR(str_of(turns[2].request), want);
}

TEST(retry_after_is_understood_in_all_its_forms)
{
	static const struct {
		const char *header;
		int64_t least, most;
	} rows[] = {
		{"Retry-After: 7", 7000, 7000},
		{"retry-after: 0", 0, 0},
		{"Retry-After: 99999999999999999", 3600000, 3600000},
		{"Retry-After: -5", 0, 0},
		{"Retry-After: -9223372036854775808", 0, 0},
		{"Retry-After: soon", -1, -1},
		{"Retry-After:", -1, -1},
		{"Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", 0, 0},
		{"Retry-After: Fri, 31 Dec 2099 23:59:59 GMT", 3600000, 3600000},
		{"Retry-After-Ms: 250", 250, 250},
		{"retry-after-ms: 250\r\nRetry-After: 7", 250, 250},
		{"retry-after-ms: x\r\nRetry-After: 7", 7000, 7000},
		{"X-Other: 7", -1, -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char answer[256];
		struct peer_turn turn = {answer, PEER_CLOSE};
		struct peer peer = {.turns = &turn, .count = 1};
		struct probe p;

		snprintf(answer, sizeof(answer),
			"HTTP/1.1 429 Slow\r\n%s\r\nContent-Length: 0\r\n\r\n",
			rows[i].header);
		peer_start(&peer);
		probe_init(&p, peer.port);
		probe_run(&p);
		peer_stop(&peer);
		CHECK_INT(p.call.status, 429);
		if (p.call.retry_after_ms < rows[i].least ||
			p.call.retry_after_ms > rows[i].most)
			FAIL("%s: %" PRId64, rows[i].header, p.call.retry_after_ms);
		http_call_done(&p.call);
	}
}

TEST(an_answer_up_to_the_limit_is_taken)
{
	char *answer = text_of('b', ANSWER_MAX,
		"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n", "");
	struct peer_turn turn = {answer, PEER_KEEP};
	struct peer peer = {.turns = &turn, .count = 1};
	struct probe p;

	peer_start(&peer);
	probe_init(&p, peer.port);
	probe_run(&p);
	peer_stop(&peer);
	CHECK_INT(p.call.err, 0);
	CHECK_INT(buf_len(&p.call.answer), ANSWER_MAX);
	http_call_done(&p.call);
	free(answer);
}

TEST(a_refused_call_ends_from_the_loop_like_others)
{
	struct probe p;

	probe_init(&p, 1);
	waiter_init(&p.waiter);
	http_call_refuse(
		the_client(), &p.call, &p.waiter.flow, ERR_OPEN, "resting", 700);
	http_call_cancel(&p.call); /* too late */
	CHECK_INT(p.waiter.wakes, 0);
	waiter_wait(&p.waiter);
	CHECK_INT(p.waiter.wakes, 1);
	CHECK_INT(p.call.err, ERR_OPEN);
	CHECK_INT(p.call.status, 0);
	CHECK_INT(p.call.retry_after_ms, 700);
	CHECK(!p.call.sent);
	CHECK_STR(str_of(p.call.words), "resting");
	http_call_done(&p.call);
}

TEST(a_zeroed_call_may_be_done_and_cancelled)
{
	struct http_call call = {0};

	http_call_cancel(&call);
	http_call_done(&call);
	CHECK(!call.active);
}

UNIT_MAIN
