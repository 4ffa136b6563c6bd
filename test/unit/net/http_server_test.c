/* SPDX-License-Identifier: MIT */
/* The server on a loop in this thread; the client is a thread with blocking
 * sockets, whose verdict is joined before the test ends. */
#include "unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_server.h"
#include "net/loop.h"

struct house {
	struct loop loop;
	struct http_server *server;
	struct http_req *held; /* by /hold, until /free */
	int drains;
	uv_async_t over;
};

static struct house house;

static void
on_echo(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply(req, 200, "text/plain", req->body.n ? req->body : STR("none"), NULL);
}

static void
on_empty(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply(req, 200, NULL, STR(""), NULL);
}

static void
on_hold(struct http_req *req, void *ctx)
{
	((struct house *)ctx)->held = req;
}

static void
on_free(struct http_req *req, void *ctx)
{
	struct house *h = ctx;

	http_reply(h->held, 200, NULL, STR("held"), NULL);
	http_reply(req, 200, NULL, STR("freed"), NULL);
}

static void
on_below(struct http_req *req, void *ctx)
{
	struct str q = http_query(req, "q");

	(void)ctx;
	http_reply(req, 200, NULL, q.p ? q : req->rest, NULL);
}

static int
gate(struct http_req *req, void *ctx, const char **ret_json)
{
	(void)ctx;
	if (str_eqz(http_header(req, "X-Secret", NULL), "s"))
		return 0;
	*ret_json = "{\"error\":\"unauthorized\"}";
	return 401;
}

static const struct http_route routes[] = {
	{"POST", "/echo", on_echo, NULL, 100},
	{"GET", "/empty", on_empty, NULL, 0},
	{"POST", "/guarded", on_echo, gate, 100},
	{"GET", "/hold", on_hold, NULL, 0},
	{"GET", "/free", on_free, NULL, 0},
	{"GET", "/below/", on_below, NULL, 0},
	{NULL, NULL, NULL, NULL, 0},
};

static void
on_over(uv_async_t *h)
{
	(void)h;
	loop_quit(&house.loop);
}

static void
on_drained(void *arg)
{
	(void)arg;
	house.drains++;
}

static void
open_house(int64_t connections_max)
{
	static bool inited;
	struct http_options o = {.host = "127.0.0.1",
		.connections_max = connections_max,
		.request_timeout_ms = 250,
		.idle_timeout_ms = 400,
		.routes = routes,
		.ctx = &house};
	char err[128];

	if (!inited) {
		loop_init(&house.loop);
		uv_async_init(&house.loop.uv, &house.over, on_over);
	}
	inited = true;
	house.drains = 0;
	house.server = http_server_new(&house.loop, &o, err);
	CHECK(house.server);
}

static int
dial(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)http_server_port(house.server)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		abort();
	return fd;
}

static void
say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return; /* the server may have closed already */
}

/* Reads until the peer closes (or, with until, until that text came). */
static const char *
hear(int fd, const char *until)
{
	static _Thread_local char got[65536];
	size_t n = 0;

	for (;;) {
		ssize_t more = recv(fd, got + n, sizeof(got) - 1 - n, 0);

		if (more <= 0)
			break;
		n += (size_t)more;
		got[n] = '\0';
		if (until && strstr(got, until))
			break;
	}
	got[n] = '\0';
	return got;
}

/* What a client thread does; it returns NULL, or what went wrong. */
typedef const char *visit(void);

static void *
run_visit(void *arg)
{
	visit *v = *(visit **)arg;
	const char *wrong = v();

	uv_async_send(&house.over);
	return (void *)wrong; /* static text */
}

static void
be_visited(visit *v)
{
	pthread_t client;
	void *wrong;

	pthread_create(&client, NULL, run_visit, &v);
	loop_run(&house.loop);
	pthread_join(client, &wrong);
	if (wrong)
		FAIL("%s", (const char *)wrong);
}

#define EXPECT(cond)                             \
	do {                                     \
		if (!(cond))                     \
			return "not so: " #cond; \
	} while (0)

static const char *
starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0 ? text : NULL;
}

static const char *
ask_once(const char *request)
{
	int fd = dial();

	say(fd, request);
	shutdown(fd, SHUT_WR);
	const char *answer = hear(fd, NULL);
	close(fd);
	return answer;
}

