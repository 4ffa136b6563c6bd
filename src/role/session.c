/* SPDX-License-Identifier: MIT */
/* session.c: the gateway says how a tenant's WhatsApp session stands. */
#include "role/session.h"

#include "base/arena.h"
#include "base/log.h"
#include "codec/json.h"
#include "codec/val.h"
#include "codec/tenant.h"
#include "net/http_server.h"
#include "queue/sessions.h"

enum { NODES_MAX = 100, STATE_MAX = 32 };

struct session_call { /* in the request's arena */
	struct redis_cmd cmd;
	struct http_req *req;
};

static void
on_kept(struct redis_cmd *cmd)
{
	struct session_call *call = container_of(cmd, struct session_call, cmd);

	if (cmd->err < 0)
		http_reply_error(call->req, 503, "service_unavailable",
			"Job queue temporarily unavailable");
	else
		http_reply(call->req, 200, NULL, STR(""), NULL);
}

static void
keep(struct redis *r, struct http_req *req, const struct sessions_word *w)
{
	struct session_call *call = ARENA_NEW(&req->arena, struct session_call);

	call->req = req;
	sessions_tell(r, &call->cmd, w, on_kept);
}

/* "1", 1 or "business_1", under either name. */
static struct str
tenant_of(struct arena *a, const struct val *body)
{
	const struct val *v = val_get(body, "tenantId");

	v = v ? v : val_get(body, "tenant_id");
	int64_t number = val_int(v, -1);
	struct str text = val_text(v);
	if (!text.p && number >= 0)
		text = arena_printf(a, "%lld", (long long)number);
	return text.p ? tenant_id(text) : text;
}

void
session_webhook(struct redis *r, struct http_req *req)
{
	struct val *body = NULL;
	char why[128];

	if (json_parse(&req->arena, req->body, NODES_MAX, &body, why) < 0) {
		http_reply_error(req, 400, "bad_request", why);
		return;
	}
	struct str tenant = tenant_of(&req->arena, body);
	struct str state = val_text(val_get(body, "connection"));
	if (!state.n)
		state = val_text(val_get(body, "status"));
	if (!tenant_is_id(tenant)) {
		http_reply_error(req, 400, "bad_request",
			"tenantId must be a number or 1 to 64 of A-Z a-z 0-9 _ -");
		return;
	}
	if (state.n == 0 || state.n > STATE_MAX) {
		http_reply_error(
			req, 400, "bad_request", "connection (or status) is missing");
		return;
	}
	log_info("session tenant=%s state=%s", log_safe(tenant), log_safe(state));
	keep(r, req,
		&(struct sessions_word){tenant, state,
			val_text(val_get(body, "reason")),
			val_text(val_get(body, "pushName"))});
}
