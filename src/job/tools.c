/* SPDX-License-Identifier: MIT */
/* tools.c: the calls of one answer, one after another.
 *
 * A round ends in one of two ways for each call: a result, or an error in its place
 * that the model can act on ({"error":"..."}). */
#include "job/tools.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "client/api.h"
#include "codec/json.h"
#include "codec/val.h"
#include "job/job.h"
#include "job/prompt.h"
#include "store/store.h"

enum { NODES_MAX = 10000 };

/* --- which ---------------------------------------------------------------- */

static struct str
host_of(struct str url)
{
	struct str https = STR("https://"), http = STR("http://"), none = {NULL, 0};
	size_t skip = str_starts(url, https)  ? https.n
		      : str_starts(url, http) ? http.n
					      : 0;
	struct str s = {url.p + skip, 0};

	while (skip + s.n < url.n && !strchr("/?#", s.p[s.n]))
		s.n++;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '@' || s.p[i] == '\\')
			return none;
	return skip ? s : none;
}

/* Names without a dot are of one's own network (a container, localhost), and an
 * address says itself where it leads. */
static bool
is_own(struct str host)
{
	char z[64];
	unsigned char bytes[16];
	struct str rest = host;

	if (host.p[0] == '[')
		return true;
	struct str name = str_cut(&rest, ':');
	if (!memchr(name.p, '.', name.n))
		return true;
	snprintf(z, sizeof(z), "%.*s", STR_FMT(name));
	return inet_pton(AF_INET, z, bytes) == 1;
}

bool
tools_may_reach(struct str hosts, struct str url, bool *ret_private)
{
	struct str host = host_of(url), allowed;

	while (host.n > 0 && str_next(&hosts, &allowed)) {
		if (!str_ieq(allowed, host))
			continue;
		*ret_private = is_own(host);
		return true;
	}
	return false;
}

static void
offer(struct buf *b, const struct val *tool)
{
	const struct val *parameters = val_get(tool, "parameters");

	buf_addz(b, buf_len(b) > 1 ? "," : "");
	buf_addz(b, "{\"type\":\"function\",\"function\":{\"name\":");
	json_quote(b, val_text(val_get(tool, "name")));
	buf_addz(b, ",\"description\":");
	json_quote(b, val_text(val_get(tool, "description")));
	buf_addz(b, ",\"parameters\":");
	if (parameters)
		val_json(b, parameters);
	else
		buf_addz(b, "{\"type\":\"object\",\"properties\":{}}");
	buf_addz(b, "}}");
}

void
tools_open(
	struct tools *t, struct job *job, const struct store_load *load, int64_t budget)
{
	const char *hosts = job->env->s->tools_allowed_hosts;
	struct str text = load->found.tools;
	struct val *list;
	char why[128];
	struct buf b;

	*t = (struct tools){.job = job,
		.load = load,
		.tokens_max = budget / 2,
		.deadline_ms = clock_mono_ms() + TOOLS_MS};
	if (!hosts || !job->env->http || text.n == 0 ||
		json_parse(&job->arena, text, NODES_MAX, &list, why) < 0 ||
		list->kind != VAL_LIST || list->count == 0)
		return;
	t->list = list;
	t->turns = arena_alloc(&job->arena, TOOLS_TURNS_MAX * sizeof(*t->turns));
	buf_init(&b);
	buf_addc(&b, '[');
	for (size_t i = 0; i < list->count; i++)
		offer(&b, val_at(list, i));
	buf_addc(&b, ']');
	t->offered = arena_str(&job->arena, buf_str(&b));
	buf_done(&b);
}

static const struct val *
find(const struct tools *t, struct str name)
{
	for (size_t i = 0; i < t->list->count; i++)
		if (str_eq(val_text(val_get(val_at(t->list, i), "name")), name))
			return val_at(t->list, i);
	return NULL;
}

/* --- one call ------------------------------------------------------------- */

/* Who the receiver sees twice with the same key has asked twice for the same. */
static void
add_key(struct buf *b, const struct tools *t, struct str name, struct str arguments)
{
	struct str parts[] = {t->job->tenant, t->job->id, name, arguments};
	char id[DIGEST_ID_SIZE];

	digest_id(parts, ARRAY_LEN(parts), id);
	buf_addf(b, ",\"idempotency_key\":\"%s\"}", id);
}

static struct str
body_of(struct tools *t, struct str name, const struct val *arguments)
{
	struct arena *a = &t->job->arena;
	struct buf b, args;

	buf_init(&b);
	buf_init(&args);
	val_json(&args, arguments);
	buf_addz(&b, "{\"tool\":");
	json_quote(&b, name);
	buf_addz(&b, ",\"arguments\":");
	buf_adds(&b, buf_str(&args));
	buf_addz(&b, ",\"tenant\":");
	json_quote(&b, t->job->tenant);
	buf_addf(&b, ",\"conversation_id\":%lld,\"message_id\":",
		(long long)t->load->conversation_id);
	json_quote(&b, t->load->message_id);
	add_key(&b, t, name, buf_str(&args));
	struct str body = arena_str(a, buf_str(&b));
	buf_done(&args);
	buf_done(&b);
	return body;
}

