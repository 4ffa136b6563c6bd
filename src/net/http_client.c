/* SPDX-License-Identifier: MIT */
/* http_client.c: libcurl's multi interface on the loop.
 *
 *   http_call_start ---> transfer_take ---> curl_multi_add_handle
 *                                               |
 *     curl asks:  on_socket (watch a descriptor)   on_timer_wanted (one timer)
 *     loop tells: on_ready                         on_timer
 *                        \                         /
 *                         curl_multi_socket_action
 *                                    |
 *      collect ---------------> end_call <--- on_deadline, http_call_cancel
 *                                    |
 *                                 deliver <--- http_call_refuse
 *                                    |
 *                      c->ended ---> on_deliver ---> flow_wake
 *
 * All endings of what curl runs go through end_call(), which takes the call out of
 * curl and only queues it; on_deliver() wakes in the next turn of the loop.  So no flow
 * ever runs inside one of curl's callbacks, where curl may not be called, nor inside
 * the start of its own call.
 *
 * The deadline is a timer of ours: curl's own does not run while a call waits for
 * one of the HOST_CONNECTIONS.
 *
 * An easy handle is kept with its options for the next call (struct transfer):
 * that saves a sixth of a call's CPU (75 us, measured with 200 at once). */
#include "net/http_client.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/flow.h"
#include "net/address.h"
#include "net/loop.h"

enum {
	CONNECT_MS = 5000,      /* a peer that takes longer is as good as down */
	HOST_CONNECTIONS = 400, /* above it throughput falls (c-stack measurements) */
	KEPT_CONNECTIONS = 512, /* idle ones; curl's default shrinks with the load */
	IDLE_S = 60,            /* a connection idle for longer is not taken again */
	ONCE_IDLE_S = 3,        /* curl counts whole seconds: up to 4 s idle */
	ANSWER_MAX = 1 << 20,
	HEAD_MAX = 64 << 10,
	/* One bad header, or a date far ahead, must not park a chat for days. */
	RETRY_AFTER_MAX_MS = 3600 * 1000,
};

/* One call's side of curl. */
struct transfer {
	CURL *easy;
	struct http_client *client;
	struct http_call *call; /* NULL while idle */
	struct curl_slist *headers;
	uv_timer_t deadline;
	size_t head_bytes;
	bool tried;     /* curl had a connection for it */
	bool forbidden; /* the address is not public */
	char words[CURL_ERROR_SIZE];
	SLIST_ENTRY(transfer) next; /* idle ones */
};

/* A descriptor curl wants watched. */
struct watch {
	uv_poll_t poll;
	struct http_client *client;
	curl_socket_t fd;
};

STAILQ_HEAD(calls, http_call);
SLIST_HEAD(transfers, transfer);

struct http_client {
	struct loop *loop;
	CURLM *multi;
	uv_timer_t timer;  /* curl's */
	uv_idle_t deliver; /* active while ended has calls */
	struct calls ended;
	struct transfers idle;
};

/* An option that curl does not take is a curl too old or memory that is gone. */
static void
must(CURLcode result)
{
	if (result != CURLE_OK)
		die("libcurl: %s", curl_easy_strerror(result));
}

/* Over all tries of this call.  Before the first, curl still tells the size of
 * the handle's last request. */
static bool
was_sent(const struct transfer *t)
{
	long bytes = 0;

	if (t->tried)
		curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &bytes);
	return bytes > 0;
}

/* n units in milliseconds, between 0 and an hour: the peer may have said anything. */
static int64_t
sane_ms(int64_t n, int64_t unit_ms)
{
	int64_t most = RETRY_AFTER_MAX_MS / unit_ms;

	if (n < 0)
		return 0;
	return (n < most ? n : most) * unit_ms;
}

static struct str
header_of(CURL *easy, const char *name)
{
	struct curl_header *h;

	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return (struct str){0};
	return str_of(h->value);
}

/* Returns what the answer's head says about trying again. */
static int64_t
retry_after_ms(CURL *easy)
{
	struct str after = header_of(easy, "Retry-After");
	int64_t n;

	if (str_int(header_of(easy, "retry-after-ms"), &n) == 0)
		return sane_ms(n, 1);
	if (str_int(after, &n) == 0)
		return sane_ms(n, 1000);

	time_t at = after.p ? curl_getdate(after.p, NULL) : -1;
	return at < 0 ? -1 : sane_ms(at - clock_wall_us() / 1000000, 1000);
}

