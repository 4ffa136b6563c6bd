/* SPDX-License-Identifier: MIT */
/* The server runs on a loop in a thread of its own; the tests are clients with raw
 * blocking sockets.  What a test wants of the server's side it does there, by
 * on_loop().  Every wait has a limit, and none is a sleep. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "net/http_server_priv.h"
#include "net/loop.h"

enum { LIMIT_S = 10, ECHO_MAX = 100, BIG = 16 << 20, UPLOAD = 1 << 20 };

#define H      "Host: a\r\n"
#define GET_OK "GET /ok HTTP/1.1\r\n" H "\r\n"
#define PROBE  "GET /probe HTTP/1.1\r\n" H "\r\n"
#define POST   "POST /echo HTTP/1.1\r\n" H
#define CHUNKS POST "Transfer-Encoding: chunked\r\n\r\n"

/* --- the server's side ---------------------------------------------------- */

static struct loop loop;
static uv_async_t call;
static void (*call_fn)(void);
static sem_t called, arrived, drained;
static struct http_server *server;
static struct http_options options;
static struct http_req *pending[4];
static int pending_count, drained_count;
static int64_t seen; /* what the last on_loop() looked at */
static char err[128];

/* False when it took too long. */
static bool
sem_wait_limit(sem_t *s)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_S;
	return sem_timedwait(s, &until) == 0;
}

static void
on_call(uv_async_t *h)
{
	(void)h;
	call_fn();
	sem_post(&called);
}

static void *
run_loop(void *arg)
{
	(void)arg;
	loop_run(&loop);
	return NULL;
}

static void
on_loop(void (*fn)(void))
{
	static bool running;
	static pthread_t thread;

	if (!running) {
		loop_init(&loop);
		uv_async_init(&loop.uv, &call, on_call);
		sem_init(&called, 0, 0);
		sem_init(&arrived, 0, 0);
		sem_init(&drained, 0, 0);
		pthread_create(&thread, NULL, run_loop, NULL);
		running = true;
	}
	call_fn = fn;
	uv_async_send(&call);
	if (!sem_wait_limit(&called))
		abort(); /* the loop hangs: no test after this one can run */
}

/* LOOK_UNTIL looks from the loop, once a turn, until cond holds. */
#define LOOK_UNTIL(look, cond)                                                   \
	do {                                                                     \
		int64_t until_ = clock_mono_ms() + LIMIT_S * 1000;               \
		for (on_loop(look); !(cond); on_loop(look))                      \
			if (clock_mono_ms() > until_)                            \
				FAIL("in vain: %s; seen %" PRId64, #cond, seen); \
	} while (0)

static void
reply_ok(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply(req, 200, NULL, STR(""), NULL);
}

static bool replying, nested; /* a handler ran below somebody's http_reply() */

static void
reply_probe(struct http_req *req, void *ctx)
{
	(void)ctx;
	nested = nested || replying;
	http_reply(req, 202, NULL, STR(""), NULL);
}

static void
reply_none(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply(req, 204, NULL, STR(""), NULL);
}

static void
reply_echo(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply(req, 200, "text/plain", req->body, NULL);
}

static void
reply_rest(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply(req, 200, NULL, req->rest, "X-Extra: e\r\n");
}

static void
reply_query(struct http_req *req, void *ctx)
{
	struct str q = http_query(req, "q");

	(void)ctx;
	http_reply(req, 200, NULL, q.p ? q : STR("absent"), NULL);
}

static void
reply_peer(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply(req, 200, NULL, req->peer_is_local ? str_of(req->peer) : STR("far"),
		NULL);
}

static void
reply_conflict(struct http_req *req, void *ctx)
{
	(void)ctx;
	http_reply_error(req, 409, "conflict", "say \"b\"\n");
}

static void
reply_big(struct http_req *req, void *ctx)
{
	char *body = arena_alloc(&req->arena, BIG);

	(void)ctx;
	memset(body, 'b', BIG);
	http_reply(req, 200, NULL, (struct str){body, BIG}, NULL);
}

static void
reply_later(struct http_req *req, void *ctx)
{
	(void)ctx;
	pending[pending_count++] = req;
	sem_post(&arrived);
}

static int
gate(struct http_req *req, void *ctx, const char **ret_json)
{
	bool many;
	struct str secret = http_header(req, "x-secret", &many);

	(void)ctx;
	*ret_json = many ? "{\"error\":\"twice\"}" : "{\"error\":\"secret\"}";
	return str_eqz(secret, "s") ? 0 : 401;
}

static const struct http_route routes[] = {
	{"GET", "/ok", reply_ok},
	{"GET", "/probe", reply_probe},
	{"GET", "/none", reply_none},
	{"POST", "/echo", reply_echo, NULL, ECHO_MAX},
	{"POST", "/large", reply_echo, NULL, UPLOAD},
	{"POST", "/gated", reply_echo, gate, ECHO_MAX},
	{"PUT", "/below/", reply_rest},
	{"GET", "/below/", reply_rest},
	{"GET", "/query", reply_query},
	{"GET", "/peer", reply_peer},
	{"GET", "/conflict", reply_conflict},
	{"GET", "/big", reply_big},
	{"POST", "/later", reply_later},
	{NULL},
};

static void
do_listen(void)
{
	server = http_server_new(&loop, &options, err);
	pending_count = drained_count = 0;
}

static void
serve_with(int64_t connections_max, int64_t request_ms, int64_t idle_ms)
{
	options = (struct http_options){.host = "127.0.0.1",
		.connections_max = connections_max,
		.request_timeout_ms = request_ms,
		.idle_timeout_ms = idle_ms,
		.routes = routes};
	on_loop(do_listen);
	CHECK(server);
}

/* Deadlines that no test of something else reaches. */
static void
serve(void)
{
	serve_with(1000, 60000, 60000);
}

static void
on_drained(void *arg)
{
	drained_count += arg == server;
	sem_post(&drained);
}

static void
do_drain(void)
{
	http_server_drain(server, on_drained, server);
	seen = drained_count; /* still 0: done comes from the loop */
}

static void
do_nothing(void)
{
}

/* Each test that serves ends with this. */
static void
stop(void)
{
	on_loop(do_drain);
	CHECK(sem_wait_limit(&drained));
	on_loop(do_nothing);
	CHECK_INT(drained_count, 1);
	CHECK_INT(metric_get(M_CONNECTIONS), 0);
}

static void
do_reply(void)
{
	struct http_req *req = pending[--pending_count];

	http_reply(req, 200, NULL, req->body, NULL);
}

static void
look_count(void)
{
	seen = server->count;
}

static void
look_bad(void)
{
	seen = metric_get(M_HTTP_BAD);
}

/* --- the client's side ---------------------------------------------------- */

struct client {
	int fd;
	size_t have;
	char in[64 << 10]; /* what was read beyond the last answer */
};

struct answer {
	int status; /* 0: the connection was closed; -1: reset; -2: nothing came */
	char head[1024];
	size_t body_n;
	char body[4096]; /* its beginning */
};

static struct client the_client, other_client;
static struct answer a;

static void
client_open(struct client *c)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)http_server_port(server))};
	struct timeval limit = {.tv_sec = LIMIT_S};
	int on = 1;

	c->have = 0;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	CHECK(connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == 0);
}