static const char *const *
headers_of(struct tools *t, struct str body)
{
	const char **h = arena_zalloc(&t->job->arena, 4 * sizeof(*h));
	struct str secret = t->load->found.tools_secret;
	const char *trace = trace_header(t->job, &t->span);
	char hex[DIGEST_HMAC_HEX_SIZE];
	size_t n = 0;

	h[n++] = "Content-Type: application/json";
	if (trace)
		h[n++] = trace;
	if (secret.n > 0) {
		digest_hmac_hex(256, secret, body, hex);
		h[n] = arena_printf(
			&t->job->arena, "X-Prosaas-Signature: sha256=%s", hex)
			       .p;
	}
	return h;
}

static int64_t
timeout_of(const struct tools *t, const struct val *tool)
{
	int64_t left = t->deadline_ms - clock_mono_ms();
	int64_t ms = val_int(val_get(tool, "timeout_ms"), TOOLS_TIMEOUT_MS);

	if (ms <= 0)
		ms = TOOLS_TIMEOUT_MS;
	if (ms > TOOLS_TIMEOUT_MAX_MS)
		ms = TOOLS_TIMEOUT_MAX_MS;
	return ms < left ? ms : left;
}

static void
post(struct tools *t, struct flow *f, const struct val *tool,
	const struct val *arguments, bool own)
{
	struct arena *a = &t->job->arena;

	t->http = (struct http_call){
		.method = "POST",
		.url = arena_z(a, val_text(val_get(tool, "url"))),
		.body = body_of(t, val_text(val_get(tool, "name")), arguments),
		.timeout_ms = timeout_of(t, tool),
		.answer_max = TOOLS_RESULT_MAX,
		.once = true,
		.public_only = !own,
	};
	trace_begin(t->job, "tool", &t->span);
	t->http.headers = headers_of(t, t->http.body);
	job_waits(t->job, job_hurry_http, &t->http);
	http_call_start(t->job->env->http, &t->http, f);
}

static void
add_result(struct tools *t, struct str text)
{
	int64_t left = t->tokens_max - t->tokens;

	if (left < TOOLS_RESULT_TOKENS_MIN)
		left = TOOLS_RESULT_TOKENS_MIN;
	text = prompt_shorten(&t->job->arena, text, left);
	t->tokens += prompt_tokens(text) + PROMPT_MESSAGE;
	t->turns[t->turn_count++] = (struct ai_turn){
		.role = AI_TOOL, .call_id = t->calls[t->at].id, .text = text};
	t->at++;
}

static void
tell_error(struct tools *t, const char *told, const char *logged)
{
	metric_add(M_TOOL_ERROR, 1);
	log_warn("tool fails job_id=%s tool=%s reason=%s", log_safe(t->job->id),
		log_safe(t->calls[t->at].name), logged);
	add_result(t, arena_printf(&t->job->arena, "{\"error\":\"%s\"}", told));
}

/* Starts the call, or returns why it can't be made. */
static const char *
try_call(struct tools *t, struct flow *f)
{
	const struct ai_tool_call *call = &t->calls[t->at];
	const struct val *tool = find(t, call->name);
	struct str url = val_text(val_get(tool, "url"));
	struct arena *a = &t->job->arena;
	struct val *arguments;
	char why[128];
	bool own = false;

	if (++t->called > TOOLS_CALLS_MAX)
		return "too many calls: answer with what you know";
	if (clock_mono_ms() >= t->deadline_ms)
		return "no time is left: answer with what you know";
	if (!tool)
		return "there is no such tool";
	if (!tools_may_reach(str_of(t->job->env->s->tools_allowed_hosts), url, &own))
		return "the tool is not available";
	if (json_parse(a, call->arguments, NODES_MAX, &arguments, why) < 0 ||
		arguments->kind != VAL_DICT)
		return "the arguments are no JSON object";
	post(t, f, tool, arguments, own);
	return NULL;
}

void
tools_begin(struct tools *t, const struct ai_call *asked)
{
	t->rounds++;
	t->calls = asked->calls;
	t->call_count = asked->call_count;
	t->at = 0;
	t->turns[t->turn_count++] = (struct ai_turn){.role = AI_ASSISTANT,
		.text = asked->answer,
		.calls = asked->calls,
		.call_count = asked->call_count};
}

bool
tools_next(struct tools *t, struct flow *f)
{
	while (t->at < t->call_count) {
		const char *wrong = try_call(t, f);
		if (!wrong)
			return true;
		tell_error(t, wrong, wrong);
	}
	return false;
}

void
tools_take(struct tools *t)
{
	struct http_call *http = &t->http;
	bool refused = http->err == 0 && http->status / 100 != 2;
	char what[96];

	trace_end(t->job, &t->span, refused ? api_err_of(http->status) : http->err);
	job_waits(t->job, NULL, NULL);
	if (http->err == 0 && http->status / 100 == 2) {
		metric_add(M_TOOL_OK, 1);
		add_result(t, arena_str(&t->job->arena, buf_str(&http->answer)));
	} else if (http->err == 0) {
		snprintf(what, sizeof(what), "the tool failed: HTTP %d", http->status);
		tell_error(t, what, what);
	} else {
		snprintf(
			what, sizeof(what), "the tool failed: %s", err_text(http->err));
		tell_error(t, what, http->words);
	}
	http_call_done(http);
}