static int
error_of(CURLcode result, bool sent)
{
	if (!sent)
		return ERR_UNAVAILABLE;
	switch (result) {
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_WRITE_ERROR:   /* on_header, on_body */
	case CURLE_OUT_OF_MEMORY: /* what curl calls a header line above 100 kB */
		return ERR_LIMIT;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: no status line */
		return ERR_PROTO;
	default:
		return -ECONNRESET;
	}
}

static void
describe(const struct transfer *t, CURLcode result, struct http_call *call)
{
	const char *words = *t->words ? t->words : curl_easy_strerror(result);

	if (call->err == ERR_LIMIT)
		words = "the answer is too large";
	else if (t->forbidden)
		words = "its address is private";
	else if (result == CURLE_ABORTED_BY_CALLBACK)
		words = "connection lost before an answer";
	snprintf(call->words, sizeof(call->words), "%.*s", (int)sizeof(call->words) - 1,
		words);
}

static void
transfer_release(struct transfer *t)
{
	struct http_client *c = t->client;

	uv_timer_stop(&t->deadline);
	curl_multi_remove_handle(c->multi, t->easy);
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	t->call = NULL;
	SLIST_INSERT_HEAD(&c->idle, t, next);
}

static void on_deliver(uv_idle_t *h);

static void
deliver(struct http_client *c, struct http_call *call)
{
	STAILQ_INSERT_TAIL(&c->ended, call, next);
	uv_idle_start(&c->deliver, on_deliver);
}

/* end_call is the one way out of curl.  err: 0 to judge by result. */
static void
end_call(struct transfer *t, CURLcode result, int err)
{
	struct http_client *c = t->client;
	struct http_call *call = t->call;
	long status = 0;

	call->sent = was_sent(t);
	if (result == CURLE_OK) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
		call->status = (int)status;
		call->retry_after_ms = retry_after_ms(t->easy);
		snprintf(call->request_id, sizeof(call->request_id), "%.*s",
			STR_FMT(header_of(t->easy, "x-request-id")));
	} else {
		call->err = err ? err : error_of(result, call->sent);
		describe(t, result, call);
		buf_done(&call->answer);
	}
	call->transfer = NULL;
	transfer_release(t);
	deliver(c, call);
}

/* Calls that end while these are delivered (a flow that starts one curl refuses
 * at once) have to wait for the next turn: nobody starves the loop. */
static void
on_deliver(uv_idle_t *h)
{
	struct http_client *c = container_of(h, struct http_client, deliver);
	struct calls now = STAILQ_HEAD_INITIALIZER(now);
	struct http_call *call;

	uv_idle_stop(h);
	STAILQ_CONCAT(&now, &c->ended);
	while ((call = STAILQ_FIRST(&now)) != NULL) {
		STAILQ_REMOVE_HEAD(&now, next);
		call->active = false;
		flow_wake(call->flow);
	}
}

static void
on_deadline(uv_timer_t *h)
{
	struct transfer *t = container_of(h, struct transfer, deadline);

	snprintf(t->words, sizeof(t->words), "%s in %" PRId64 " ms",
		was_sent(t) ? "no answer" : "no connection", t->call->timeout_ms);
	end_call(t, CURLE_OPERATION_TIMEDOUT, 0);
}

/* What curl has finished. */
static void
collect(struct http_client *c)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
		CURLcode result = m->data.result;
		struct transfer *t = NULL;

		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		end_call(t, result, 0);
	}
}

static void
on_timer(uv_timer_t *h)
{
	struct http_client *c = container_of(h, struct http_client, timer);
	int running;

	curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(c);
}

static int
on_timer_wanted(CURLM *multi, long ms, void *arg)
{
	struct http_client *c = arg;

	(void)multi;
	if (ms < 0)
		uv_timer_stop(&c->timer);
	else
		uv_timer_start(&c->timer, on_timer, (uint64_t)ms, 0);
	return 0;
}