static void
client_close(struct client *c)
{
	close(c->fd);
}

/* A server that has refused may be gone: what it answered still counts. */
static void
client_send(struct client *c, const void *p, size_t n)
{
	for (ssize_t put; n > 0; n -= (size_t)put) {
		put = send(c->fd, p, n, MSG_NOSIGNAL);
		if (put < 0)
			return;
		p = (const char *)p + put;
	}
}

static void
client_say(struct client *c, const char *z)
{
	client_send(c, z, strlen(z));
}

/* Reads more: 1, or the status of an answer that did not come. */
static int
client_more(struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->have, sizeof(c->in) - 1 - c->have, 0);

	if (n > 0)
		c->have += (size_t)n;
	c->in[c->have] = '\0';
	return n > 0 ? 1 : n == 0 ? 0 : errno == ECONNRESET ? -1 : -2;
}

static void
client_drop(struct client *c, size_t n)
{
	c->have -= n;
	memmove(c->in, c->in + n, c->have + 1);
}

/* Reads a body, of which the beginning is kept. */
static int
client_body(struct client *c, size_t left)
{
	a.body_n = 0;
	memset(a.body, 0, sizeof(a.body));
	for (;;) {
		size_t n = c->have < left ? c->have : left;
		size_t room = sizeof(a.body) - 1;
		size_t kept = a.body_n < room ? room - a.body_n : 0;

		memcpy(a.body + (a.body_n < room ? a.body_n : room), c->in,
			n < kept ? n : kept);
		client_drop(c, n);
		a.body_n += n;
		left -= n;
		if (left == 0)
			return 1;
		int r = client_more(c);
		if (r <= 0)
			return r;
	}
}

/* Reads one answer into `a`; of_head: an answer without its body. */
static int
client_answer(struct client *c, bool of_head)
{
	const char *end;

	for (;;) {
		c->in[c->have] = '\0';
		end = strstr(c->in, "\r\n\r\n");
		if (end)
			break;
		a.status = client_more(c);
		if (a.status <= 0)
			return a.status;
	}
	size_t n = (size_t)(end - c->in) + 4;
	snprintf(a.head, sizeof(a.head), "%.*s", (int)n, c->in);
	client_drop(c, n);

	const char *length = strstr(a.head, "\r\nContent-Length: ");
	size_t body = length && !of_head ? strtoul(length + 18, NULL, 10) : 0;
	int r = client_body(c, body);
	return a.status = r <= 0 ? r : atoi(a.head + 9);
}

