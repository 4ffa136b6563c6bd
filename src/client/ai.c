/* SPDX-License-Identifier: MIT */
/* ai.c: chat completions.
 *
 *   ai_start:  settings and call ---> request_body ---> POST, unless it rests
 *   ai_finish: no status ---> err_of_silence
 *              2xx       ---> read_answer
 *              else      ---> err_of_status         ---> api_settle
 *
 * Compatible servers are not equal: content may be null, a text or a list of
 * parts; usage may lack; an error body may be a proxy's page.  What is not there
 * is absent, nothing more.  Nobody's text gets into the words: error.message may
 * quote the customer, so only error.code or error.type is shown, and only what looks
 * like one (api_code). */
#include "client/ai.h"

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "client/api.h"
#include "codec/val.h"

enum { QUIRKS_MAX = 64 };

/* What a model's server does not take, learned from its refusals: newer models want
 * max_completion_tokens and no temperature, older servers know only max_tokens. */
struct quirk {
	uint64_t whose; /* hash of the server and the model; 0: free */
	bool completion_tokens, no_temperature;
};

struct ai_client {
	struct http_client *http;
	const struct settings *settings;
	struct breaker *breaker;
	struct arena arena; /* the header */
	const char *authorization;
	struct quirk quirks[QUIRKS_MAX];
};

struct ai_client *
ai_client_new(struct http_client *http, const struct settings *s, struct breaker *b)
{
	struct ai_client *c = xcalloc(1, sizeof(*c));

	c->http = http;
	c->settings = s;
	c->breaker = b;
	arena_init(&c->arena);
	if (s->openai_api_key)
		c->authorization = api_header(
			&c->arena, "Authorization: Bearer ", s->openai_api_key);
	return c;
}

/* --- a request ------------------------------------------------------------ */

static struct str
model_of(const struct ai_call *call)
{
	return call->model.n > 0 ? call->model
				 : str_of(call->client->settings->openai_model);
}

static const char *
url_of(const struct ai_call *call)
{
	struct str base = call->base_url;

	if (base.n == 0)
		base = str_of(call->client->settings->openai_base_url);
	return api_url(call->arena, base, "/chat/completions");
}

static const char *const *
headers_of(const struct ai_call *call)
{
	const char **h = arena_zalloc(call->arena, 4 * sizeof(*h));
	size_t n = 0;

	h[n++] = "Content-Type: application/json";
	if (call->traceparent)
		h[n++] = call->traceparent;
	if (call->key.n > 0)
		h[n] = arena_printf(
			call->arena, "Authorization: Bearer %.*s", STR_FMT(call->key))
			       .p;
	else if (call->base_url.n == 0)
		h[n] = call->client->authorization;
	return h;
}

/* What rests after failures: a model of a server; with a tenant's own key its account,
 * for what is wrong with that is no other's trouble. */
static const char *
destination(const struct ai_call *call, const char *url)
{
	bool own = call->key.n > 0;

	return arena_printf(call->arena, "ai %s model %.*s%s%.*s", url,
		STR_FMT(model_of(call)), own ? " tenant " : "",
		STR_FMT(own ? call->tenant : STR("")))
		.p;
}

/* The table is full of other models' quirks when this returns a row that is forgotten:
 * then each call learns anew, by a refused request. */
static struct quirk *
quirk_of(struct ai_client *c, const char *url, struct str model)
{
	struct str parts[] = {str_of(url), model};
	uint8_t digest[DIGEST_SIZE];
	uint64_t whose;

	digest_sha256(parts, ARRAY_LEN(parts), digest);
	memcpy(&whose, digest, sizeof(whose));
	for (size_t i = 0; i < QUIRKS_MAX; i++) {
		struct quirk *q = &c->quirks[(whose + i) % QUIRKS_MAX];

		if (q->whose == 0)
			q->whose = whose;
		if (q->whose == whose)
			return q;
	}
	struct quirk *q = &c->quirks[whose % QUIRKS_MAX];
	*q = (struct quirk){.whose = whose};
	return q;
}

static const char *const roles[] = {[AI_SYSTEM] = "system",
	[AI_USER] = "user",
	[AI_ASSISTANT] = "assistant",
	[AI_TOOL] = "tool"};

static void
add_calls(struct buf *b, const struct ai_turn *t)
{
	buf_addz(b, ",\"tool_calls\":[");
	for (size_t i = 0; i < t->call_count; i++) {
		buf_addz(b, i > 0 ? ",{\"id\":" : "{\"id\":");
		json_quote(b, t->calls[i].id);
		buf_addz(b, ",\"type\":\"function\",\"function\":{\"name\":");
		json_quote(b, t->calls[i].name);
		buf_addz(b, ",\"arguments\":");
		json_quote(b, t->calls[i].arguments);
		buf_addz(b, "}}");
	}
	buf_addc(b, ']');
}