static void
on_ready(uv_poll_t *h, int status, int events)
{
	struct watch *w = container_of(h, struct watch, poll);
	struct http_client *c = w->client;
	int flags = 0, running;

	if (status < 0) /* tries: told ERR, curl would not ask the socket which */
		flags = CURL_CSELECT_IN | CURL_CSELECT_OUT;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(c->multi, w->fd, flags, &running);
	collect(c);
}

static void
on_watch_closed(uv_handle_t *h)
{
	free(container_of((uv_poll_t *)(void *)h, struct watch, poll));
}

static struct watch *
watch_new(struct http_client *c, curl_socket_t fd)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->client = c;
	w->fd = fd;
	int err = uv_poll_init_socket(&c->loop->uv, &w->poll, fd);
	assert(err == 0);
	curl_multi_assign(c->multi, fd, w);
	return w;
}

/* Curl says REMOVE before it closes a descriptor, and uv_close() takes it out of
 * epoll at once: it never closes under the loop. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct http_client *c = arg;
	struct watch *w = known;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(c->multi, fd, NULL);
		if (w)
			uv_close((uv_handle_t *)&w->poll, on_watch_closed);
		return 0;
	}
	if (!w)
		w = watch_new(c, fd);
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	uv_poll_start(&w->poll, events, on_ready);
	return 0;
}

static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)line;
	t->head_bytes += size * n;
	return t->head_bytes > HEAD_MAX ? 0 : size * n;
}

static size_t
on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct http_call *call = t->call;
	size_t max = call->answer_max ? call->answer_max : ANSWER_MAX;

	n *= size;
	if (buf_len(&call->answer) + n > max)
		return 0;
	buf_add(&call->answer, bytes, n);
	return n;
}

/* Asked before each try: the second is curl's repetition on a new connection. */
static int
on_try(void *arg, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
	struct transfer *t = arg;

	(void)own_ip, (void)peer_port, (void)own_port;
	t->forbidden = t->call->public_only && !address_is_public(peer_ip);
	if (t->forbidden)
		return CURL_PREREQFUNC_ABORT;
	if (t->call->once && was_sent(t))
		return CURL_PREREQFUNC_ABORT;
	t->tried = true;
	return CURL_PREREQFUNC_OK;
}

static const struct {
	CURLoption option;
	long value;
} always[] = {
	{CURLOPT_NOSIGNAL, 1},
	{CURLOPT_FOLLOWLOCATION, 0},
	{CURLOPT_TCP_KEEPALIVE, 1},
	/* One request a connection: what a lost connection means is then known. */
	{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
	/* Else removing a call whose name is being looked up waits for the lookup. */
	{CURLOPT_QUICK_EXIT, 1},
};

static struct transfer *
transfer_new(struct http_client *c)
{
	struct transfer *t = xcalloc(1, sizeof(*t));
	CURL *e = curl_easy_init();

	if (!e)
		die("libcurl: no handle");
	t->easy = e;
	t->client = c;
	uv_timer_init(&c->loop->uv, &t->deadline);

	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		must(curl_easy_setopt(e, always[i].option, always[i].value));
	must(curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https"));
	must(curl_easy_setopt(e, CURLOPT_NOPROXY, "*"));
	must(curl_easy_setopt(e, CURLOPT_USERAGENT, "prosaas"));
	must(curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->words));
	must(curl_easy_setopt(e, CURLOPT_PRIVATE, t));
	must(curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header));
	must(curl_easy_setopt(e, CURLOPT_HEADERDATA, t));
	must(curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body));
	must(curl_easy_setopt(e, CURLOPT_WRITEDATA, t));
	must(curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_try));
	must(curl_easy_setopt(e, CURLOPT_PREREQDATA, t));
	return t;
}

static struct transfer *
transfer_take(struct http_client *c, struct http_call *call)
{
	struct transfer *t = SLIST_FIRST(&c->idle);

	if (t)
		SLIST_REMOVE_HEAD(&c->idle, next);
	else
		t = transfer_new(c);
	t->call = call;
	t->head_bytes = 0;
	t->tried = t->forbidden = false;
	t->words[0] = '\0';
	return t;
}

