/* SPDX-License-Identifier: MIT */
/* http_answer.c: an answer, from a handler to the kernel.
 *
 *   http_reply ---> answer_head ---> send_answer ---> http_conn_answered
 *                                       | the client is slow: FLUSHING
 *                                       `---> on_written ---> http_conn_answered */
#include <assert.h>

#include "base/defs.h"
#include "codec/val.h"
#include "net/http_server_priv.h"

enum { KEEP = 16 << 10 };

static const char *
status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{204, "No Content"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{417, "Expectation Failed"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Internal Server Error";
}

static void
on_written(uv_write_t *req, int status)
{
	struct http_conn *c = req->data;

	buf_done(&c->sending); /* an idle connection holds nothing */
	if (c->state == HTTP_CLOSED)
		return;
	if (status < 0)
		http_conn_close(c);
	else
		http_conn_answered(c);
}

static void
send_answer(struct http_conn *c, struct str head, struct str body)
{
	uv_buf_t parts[2] = {uv_buf_init((char *)head.p, (unsigned)head.n),
		uv_buf_init((char *)body.p, (unsigned)body.n)}; /* only read */
	int n = uv_try_write((uv_stream_t *)&c->tcp, parts, body.n ? 2 : 1);

	if (n == UV_EAGAIN)
		n = 0;
	if (n < 0) {
		http_conn_close(c);
		return;
	}
	if ((size_t)n == head.n + body.n) {
		http_conn_answered(c);
		return;
	}
	size_t of_head = (size_t)n < head.n ? (size_t)n : head.n;
	size_t of_body = (size_t)n - of_head;
	buf_add(&c->sending, head.p + of_head, head.n - of_head);
	buf_add(&c->sending, body.p + of_body, body.n - of_body);
	struct str rest = buf_str(&c->sending);
	uv_buf_t b = uv_buf_init((char *)rest.p, (unsigned)rest.n); /* only read */

	http_conn_state(c, HTTP_FLUSHING);
	c->write.data = c;
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_written) < 0)
		http_conn_close(c);
}

static struct str
answer_head(struct http_conn *c, int status, const char *type, size_t body_n,
	const char *extra)
{
	struct buf *b = &c->server->scratch;
	bool closes = c->closing || c->server->draining;

	if (status == 200 && body_n == 0 && !type && !extra && !closes)
		return STR("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	buf_clear(b, KEEP);
	buf_addf(b, "HTTP/1.1 %d %s\r\n", status, status_text(status));
	if (status != 204) /* RFC 9110 8.6: no length there */
		buf_addf(b, "Content-Length: %zu\r\n", body_n);
	if (type)
		buf_addf(b, "Content-Type: %s\r\n", type);
	if (extra)
		buf_addz(b, extra);
	if (closes)
		buf_addz(b, "Connection: close\r\n");
	buf_addz(b, "\r\n");
	return buf_str(b);
}

void
http_reply(struct http_req *req, int status, const char *type, struct str body,
	const char *extra)
{
	struct http_request *r = container_of(req, struct http_request, pub);
	struct http_conn *c = req->conn;
	struct http_server *s = c ? c->server : NULL;

	if (!c) { /* the client has gone */
		http_request_free(NULL, r);
		return;
	}
	assert(c->request == r && c->state == HTTP_HANDLING);
	struct str head = answer_head(c, status, type, body.n, extra);
	if (str_eqz(req->method, "HEAD"))
		body.n = 0;
	c->request = NULL;
	send_answer(c, head, body);
	/* Only now: body may be in the request's arena.  The connection is not
	 * touched any more, it may be gone. */
	http_request_free(s, r);
}

void
http_reply_json(struct http_req *req, int status, struct str body)
{
	http_reply(req, status, "application/json", body, NULL);
}

void
http_reply_error_with(struct http_req *req, int status, const char *name,
	const char *message, const char *extra)
{
	struct buf b;

	buf_init(&b);
	buf_addz(&b, "{\"error\":");
	json_quote(&b, str_of(name));
	if (message) {
		buf_addz(&b, ",\"message\":");
		json_quote(&b, str_of(message));
	}
	buf_addc(&b, '}');
	http_reply(req, status, "application/json", buf_str(&b), extra);
	buf_done(&b);
}

void
http_reply_error(
	struct http_req *req, int status, const char *name, const char *message)
{
	http_reply_error_with(req, status, name, message, NULL);
}
