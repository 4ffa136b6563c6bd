/* SPDX-License-Identifier: MIT */
/* bridge.c: the webhooks of other bridges. */
#include "role/bridge.h"

#include "base/digest.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "codec/adapter.h"
#include "codec/tenant.h"
#include "net/http_server.h"
#include "role/ingest.h"
#include "role/probe.h"
#include "role/session.h"

static const char unauthorized[] = "{\"error\":\"unauthorized\"}";

/* The second part of its path. */
static const struct adapter *
adapter_of(const struct http_req *req)
{
	struct str rest = req->path;

	for (int i = 0; i < 2; i++) /* "", "webhook" */
		str_cut(&rest, '/');
	return adapter_find(str_cut(&rest, '/'));
}

static struct str
signature_of(const struct http_req *req)
{
	const struct adapter *ad = adapter_of(req);
	struct str none = {NULL, 0};

	return ad->signature ? http_header(req, ad->signature, NULL) : none;
}

static bool
has_secret(const struct settings *s, const struct http_req *req)
{
	return secret_matches(s, http_header(req, "X-Internal-Secret", NULL));
}

/* A signature is of the body, which is not there yet. */
int
bridge_gate(const struct settings *s, struct http_req *req, const char **ret_json)
{
	if (has_secret(s, req) || signature_of(req).n > 0)
		return 0;
	metric_add(M_HTTP_401, 1);
	*ret_json = unauthorized;
	return 401;
}

static bool
is_signed(const struct settings *s, const struct http_req *req)
{
	const char *const keys[] = {s->internal_secret, s->internal_secret_previous};
	struct str given = signature_of(req);
	char hex[DIGEST_HMAC_HEX_SIZE];
	bool same = false;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!keys[i] || !*keys[i])
			continue;
		digest_hmac_hex(adapter_of(req)->signature_bits, str_of(keys[i]),
			req->body, hex);
		same |= digest_same(given, str_of(hex));
	}
	return same;
}

static void
refuse(struct http_req *req, const char *why)
{
	metric_add(M_HTTP_400, 1);
	http_reply_error(req, 400, "bad_request", why);
}

void
bridge_webhook(struct ingest *in, struct redis *r, struct http_req *req)
{
	const struct adapter *ad = adapter_of(req);
	struct str rest = req->rest, ours = STR("");
	struct str tenant = tenant_id(str_cut(&rest, '/'));
	enum adapter_says says;
	char err[128];

	if (!has_secret(in->s, req) && !is_signed(in->s, req)) {
		metric_add(M_HTTP_401, 1);
		http_reply_json(req, 401, str_of(unauthorized));
		return;
	}
	if (!tenant_is_id(tenant)) {
		refuse(req, "the tenant in the path must be a number or 1 to 64 of A-Z "
			    "a-z 0-9 _ -");
		return;
	}
	if (adapter_read(&req->arena, ad, tenant, req->body, &says, &ours, err) < 0) {
		refuse(req, err);
		return;
	}
	req->body = ours;
	if (says == ADAPTER_NEWS)
		ingest_webhook(in, req);
	else if (says == ADAPTER_SESSION)
		session_webhook(r, req);
	else
		http_reply(req, 200, NULL, ours, NULL);
}