static void
add_header(struct transfer *t, const char *line)
{
	struct curl_slist *longer = curl_slist_append(t->headers, line);

	if (!longer)
		die("out of memory");
	t->headers = longer;
}

static void
set_headers(struct transfer *t, const struct http_call *call)
{
	add_header(t, "Expect:"); /* no 100-continue, it only adds a wait */
	for (const char *const *h = call->headers; h && *h; h++)
		add_header(t, *h);
	must(curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers));
}

/* Every option that differs between calls is set each time. */
static void
set_options(struct transfer *t, const struct http_call *call)
{
	CURL *e = t->easy;
	bool post = strcmp(call->method, "POST") == 0;
	int64_t ms = call->timeout_ms;
	long connect_ms = ms < CONNECT_MS ? (long)ms : CONNECT_MS;
	long idle_s = call->once ? ONCE_IDLE_S : IDLE_S;

	assert(post || strcmp(call->method, "GET") == 0);
	must(curl_easy_setopt(e, CURLOPT_URL, call->url));
	must(curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, connect_ms));
	must(curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, idle_s));
	if (post) {
		curl_off_t n = (curl_off_t)call->body.n;

		must(curl_easy_setopt(e, CURLOPT_POST, 1L));
		must(curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, n));
		must(curl_easy_setopt(e, CURLOPT_POSTFIELDS, n ? call->body.p : ""));
	} else {
		must(curl_easy_setopt(e, CURLOPT_HTTPGET, 1L));
	}
	set_headers(t, call);
}

struct http_client *
http_client_new(struct loop *l)
{
	struct http_client *c = xcalloc(1, sizeof(*c));

	must(curl_global_init(CURL_GLOBAL_DEFAULT));
	CURLM *m = curl_multi_init();
	if (!m)
		die("libcurl: no multi handle");
	c->loop = l;
	c->multi = m;
	curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(m, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	curl_multi_setopt(m, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(m, CURLMOPT_MAX_HOST_CONNECTIONS, (long)HOST_CONNECTIONS);
	curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);

	uv_timer_init(&l->uv, &c->timer);
	uv_idle_init(&l->uv, &c->deliver);
	STAILQ_INIT(&c->ended);
	SLIST_INIT(&c->idle);
	/* The first now: a curl that lacks an option is found at start-up. */
	struct transfer *first = transfer_new(c);
	SLIST_INSERT_HEAD(&c->idle, first, next);
	return c;
}

static void
begin(struct http_call *call, struct flow *f)
{
	call->err = call->status = 0;
	call->words[0] = call->request_id[0] = '\0';
	call->sent = false;
	call->retry_after_ms = -1;
	buf_init(&call->answer);
	call->flow = f;
	call->transfer = NULL;
	call->active = true;
}

void
http_call_start(struct http_client *c, struct http_call *call, struct flow *f)
{
	struct transfer *t = transfer_take(c, call);

	assert(call->timeout_ms > 0);
	begin(call, f);
	call->transfer = t;

	set_options(t, call);
	uv_timer_start(&t->deadline, on_deadline, (uint64_t)call->timeout_ms, 0);
	CURLMcode bad = curl_multi_add_handle(c->multi, t->easy);
	if (bad != CURLM_OK) {
		snprintf(t->words, sizeof(t->words), "%s", curl_multi_strerror(bad));
		end_call(t, CURLE_FAILED_INIT, ERR_UNAVAILABLE);
	}
}

void
http_call_refuse(struct http_client *c, struct http_call *call, struct flow *f, int err,
	const char *words, int64_t retry_after_ms)
{
	begin(call, f);
	call->err = err;
	call->retry_after_ms = retry_after_ms;
	snprintf(call->words, sizeof(call->words), "%s", words);
	deliver(c, call);
}

void
http_call_cancel(struct http_call *call)
{
	if (!call->transfer)
		return;
	snprintf(call->transfer->words, CURL_ERROR_SIZE, "cancelled");
	end_call(call->transfer, CURLE_OBSOLETE, -ECANCELED);
}

void
http_call_done(struct http_call *call)
{
	assert(!call->active);
	buf_done(&call->answer);
}