static bool
is_get_head(const char *bytes)
{
	return strncmp(bytes, "HEAD ", 5) == 0;
}

/* One request on a connection of its own. */
static int
ask(const char *bytes)
{
	client_open(&the_client);
	client_say(&the_client, bytes);
	int status = client_answer(&the_client, is_get_head(bytes));
	client_close(&the_client);
	return status;
}

/* --- request shapes ------------------------------------------------------- */

enum after { KEPT, CLOSED };

/* `want` are the statuses of all answers.  KEPT: the connection then serves a
 * probe, and nothing else was answered between.  CLOSED: then it is at its end. */
static const struct shape {
	const char *name, *bytes, *want;
	enum after after;
} shapes[] = {
	/* good */
	{"a GET", GET_OK, "200", KEPT},
	{"with a query", "GET /ok?a=b HTTP/1.1\r\n" H "\r\n", "200", KEPT},
	{"HEAD", "HEAD /ok HTTP/1.1\r\n" H "\r\n", "200", KEPT},
	{"HEAD with a length", "HEAD /conflict HTTP/1.1\r\n" H "\r\n", "409", KEPT},
	{"204", "GET /none HTTP/1.1\r\n" H "\r\n", "204", KEPT},
	{"a body", POST "Content-Length: 3\r\n\r\nabc", "200", KEPT},
	{"no body", POST "\r\n", "200", KEPT},
	{"an empty body", POST "Content-Length: 0\r\n\r\n", "200", KEPT},
	{"a length with zeros", POST "Content-Length: 003\r\n\r\nabc", "200", KEPT},
	{"chunks", CHUNKS "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "200", KEPT},
	{"no chunks", CHUNKS "0\r\n\r\n", "200", KEPT},
	{"a trailer", CHUNKS "1\r\na\r\n0\r\nX: y\r\n\r\n", "200", KEPT},
	{"two pipelined", POST "Content-Length: 1\r\n\r\na" GET_OK, "200 200", KEPT},
	{"three, chunked", CHUNKS "1\r\na\r\n0\r\n\r\n" GET_OK GET_OK, "200 200 200",
		KEPT},
	{"a close between", "GET /ok HTTP/1.1\r\n" H "Connection: close\r\n\r\n" GET_OK,
		"200", CLOSED},
	{"Connection: x, close",
		"GET /ok HTTP/1.1\r\n" H "Connection: x, Close\r\n\r\n", "200", CLOSED},
	{"HTTP/1.0", "GET /ok HTTP/1.0\r\n\r\n", "200", CLOSED},
	{"HTTP/1.0 keep-alive", "GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		"200", CLOSED},
	{"an empty line before", "\r\n" GET_OK, "200", KEPT},
	{"Expect", POST "Content-Length: 1\r\nExpect: 100-continue\r\n\r\na", "200",
		KEPT},
	{"Expect in HTTP/1.0",
		"POST /echo HTTP/1.0\r\nContent-Length: 1\r\nExpect: x\r\n\r\na", "200",
		CLOSED},
	{"the right secret", "POST /gated HTTP/1.1\r\n" H "X-Secret: s\r\n\r\n", "200",
		KEPT},

	/* routes and gates */
	{"an unknown path", "GET /nope HTTP/1.1\r\n" H "\r\n", "404", KEPT},
	{"an unknown path with a body",
		"POST /nope HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", "404",
		CLOSED},
	{"a known path with more", "GET /ok/ HTTP/1.1\r\n" H "\r\n", "404", KEPT},
	{"an escaped path", "GET /%6fk HTTP/1.1\r\n" H "\r\n", "404", KEPT},
	{"another method", "DELETE /ok HTTP/1.1\r\n" H "\r\n", "405", KEPT},
	{"a method in small letters", "get /ok HTTP/1.1\r\n" H "\r\n", "405", KEPT},
	{"HEAD of a POST", "HEAD /echo HTTP/1.1\r\n" H "\r\n", "405", KEPT},
	{"no secret", "POST /gated HTTP/1.1\r\n" H "\r\n", "401", KEPT},
	{"no secret, a body",
		"POST /gated HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nabcd", "401",
		CLOSED},
	{"a secret twice",
		"POST /gated HTTP/1.1\r\n" H "X-Secret: s\r\nX-Secret: s\r\n\r\n",
		"401", KEPT},
	{"no secret hides a request",
		"POST /gated HTTP/1.1\r\n" H "Content-Length: 38\r\n\r\n" PROBE, "401",
		CLOSED},
	{"a body announced too large", POST "Content-Length: 101\r\n\r\n", "413",
		CLOSED},
	{"a chunk announced too large", CHUNKS "65\r\n", "413", CLOSED},
	{"a length beyond all", POST "Content-Length: 18446744073709551619\r\n\r\nabc",
		"413", CLOSED},

	/* what two readers could cut differently */
	{"length and chunked",
		POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "0\r\n\r\n" PROBE,
		"400", CLOSED},
	{"chunked and length",
		POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
		     "0\r\n\r\n" PROBE,
		"400", CLOSED},
	{"two lengths", POST "Content-Length: 0\r\nContent-Length: 38\r\n\r\n" PROBE,
		"400", CLOSED},
	{"the same length twice",
		POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", "400", CLOSED},
	{"lengths in a list", POST "Content-Length: 1, 1\r\n\r\na", "400", CLOSED},
	{"length +1", POST "Content-Length: +1\r\n\r\na", "400", CLOSED},
	{"length -1", POST "Content-Length: -1\r\n\r\na", "400", CLOSED},
	{"length 0x1", POST "Content-Length: 0x1\r\n\r\na", "400", CLOSED},
	{"length 1.0", POST "Content-Length: 1.0\r\n\r\na", "400", CLOSED},
	{"an empty length", POST "Content-Length: \r\n\r\n", "400", CLOSED},
	{"chunked twice",
		POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "0\r\n\r\n",
		"501", CLOSED},
	{"chunked, identity",
		POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" PROBE,
		"501", CLOSED},
	{"identity", POST "Transfer-Encoding: identity\r\n\r\n" PROBE, "501", CLOSED},
	{"xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501",
		CLOSED},
	{"an empty coding", POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n", "501", CLOSED},
	{"chunked in HTTP/1.0",
		"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"400", CLOSED},
	{"a CR hides the coding", POST "X: y\rTransfer-Encoding: chunked\r\n\r\n" PROBE,
		"400", CLOSED},
	{"a blank before the colon",
		POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400", CLOSED},
	{"a folded coding", POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
		"400", CLOSED},
	{"a folded first field", "GET /ok HTTP/1.1\r\n " H "\r\n", "400", CLOSED},
	{"a control byte in a value", POST "X: a\x01\r\n\r\n", "400", CLOSED},
	{"no name", POST ": y\r\n\r\n", "400", CLOSED},
	{"no colon", POST "X\r\n\r\n", "400", CLOSED},
	{"a name with a slash", POST "X/Y: z\r\n\r\n", "400", CLOSED},
	{"bare LF after the request line", "GET /ok HTTP/1.1\n" H "\r\n", "400",
		CLOSED},
	{"bare LF after a field", POST "X: y\nContent-Length: 38\r\n\r\n" PROBE, "400",
		CLOSED},
	{"bare LF at the end", "GET /ok HTTP/1.1\r\n" H "\n", "400", CLOSED},
	{"a chunk extension", CHUNKS "1;x=y\r\na\r\n0\r\n\r\n", "400", CLOSED},
	{"a chunk size with a blank", CHUNKS "1 \r\na\r\n0\r\n\r\n", "400", CLOSED},
	{"a chunk size with 0x", CHUNKS "0x1\r\na\r\n0\r\n\r\n", "400", CLOSED},
	{"a signed chunk size", CHUNKS "-1\r\na\r\n0\r\n\r\n", "400", CLOSED},
	{"an empty chunk size", CHUNKS "\r\na\r\n0\r\n\r\n", "400", CLOSED},
	{"a chunk size that overflows", CHUNKS "100000001\r\na\r\n0\r\n\r\n", "400",
		CLOSED},
	{"a chunk size before LF", CHUNKS "1\na\r\n0\r\n\r\n", "400", CLOSED},
	{"a chunk longer than it says", CHUNKS "1\r\nab\r\n0\r\n\r\n", "400", CLOSED},
	{"a chunk before LF", CHUNKS "1\r\na\n0\r\n\r\n", "400", CLOSED},
	{"a chunk with another ending", CHUNKS "1\r\naXX0\r\n\r\n", "400", CLOSED},
	{"a malformed trailer", CHUNKS "0\r\nX Y\r\n\r\n", "400", CLOSED},

	/* request lines and hosts */
	{"no version", "GET /ok\r\n\r\n", "400", CLOSED},
	{"two blanks", "GET  /ok HTTP/1.1\r\n" H "\r\n", "400", CLOSED},
	{"a blank in the target", "GET /o k HTTP/1.1\r\n" H "\r\n", "400", CLOSED},
	{"a tab", "GET\t/ok\tHTTP/1.1\r\n" H "\r\n", "400", CLOSED},
	{"HTTP/1.2", "GET /ok HTTP/1.2\r\n" H "\r\n", "505", CLOSED},
	{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505", CLOSED},
	{"TLS", "\x16\x03\x01\r\n\r\n", "400", CLOSED},
	{"an absolute target", "GET http://a/ok HTTP/1.1\r\n" H "\r\n", "400", CLOSED},
	{"an asterisk", "OPTIONS * HTTP/1.1\r\n" H "\r\n", "400", CLOSED},
	{"CONNECT", "CONNECT a:80 HTTP/1.1\r\n" H "\r\n", "400", CLOSED},
	{"two empty lines before", "\r\n\r\n" GET_OK, "400", CLOSED},
	{"no Host", "GET /ok HTTP/1.1\r\n\r\n", "400", CLOSED},
	{"two Hosts", "GET /ok HTTP/1.1\r\n" H H "\r\n", "400", CLOSED},
	{"an empty Host", "GET /ok HTTP/1.1\r\nHost:\r\n\r\n", "400", CLOSED},
	{"a Host of two", "GET /ok HTTP/1.1\r\nHost: a,b\r\n\r\n", "400", CLOSED},
	{"another expectation", POST "Expect: more\r\n\r\n", "417", CLOSED},
	{"good, then bad", GET_OK "GET /ok\r\n\r\n" GET_OK, "200 400", CLOSED},
};

static void
check_shape(const struct shape *s, size_t step)
{
	char is[64] = "";
	struct client *c = &the_client;
	size_t n = strlen(s->bytes);

	client_open(c);
	for (size_t at = 0; at < n; at += step)
		client_send(c, s->bytes + at, step < n - at ? step : n - at);
	if (s->after == KEPT)
		client_say(c, PROBE);
	for (bool first = true;;) {
		int status = client_answer(c, first && is_get_head(s->bytes));

		if (status == 100)
			continue;
		if (status <= 0 || status == 202)
			break;
		snprintf(is + strlen(is), sizeof(is) - strlen(is), "%s%d",
			*is ? " " : "", status);
		first = false;
	}
	client_close(c);
	if (strcmp(is, s->want) != 0 || a.status != (s->after == KEPT ? 202 : 0))
		FAIL("%s, %zu bytes at a time: answers \"%s\" not \"%s\", then %d",
			s->name, step, is, s->want, a.status);
}

TEST(each_request_shape_gets_its_answers_and_no_other)
{
	serve();
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		check_shape(&shapes[i], 4096);
	stop();
}

TEST(a_request_that_comes_byte_by_byte_is_the_same)
{
	serve();
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		check_shape(&shapes[i], 1);
	stop();
}

/* --- answers -------------------------------------------------------------- */

TEST(an_answer_is_what_the_handler_said)
{
	serve();
	CHECK_INT(ask(GET_OK), 200);
	CHECK(strcmp(a.head, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") == 0);
	CHECK_INT(ask("PUT /below/a%20b HTTP/1.1\r\n" H "\r\n"), 200);
	CHECK(strcmp(a.body, "a%20b") == 0);
	CHECK(strstr(a.head, "\r\nX-Extra: e\r\n"));
	CHECK_INT(ask("GET /below/ HTTP/1.1\r\n" H "\r\n"), 200);
	CHECK_INT(a.body_n, 0);
	CHECK_INT(ask("GET /none HTTP/1.1\r\n" H "\r\n"), 204);
	CHECK(!strstr(a.head, "Content-Length"));
	CHECK_INT(ask("GET /peer HTTP/1.1\r\n" H "\r\n"), 200);
	CHECK(strcmp(a.body, "127.0.0.1") == 0);
	CHECK_INT(ask("GET /conflict HTTP/1.1\r\n" H "\r\n"), 409);
	CHECK(strcmp(a.body,
		      "{\"error\":\"conflict\",\"message\":\"say \\\"b\\\"\\n\"}") ==
		0);
	CHECK(strstr(a.head, "\r\nContent-Type: application/json\r\n"));
	CHECK_INT(ask("HEAD /conflict HTTP/1.1\r\n" H "\r\n"), 409);
	CHECK(strstr(a.head, "\r\nContent-Length: 44\r\n"));
	stop();
}

TEST(a_refusal_says_what_is_wrong_and_is_counted)
{
	serve();
	on_loop(look_bad);
	int64_t before = seen;
	CHECK_INT(ask("GET /ok HTTP/1.1\r\n\r\n"), 400);
	CHECK(strstr(a.head, "\r\nConnection: close\r\n"));
	CHECK(strstr(a.body,
		"{\"error\":\"bad_request\",\"message\":\"there must be one Host"));
	on_loop(look_bad);
	CHECK_INT(seen, before + 1);
	CHECK_INT(ask("DELETE /below/x HTTP/1.1\r\n" H "\r\n"), 405);
	CHECK(strstr(a.head, "\r\nAllow: PUT, GET, HEAD\r\n"));
	CHECK_INT(
		ask("POST /gated HTTP/1.1\r\n" H "X-Secret: s\r\nx-secret: s\r\n\r\n"),
		401);
	CHECK(strcmp(a.body, "{\"error\":\"twice\"}") == 0);
	on_loop(look_bad); /* a wrong path or secret is well-formed */
	CHECK_INT(seen, before + 1);
	stop();
}

TEST(a_query_parameter_is_decoded)
{
	static const char *const rows[][2] = {{"q=a", "a"}, {"p=1&q=a%20b+c", "a b c"},
		{"q=%7e%4A", "~J"}, {"q=%zz%4", "%zz%4"}, {"q", ""}, {"q=", ""},
		{"q=1&q=2", "1"}, {"%71=x", "x"}, {"qq=1", "absent"}, {"&&", "absent"}};
	char line[128];

	serve();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(line, sizeof(line), "GET /query?%s HTTP/1.1\r\n" H "\r\n",
			rows[i][0]);
		CHECK_INT(ask(line), 200);
		if (strcmp(a.body, rows[i][1]) != 0)
			FAIL("%s: \"%s\"", rows[i][0], a.body);
	}
	CHECK_INT(ask("GET /query HTTP/1.1\r\n" H "\r\n"), 200);
	CHECK(strcmp(a.body, "absent") == 0);
	stop();
}

TEST(three_pipelined_are_answered_in_order)
{
	struct client *c = &the_client;

	serve();
	client_open(c);
	client_say(c, POST "Content-Length: 1\r\n\r\nx" CHUNKS
			   "2\r\nyy\r\n0\r\n\r\n" POST "Content-Length: 3\r\n\r\nzzz");
	for (int i = 0; i < 3; i++) {
		CHECK_INT(client_answer(c, false), 200);
		CHECK(strcmp(a.body, i == 0 ? "x" : i == 1 ? "yy" : "zzz") == 0);
	}
	client_close(c);
	stop();
}

/* Were each handled from within the one before, the stack would not do. */
TEST(many_pipelined_do_not_nest)
{
	enum { MANY = 50000 };
	struct client *c = &the_client;
	struct buf b;

	buf_init(&b);
	for (int i = 0; i < 1000; i++)
		buf_addz(&b, GET_OK);
	serve();
	client_open(c);
	for (int sent = 0, read = 0; sent < MANY; sent += 1000) {
		client_send(c, buf_str(&b).p, buf_len(&b));
		for (; read < sent + 1000; read++)
			CHECK_INT(client_answer(c, false), 200);
	}
	client_close(c);
	buf_done(&b);
	stop();
}

TEST(a_large_body_arrives_whole)
{
	struct client *c = &the_client;
	struct buf b;

	buf_init(&b);
	buf_addf(&b, "POST /large HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n", UPLOAD);
	memset(buf_room(&b, UPLOAD), 'u', UPLOAD);
	buf_grew(&b, UPLOAD);
	serve();
	client_open(c);
	client_send(c, buf_str(&b).p, buf_len(&b));
	CHECK_INT(client_answer(c, false), 200);
	CHECK_INT(a.body_n, UPLOAD);
	client_close(c);
	buf_done(&b);
	stop();
}

/* --- 100 Continue --------------------------------------------------------- */

TEST(a_client_that_expects_it_is_told_to_continue)
{
	struct client *c = &the_client;

	serve();
	client_open(c);
	client_say(c, POST "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
	CHECK_INT(client_answer(c, false), 100);
	client_say(c, "abc");
	CHECK_INT(client_answer(c, false), 200);
	CHECK(strcmp(a.body, "abc") == 0);
	client_say(c, CHUNKS "1\r\na\r\n0\r\n\r\n"); /* asks for none: gets none */
	CHECK_INT(client_answer(c, false), 200);
	client_say(c, POST "Content-Length: 1\r\nExpect: 100-continue\r\n\r\na");
	CHECK_INT(client_answer(c, false), 200);
	client_close(c);
	stop();
}

TEST(a_refused_client_is_not_told_to_continue)
{
	serve();
	CHECK_INT(ask("POST /gated HTTP/1.1\r\n" H
		      "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"),
		401);
	CHECK_INT(ask(POST "Content-Length: 101\r\nExpect: 100-continue\r\n\r\n"), 413);
	CHECK_INT(ask("POST /nope HTTP/1.1\r\n" H
		      "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"),
		404);
	stop();
}

/* A reset would take the answer with it. */
TEST(a_refused_upload_can_be_sent_to_its_end)
{
	struct client *c = &the_client;
	static char block[64 << 10];

	serve();
	client_open(c);
	client_say(c, "POST /gated HTTP/1.1\r\n" H "Content-Length: 8388608\r\n\r\n");
	for (int i = 0; i < 128; i++)
		client_send(c, block, sizeof(block));
	CHECK_INT(client_answer(c, false), 401);
	CHECK(strcmp(a.body, "{\"error\":\"secret\"}") == 0);
	CHECK_INT(client_answer(c, false), 0);
	client_close(c);
	stop();
}

/* --- deadlines ------------------------------------------------------------ */

/* Sends a byte whenever nothing has come for 20 ms, until something has. */
static void
trickle(struct client *c)
{
	struct timeval often = {.tv_usec = 20000};
	int64_t until = clock_mono_ms() + LIMIT_S * 1000;

	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &often, sizeof(often));
	while (client_more(c) == -2 && clock_mono_ms() < until)
		client_say(c, "a");
	often = (struct timeval){.tv_sec = LIMIT_S};
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &often, sizeof(often));
}

static void
check_late(const char *begin)
{
	struct client *c = &the_client;
	int64_t since = clock_mono_ms();

	client_open(c);
	client_say(c, begin);
	trickle(c);
	CHECK_INT(client_answer(c, false), 408);
	CHECK_INT(client_answer(c, false), 0);
	CHECK(clock_mono_ms() - since >= 200);
	client_close(c);
}

TEST(a_request_has_one_deadline_however_it_trickles)
{
	serve_with(1000, 200, 60000);
	on_loop(look_bad);
	int64_t before = seen;
	check_late("GET /ok HTTP/1.1\r\nX: ");
	check_late("POST /large HTTP/1.1\r\n" H "Content-Length: 100000\r\n\r\n");
	check_late("G");
	on_loop(look_bad);
	CHECK_INT(seen, before + 3);
	stop();
}

TEST(an_idle_connection_is_closed_without_a_word)
{
	struct client *c = &the_client;

	serve_with(1000, 60000, 200);
	client_open(c);
	CHECK_INT(client_answer(c, false), 0);
	CHECK_INT(c->have, 0);
	client_close(c);
	client_open(c);
	client_say(c, GET_OK);
	CHECK_INT(client_answer(c, false), 200);
	CHECK_INT(client_answer(c, false), 0);
	client_close(c);
	stop();
}

TEST(a_client_that_does_not_read_is_given_up_and_counted)
{
	struct client *c = &the_client;
	int64_t bad = metric_get(M_HTTP_BAD);

	serve_with(1000, 200, 60000);
	client_open(c);
	client_say(c, "GET /big HTTP/1.1\r\n" H "\r\n");
	LOOK_UNTIL(look_count, seen == 1);
	LOOK_UNTIL(look_count, seen == 0);
	client_close(c);
	stop();
	CHECK_INT(metric_get(M_HTTP_BAD), bad + 1);
}

TEST(a_slow_reader_gets_all_of_a_large_answer)
{
	struct client *c = &the_client;

	serve();
	client_open(c);
	client_say(c, "GET /big HTTP/1.1\r\n" H "\r\n" PROBE);
	CHECK_INT(client_answer(c, false), 200);
	CHECK_INT(a.body_n, BIG);
	CHECK_INT(client_answer(c, false), 202);
	client_close(c);
	stop();
}

/* --- answers that come later ---------------------------------------------- */

#define LATER "POST /later HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nwait"

TEST(an_answer_that_comes_later_keeps_the_order)
{
	struct client *c = &the_client;

	serve();
	client_open(c);
	client_say(c, LATER POST "Content-Length: 1\r\n\r\nb");
	CHECK(sem_wait_limit(&arrived));
	client_say(c, PROBE); /* read into the same memory as the pending one was */
	on_loop(do_reply);
	CHECK_INT(client_answer(c, false), 200);
	CHECK(strcmp(a.body, "wait") == 0);
	CHECK_INT(client_answer(c, false), 200);
	CHECK(strcmp(a.body, "b") == 0);
	CHECK_INT(client_answer(c, false), 202);
	client_close(c);
	stop();
}

static void
do_reply_watched(void)
{
	replying = true;
	do_reply();
	replying = false;
}

TEST(the_next_handler_does_not_run_below_a_reply)
{
	struct client *c = &the_client;

	nested = false;
	serve();
	client_open(c);
	client_say(c, LATER PROBE);
	CHECK(sem_wait_limit(&arrived));
	on_loop(do_reply_watched);
	CHECK_INT(client_answer(c, false), 200);
	CHECK_INT(client_answer(c, false), 202);
	CHECK(!nested);
	client_close(c);
	stop();
}

static void
look_pending_body(void)
{
	seen = pending_count == 1 && str_eqz(pending[0]->body, "wait") &&
	       str_eqz(pending[0]->path, "/later");
}

TEST(a_request_outlives_its_client)
{
	struct client *c = &the_client;
	struct linger reset = {.l_onoff = 1};

	serve();
	client_open(c);
	client_say(c, LATER);
	CHECK(sem_wait_limit(&arrived));
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	client_close(c);
	LOOK_UNTIL(look_count, seen == 0);
	on_loop(look_pending_body);
	CHECK_INT(seen, 1);
	on_loop(do_reply);
	CHECK_INT(ask(PROBE), 202);
	stop();
}

TEST(a_client_that_shut_down_its_side_gets_all_answers)
{
	struct client *c = &the_client;

	serve();
	client_open(c);
	client_say(c, LATER GET_OK PROBE "GET /cut");
	CHECK(sem_wait_limit(&arrived));
	shutdown(c->fd, SHUT_WR);
	on_loop(do_nothing); /* a turn in which the end is read */
	on_loop(do_reply);
	CHECK_INT(client_answer(c, false), 200);
	CHECK_INT(client_answer(c, false), 200);
	CHECK_INT(client_answer(c, false), 202);
	CHECK_INT(client_answer(c, false), 0);
	client_close(c);
	stop();
}

static void
look_ahead(void)
{
	struct http_conn *c = LIST_FIRST(&server->conns);

	seen = (int64_t)buf_len(&c->in);
}

TEST(what_is_sent_ahead_is_bounded)
{
	enum { AHEAD = 4000 }; /* 140 KB */
	struct client *c = &the_client;
	struct buf b;

	buf_init(&b);
	for (int i = 0; i < AHEAD; i++)
		buf_addz(&b, GET_OK);
	serve();
	client_open(c);
	client_say(c, LATER);
	CHECK(sem_wait_limit(&arrived));
	client_send(c, buf_str(&b).p, buf_len(&b));
	LOOK_UNTIL(look_ahead, seen >= HTTP_AHEAD_MAX);
	for (int i = 0; i < 10; i++)
		on_loop(look_ahead);
	CHECK_INT(seen, HTTP_AHEAD_MAX);
	on_loop(do_reply);
	for (int i = 0; i <= AHEAD; i++)
		CHECK_INT(client_answer(c, false), 200);
	client_close(c);
	buf_done(&b);
	stop();
}

static void
look_idle(void)
{
	struct http_conn *c = LIST_FIRST(&server->conns);

	seen = c->state == HTTP_IDLE && !c->request && !c->in.data && !c->sending.data;
}

TEST(an_idle_connection_is_small)
{
	struct client *c = &the_client;

	CHECK(sizeof(struct http_conn) < 1024);
	serve();
	client_open(c);
	client_say(c, LATER PROBE "GET /o");
	CHECK(sem_wait_limit(&arrived));
	on_loop(do_reply);
	client_say(c, "k HTTP/1.1\r\n" H "\r\n");
	CHECK_INT(client_answer(c, false), 200);
	CHECK_INT(client_answer(c, false), 202);
	CHECK_INT(client_answer(c, false), 200);
	on_loop(look_idle);
	CHECK_INT(seen, 1);
	client_close(c);
	stop();
}

/* --- the server as a whole ------------------------------------------------ */

TEST(above_the_cap_accepting_pauses)
{
	struct client *c = &the_client, *other = &other_client;
	char byte;

	serve_with(1, 60000, 60000);
	client_open(c);
	client_say(c, GET_OK);
	CHECK_INT(client_answer(c, false), 200);
	client_open(other); /* the kernel takes it */
	client_say(other, PROBE);
	for (int i = 0; i < 10; i++)
		on_loop(look_count);
	CHECK_INT(seen, 1);
	CHECK(recv(other->fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	client_close(c);
	CHECK_INT(client_answer(other, false), 202);
	client_close(other);
	CHECK_INT(ask(GET_OK), 200);
	stop();
}

TEST(drain_closes_the_idle_and_answers_what_is_in_flight)
{
	struct client *c = &the_client, *idle = &other_client, refused;

	serve();
	client_open(idle);
	client_say(idle, GET_OK);
	CHECK_INT(client_answer(idle, false), 200);
	client_open(c);
	client_say(c, LATER);
	CHECK(sem_wait_limit(&arrived));
	int port = http_server_port(server);
	on_loop(do_drain);
	CHECK_INT(seen, 0);
	CHECK_INT(client_answer(idle, false), 0);
	client_close(idle);

	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	refused.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	on_loop(do_nothing); /* the turn that closes the listener */
	CHECK(connect(refused.fd, (struct sockaddr *)&to, sizeof(to)) < 0);
	close(refused.fd);

	CHECK_INT(drained_count, 0);
	on_loop(do_reply);
	CHECK_INT(client_answer(c, false), 200);
	CHECK(strstr(a.head, "\r\nConnection: close\r\n"));
	CHECK_INT(client_answer(c, false), 0);
	client_close(c);
	CHECK(sem_wait_limit(&drained));
	on_loop(do_nothing);
	CHECK_INT(drained_count, 1);
}

TEST(drain_waits_for_a_request_that_is_half_here)
{
	struct client *c = &the_client;

	serve();
	client_open(c);
	client_say(c, POST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	CHECK_INT(client_answer(c, false), 100);
	on_loop(do_drain);
	client_say(c, "ab");
	CHECK_INT(client_answer(c, false), 200);
	CHECK(strstr(a.head, "\r\nConnection: close\r\n"));
	client_close(c);
	CHECK(sem_wait_limit(&drained));
}

static void
do_listen_again(void)
{
	struct http_server *first = server;

	options.port = http_server_port(first);
	server = http_server_new(&loop, &options, err);
	seen = server != NULL;
	server = first;
}

TEST(a_port_that_is_taken_is_told_in_words)
{
	serve();
	on_loop(do_listen_again);
	CHECK_INT(seen, 0);
	CHECK(strstr(err, "can't listen on 127.0.0.1 port ") == err);
	CHECK(strstr(err, "in use"));
	options.host = "nowhere";
	on_loop(do_listen_again);
	CHECK_INT(seen, 0);
	stop();
}

UNIT_MAIN