static void
add_message(struct buf *b, const struct ai_turn *t)
{
	buf_addf(b, "{\"role\":\"%s\",\"content\":", roles[t->role]);
	if (t->call_count > 0 && t->text.n == 0)
		buf_addz(b, "null");
	else
		json_quote(b, t->text);
	if (t->call_count > 0)
		add_calls(b, t);
	if (t->call_id.p) {
		buf_addz(b, ",\"tool_call_id\":");
		json_quote(b, t->call_id);
	}
	buf_addc(b, '}');
}

static void
add_tools(struct buf *b, const struct ai_call *call)
{
	if (call->tools.n == 0)
		return;
	buf_addz(b, ",\"tools\":");
	buf_adds(b, call->tools);
	if (call->no_more_calls)
		buf_addz(b, ",\"tool_choice\":\"none\"");
}

static struct str
request_body(const struct settings *s, const struct ai_call *call)
{
	const struct quirk *q = call->quirk;
	int64_t max = call->max_tokens > 0 ? call->max_tokens : s->ai_max_tokens;
	double heat = call->temperature < 0 ? s->ai_temperature : call->temperature;
	struct buf b;

	buf_init(&b);
	buf_addz(&b, "{\"model\":");
	json_quote(&b, model_of(call));
	buf_addz(&b, ",\"messages\":[");
	for (size_t i = 0; i < call->turn_count; i++) {
		if (i > 0)
			buf_addc(&b, ',');
		add_message(&b, &call->turns[i]);
	}
	buf_addc(&b, ']');
	add_tools(&b, call);
	buf_addf(&b, ",\"%s\":%" PRId64,
		q->completion_tokens ? "max_completion_tokens" : "max_tokens", max);
	if (!q->no_temperature)
		buf_addf(&b, ",\"temperature\":%g", heat);
	buf_addz(&b, ",\"stream\":false}");

	struct str body = arena_str(call->arena, buf_str(&b));
	buf_done(&b);
	return body;
}

void
ai_start(struct ai_client *c, struct ai_call *call, struct flow *f)
{
	call->client = c;
	const char *url = url_of(call);
	call->quirk = quirk_of(c, url, model_of(call));
	call->started_us = clock_mono_us();
	call->http = (struct http_call){
		.method = "POST",
		.url = url,
		.headers = headers_of(call),
		.body = request_body(c->settings, call),
		.timeout_ms = c->settings->ai_timeout_s * 1000,
	};
	api_start(c->http, &call->http, f, c->breaker, &call->pass,
		destination(call, url));
}

/* Joins the parts of a list; a part that is no text (an image) is left out. */
static struct str
text_of_parts(struct arena *a, const struct val *content)
{
	struct buf b;

	buf_init(&b);
	for (size_t i = 0; i < content->count; i++) {
		const struct val *part = val_at(content, i);

		if (str_eqz(val_text(val_get(part, "type")), "text"))
			buf_adds(&b, val_text(val_get(part, "text")));
	}
	struct str text = arena_str(a, buf_str(&b));
	buf_done(&b);
	return text;
}

static int64_t
tokens_of(const struct val *v, const char *which)
{
	int64_t n = val_int(val_get(val_get(v, "usage"), which), 0);

	return n > 0 ? n : 0;
}

/* Half a sentence at the end of an answer that became too long. */
static struct str
without_torso(struct str text)
{
	for (size_t i = text.n; i > text.n / 2; i--)
		if (strchr(".!?\n", text.p[i - 1]) && text.p[i - 1])
			return str_trim((struct str){text.p, i});
	return text;
}

/* Arguments are a text; some servers give the object itself. */
static void
read_call(struct ai_call *call, const struct val *v, size_t i)
{
	const struct val *function = val_get(v, "function");
	const struct val *arguments = val_get(function, "arguments");
	struct str id = val_text(val_get(v, "id")), text = val_text(arguments);
	struct buf b;

	buf_init(&b);
	if (arguments && !text.p)
		val_json(&b, arguments);
	call->calls[i] = (struct ai_tool_call){
		.id = id.n ? arena_str(call->arena, id)
			   : arena_printf(call->arena, "call_%zu", i),
		.name = arena_str(call->arena, val_text(val_get(function, "name"))),
		.arguments = arena_str(call->arena, text.p ? text : buf_str(&b)),
	};
	buf_done(&b);
}

static void
read_calls(struct ai_call *call, const struct val *list)
{
	if (!list || list->kind != VAL_LIST || !call->tools.n || call->no_more_calls)
		return;
	call->call_count = list->count < AI_CALLS_MAX ? list->count : AI_CALLS_MAX;
	call->calls = arena_alloc(call->arena, AI_CALLS_MAX * sizeof(*call->calls));
	for (size_t i = 0; i < call->call_count; i++)
		read_call(call, val_at(list, i), i);
}