static const char *
visit_routes(void)
{
	EXPECT(strstr(ask_once("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: "
			       "2\r\n\r\nhi"),
		"\r\n\r\nhi"));
	EXPECT(strcmp(ask_once("GET /empty HTTP/1.0\r\n\r\n"),
		       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: "
		       "close\r\n\r\n") == 0);
	EXPECT(starts(
		ask_once("GET /none HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 404 "));
	const char *answer = ask_once("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
	EXPECT(starts(answer, "HTTP/1.1 405 ") && strstr(answer, "Allow: POST\r\n"));
	answer = ask_once("HEAD /below/x HTTP/1.1\r\nHost: a\r\n\r\n");
	EXPECT(strstr(answer, "Content-Length: 1\r\n") &&
		strstr(answer, "\r\n\r\n")[4] == '\0');
	EXPECT(strstr(
		ask_once("GET /below/a/b HTTP/1.1\r\nHost: a\r\n\r\n"), "\r\n\r\na/b"));
	EXPECT(strstr(
		ask_once("GET /below/?x=1&q=a%20b+c%zz HTTP/1.1\r\nHost: a\r\n\r\n"),
		"\r\n\r\na b c%zz"));
	EXPECT(starts(ask_once("nonsense\r\n\r\n"), "HTTP/1.1 400 "));
	return NULL;
}

TEST(routes_methods_and_queries)
{
	open_house(100);
	be_visited(visit_routes);
}

static const char *
visit_pipelined(void)
{
	int fd = dial();

	say(fd, "GET /empty HTTP/1.1\r\nHost: a\r\n\r\nPOST /echo HTTP/1.1\r\nHost: "
		"a\r\nTransfer-Encoding: chunked\r\n\r\n"
		"1\r\na\r\n1\r\nb\r\n0\r\n\r\nGET /below/last HTTP/1.1\r\nHost: "
		"a\r\n\r\n");
	const char *all = hear(fd, "last");
	EXPECT(starts(all, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
	EXPECT(strstr(all, "\r\n\r\nab"));
	const char *bytes =
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nslow!";
	for (const char *b = bytes; *b; b++)
		send(fd, b, 1, MSG_NOSIGNAL);
	EXPECT(strstr(hear(fd, "slow!"), "\r\n\r\nslow!"));
	close(fd);
	return NULL;
}

TEST(requests_in_one_piece_or_byte_by_byte)
{
	open_house(100);
	be_visited(visit_pipelined);
}

static const char *
visit_gate(void)
{
	int fd = dial();

	say(fd, "POST /guarded HTTP/1.1\r\nHost: a\r\nExpect: "
		"100-continue\r\nContent-Length: 2\r\n\r\n");
	const char *answer = hear(fd, NULL);
	EXPECT(starts(answer, "HTTP/1.1 401 ") && strstr(answer, "unauthorized"));
	close(fd);

	fd = dial();
	say(fd, "POST /guarded HTTP/1.1\r\nHost: a\r\nX-Secret: s\r\nX-Secret: "
		"s\r\nContent-Length: 2\r\n\r\nhi");
	EXPECT(starts(hear(fd, NULL), "HTTP/1.1 401 "));
	close(fd);

	fd = dial();
	say(fd, "POST /guarded HTTP/1.1\r\nHost: a\r\nX-Secret: s\r\nExpect: "
		"100-continue\r\nContent-Length: 2\r\n\r\n");
	EXPECT(starts(
		hear(fd, "100 Continue\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n"));
	say(fd, "hi");
	EXPECT(strstr(hear(fd, "hi"), "HTTP/1.1 200 OK"));
	close(fd);

	fd = dial();
	say(fd, "POST /guarded HTTP/1.1\r\nHost: a\r\nX-Secret: s\r\nExpect: "
		"100-continue\r\nContent-Length: 101\r\n\r\n");
	EXPECT(starts(hear(fd, NULL), "HTTP/1.1 413 "));
	close(fd);
	return NULL;
}

TEST(a_gate_answers_before_the_body_is_asked_for)
{
	open_house(100);
	be_visited(visit_gate);
}

static const char *
visit_late(void)
{
	int fd = dial();

	say(fd, "POST /echo HTTP/1.1\r\nHost:");
	EXPECT(starts(hear(fd, NULL), "HTTP/1.1 408 "));
	close(fd);
	fd = dial();
	say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
	EXPECT(starts(hear(fd, NULL), "HTTP/1.1 408 "));
	close(fd);
	fd = dial();
	EXPECT(hear(fd, NULL)[0] == '\0'); /* idle: closed without a word */
	close(fd);
	return NULL;
}

TEST(slow_and_idle_clients_meet_their_deadline)
{
	open_house(100);
	be_visited(visit_late);
}

static const char *
visit_gone(void)
{
	int fd = dial();

	say(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	int other = dial();
	say(other, "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n");
	hear(other, "\r\n\r\n");
	struct linger hard = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd); /* a reset */
	say(other, "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n");
	hear(other, "\r\n\r\n");
	say(other, "GET /free HTTP/1.1\r\nHost: a\r\n\r\n");
	EXPECT(strstr(hear(other, "freed"), "freed"));
	close(other);
	return NULL;
}

TEST(an_answer_to_a_client_that_has_gone_is_dropped)
{
	open_house(100);
	be_visited(visit_gone);
}

static const char *
visit_full(void)
{
	int first = dial(), second = dial(), late = dial();

	say(first, "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n");
	hear(first, "\r\n\r\n");
	say(second, "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n");
	hear(second, "\r\n\r\n");
	say(late, "GET /below/late HTTP/1.1\r\nHost: a\r\n\r\n");
	close(first);
	EXPECT(strstr(hear(late, "late"), "late"));
	close(second);
	close(late);
	return NULL;
}

TEST(above_the_cap_a_connection_waits_until_one_leaves)
{
	open_house(2);
	be_visited(visit_full);
}

static uv_timer_t poll;

static void
drain_when_held(uv_timer_t *t)
{
	if (!house.held)
		return;
	uv_timer_stop(t);
	http_server_drain(house.server, on_drained, NULL);
	struct http_req *req = house.held;
	house.held = NULL;
	http_reply(req, 200, NULL, STR("last words"), NULL);
}

static const char *
visit_drain(void)
{
	int idle = dial(), fd = dial();

	say(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	const char *answer = hear(fd, NULL);
	EXPECT(strstr(answer, "Connection: close\r\n") && strstr(answer, "last words"));
	EXPECT(hear(idle, NULL)[0] == '\0');
	close(idle);
	close(fd);
	for (int i = 0; i < 100 && house.drains == 0; i++)
		usleep(20000); /* the loop has its own thread */
	return NULL;
}

TEST(a_drain_answers_what_is_in_flight_and_ends_once)
{
	open_house(100);
	house.held = NULL;
	uv_timer_init(&house.loop.uv, &poll);
	uv_timer_start(&poll, drain_when_held, 5, 5);
	be_visited(visit_drain);
	CHECK_INT(house.drains, 1);
}

UNIT_MAIN
