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
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "client/api.h"
#include "codec/val.h"

struct ai_client {
	struct http_client *http;
	const struct settings *settings;
	struct breaker *breaker;
	struct arena arena; /* url, headers and key */
	const char *url;
	const char *key; /* of the destination: all calls have one account */
	const char *headers[3];
};

struct ai_client *
ai_client_new(struct http_client *http, const struct settings *s, struct breaker *b)
{
	struct ai_client *c = xcalloc(1, sizeof(*c));

	c->http = http;
	c->settings = s;
	c->breaker = b;
	arena_init(&c->arena);
	c->url = api_url(&c->arena, str_of(s->openai_base_url), "/chat/completions");
	c->key = arena_printf(&c->arena, "ai %s", c->url).p;
	c->headers[0] = "Content-Type: application/json";
	if (s->openai_api_key)
		c->headers[1] = api_header(
			&c->arena, "Authorization: Bearer ", s->openai_api_key);
	return c;
}

static void
add_message(struct buf *b, const char *role, struct str text)
{
	if (!str_ends(buf_str(b), STR("[")))
		buf_addc(b, ',');
	buf_addf(b, "{\"role\":\"%s\",\"content\":", role);
	json_quote(b, text);
	buf_addc(b, '}');
}

static struct str
request_body(const struct settings *s, const struct ai_call *call)
{
	struct str model = call->model.n > 0 ? call->model : str_of(s->openai_model);
	int64_t max = call->max_tokens > 0 ? call->max_tokens : s->ai_max_tokens;
	double heat = call->temperature < 0 ? s->ai_temperature : call->temperature;
	struct buf b;

	buf_init(&b);
	buf_addz(&b, "{\"model\":");
	json_quote(&b, model);
	buf_addz(&b, ",\"messages\":[");
	if (call->prompt.n > 0)
		add_message(&b, "system", call->prompt);
	for (size_t i = 0; i < call->turn_count; i++)
		add_message(&b, call->turns[i].role == AI_USER ? "user" : "assistant",
			call->turns[i].text);
	buf_addf(&b,
		"],\"max_tokens\":%" PRId64 ",\"temperature\":%g,\"stream\":false}",
		max, heat);

	struct str body = arena_str(call->arena, buf_str(&b));
	buf_done(&b);
	return body;
}

void
ai_start(struct ai_client *c, struct ai_call *call, struct flow *f)
{
	call->started_us = clock_mono_us();
	call->http = (struct http_call){
		.method = "POST",
		.url = c->url,
		.headers = c->headers,
		.body = request_body(c->settings, call),
		.timeout_ms = c->settings->ai_timeout_s * 1000,
	};
	api_start(c->http, &call->http, f, c->breaker, &call->pass, c->key);
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

static int
read_answer(struct ai_call *call, const struct val *v)
{
	const struct val *choice = val_at(val_get(v, "choices"), 0);
	const struct val *content = val_get(val_get(choice, "message"), "content");
	struct str text = val_text(content);

	call->tokens_in = tokens_of(v, "prompt_tokens");
	call->tokens_out = tokens_of(v, "completion_tokens");
	if (content && content->kind == VAL_LIST)
		text = text_of_parts(call->arena, content);
	text = str_trim(text);
	if (text.n == 0) {
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

static int
err_of_status(struct ai_call *call, const struct val *v)
{
	const struct val *error = val_get(v, "error");
	struct str what = api_code(val_text(val_get(error, "code")));
	int status = call->http.status;

	if (what.n == 0)
		what = api_code(val_text(val_get(error, "type")));
	api_words(call->words, &call->http, what);

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
	if (call->err == ERR_OPEN) /* nobody was asked */
		return;
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
	call->answer = (struct str){0};
	call->tokens_in = call->tokens_out = 0;

	if (http->err < 0)
		call->err = err_of_silence(call);
	else if (http->status / 100 == 2)
		call->err = read_answer(call, api_json(call->arena, http));
	else
		call->err = err_of_status(call, api_json(call->arena, http));

	count(call);
	call->err = api_settle(http, &call->pass, api_outcome(http, call->err),
		call->err, call->words, &call->retry_after_ms);
	return call->err;
}