static int
read_answer(struct ai_call *call, const struct val *v)
{
	const struct val *choice = val_at(val_get(v, "choices"), 0);
	const struct val *message = val_get(choice, "message");
	const struct val *content = val_get(message, "content");
	struct str why = val_text(val_get(choice, "finish_reason"));
	struct str text = val_text(content);

	call->tokens_in = tokens_of(v, "prompt_tokens");
	call->tokens_out = tokens_of(v, "completion_tokens");
	if (content && content->kind == VAL_LIST)
		text = text_of_parts(call->arena, content);
	text = str_trim(text);
	if (str_eqz(why, "content_filter") || val_text(val_get(message, "refusal")).n) {
		api_words(call->words, &call->http, STR("answer withheld"));
		return ERR_REFUSED;
	}
	if (str_eqz(why, "length"))
		text = without_torso(text);
	read_calls(call, val_get(message, "tool_calls"));
	if (text.n == 0 && call->call_count == 0) {
		if (str_eqz(why, "length"))
			call->hint = AI_ASK_LONGER;
		api_words(call->words, &call->http,
			v ? STR("empty answer") : STR("unreadable answer"));
		return ERR_REMOTE;
	}
	call->answer = arena_str(call->arena, text);
	return 0;
}

/* Some servers say it in code, some in type, some in both. */
static bool
error_is(const struct val *error, const char *name)
{
	return str_eqz(val_text(val_get(error, "code")), name) ||
	       str_eqz(val_text(val_get(error, "type")), name);
}

/* Each server says it in its own way: OpenAI, llama.cpp, vLLM. */
static bool
is_too_long(const struct val *error)
{
	static const char vllm[] = "maximum context length";
	struct str message = val_text(val_get(error, "message"));

	return error_is(error, "context_length_exceeded") ||
	       error_is(error, "exceed_context_size_error") ||
	       (message.n && memmem(message.p, message.n, vllm, strlen(vllm)));
}

/* What the refusal asks for; parameters are remembered for the model. */
static enum ai_hint
hint_of(struct ai_call *call, const struct val *error)
{
	struct str param = val_text(val_get(error, "param"));
	struct quirk *q = call->quirk;

	if (is_too_long(error))
		return AI_ASK_SHORTER;
	if (error_is(error, "model_not_found") || call->http.status == 404)
		return AI_ASK_OTHER;
	if (!error_is(error, "unsupported_parameter") &&
		!error_is(error, "unsupported_value"))
		return AI_NO_HINT;
	if (str_eqz(param, "max_tokens") && !q->completion_tokens)
		q->completion_tokens = true;
	else if (str_eqz(param, "max_completion_tokens") && q->completion_tokens)
		q->completion_tokens = false;
	else if (str_eqz(param, "temperature") && !q->no_temperature)
		q->no_temperature = true;
	else
		return AI_NO_HINT;
	return AI_ASK_AGAIN;
}

static int
err_of_status(struct ai_call *call, const struct val *v)
{
	const struct val *error = val_get(v, "error");

	if (!error) /* vLLM once */
		error = v;
	struct str what = api_code(val_text(val_get(error, "code")));
	int status = call->http.status;

	if (what.n == 0)
		what = api_code(val_text(val_get(error, "type")));
	api_words(call->words, &call->http, what);
	call->hint = hint_of(call, error);

	if (status == 429 && error_is(error, "insufficient_quota"))
		return ERR_QUOTA;
	if (status == 503 && error_is(error, "slow_down"))
		return ERR_THROTTLED;
	if (status == 408 || status == 409)
		return ERR_REMOTE;
	return api_err_of(status);
}

static int
err_of_silence(struct ai_call *call)
{
	api_words(call->words, &call->http, (struct str){0});
	return call->http.err == ERR_PROTO ? ERR_REMOTE : call->http.err;
}

static void
count(const struct ai_call *call)
{
	if (call->err == ERR_OPEN) { /* nobody was asked */
		metric_add(M_AI_RESTING, 1);
		return;
	}
	metric_add(call->err < 0 ? M_AI_ERROR : M_AI_OK, 1);
	metric_observe(M_AI_SECONDS, clock_mono_us() - call->started_us);
	metric_add(M_AI_TOKENS_IN, (uint64_t)call->tokens_in);
	metric_add(M_AI_TOKENS_OUT, (uint64_t)call->tokens_out);
}

int
ai_finish(struct ai_call *call)
{
	struct http_call *http = &call->http;

	call->words[0] = '\0';
	call->hint = AI_NO_HINT;
	call->answer = (struct str){0};
	call->call_count = 0;
	call->answered = http->err == 0 && http->status / 100 == 2;
	call->tokens_in = call->tokens_out = 0;

	if (http->err < 0)
		call->err = err_of_silence(call);
	else if (call->answered)
		call->err = read_answer(call, api_json(call->arena, http));
	else
		call->err = err_of_status(call, api_json(call->arena, http));

	count(call);
	call->err = api_settle(http, &call->pass, api_outcome(http, call->err),
		call->err, call->words, &call->retry_after_ms);
	return call->err;
}
