/* SPDX-License-Identifier: MIT */
/* http_query.c: what handlers ask of a request: header fields and parameters. */
#include "base/arena.h"
#include "net/http_server_priv.h"

struct str
http_header(const struct http_req *req, const char *name, bool *ret_many)
{
	const struct http_request *r = container_of(req, struct http_request, pub);
	struct str value = {NULL, 0};
	bool many = false;

	for (uint32_t i = 0; i < r->parser.field_count; i++) {
		if (!str_ieq(
			    http1_str(r->head, r->parser.fields[i].name), str_of(name)))
			continue;
		many = many || value.p;
		value = http1_str(r->head, r->parser.fields[i].value);
	}
	if (ret_many)
		*ret_many = many;
	return many ? (struct str){NULL, 0} : value;
}

static struct str
percent_decode(struct arena *a, struct str s)
{
	char *to = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		bool hex = s.p[i] == '%' && i + 2 < s.n &&
			   str_hex_digit(s.p[i + 1]) >= 0 &&
			   str_hex_digit(s.p[i + 2]) >= 0;

		if (hex) {
			to[n++] = (char)(str_hex_digit(s.p[i + 1]) << 4 |
					 str_hex_digit(s.p[i + 2]));
			i += 2;
		} else {
			to[n++] = s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	to[n] = '\0';
	return (struct str){to, n};
}

struct str
http_query(struct http_req *req, const char *name)
{
	struct str rest = req->query;

	while (rest.p) {
		struct str value = str_cut(&rest, '&');
		struct str key = str_cut(&value, '=');

		if (str_eqz(percent_decode(&req->arena, key), name))
			return percent_decode(&req->arena, value);
	}
	return (struct str){NULL, 0};
}

bool
http_query_int(
	struct http_req *req, const char *name, int64_t lo, int64_t hi, int64_t *ret)
{
	struct str text = http_query(req, name);

	if (!text.p || (str_int(text, ret) == 0 && *ret >= lo && *ret <= hi))
		return true;
	struct str words =
		arena_printf(&req->arena, "%s must be a number from %lld to %lld", name,
			(long long)lo, (long long)hi);
	http_reply_error(req, 400, "bad_request", words.p);
	return false;
}
