/* SPDX-License-Identifier: MIT */
/* gateway_cloud.c: WhatsApp's Cloud API.
 *
 *   POST {base}/{version}/{phone number id}/messages      Authorization: Bearer ...
 *     a message   {"messaging_product":"whatsapp","to","biz_opaque_callback_data",
 *                  "type":"text","text":{"body"}}
 *     a template  {...,"type":"template","template":{"name","language":{"code"},
 *                  "components":[{"type":"body","parameters":[{"type":"text",..}]}]}}
 *     another     {...,"type":"image","image":{...}}, as it was given
 *     "typing"    {"messaging_product":"whatsapp","status":"read","message_id",
 *                  "typing_indicator":{"type":"text"}}, which marks it read, too
 *
 *   200 {"messages":[{"id":"wamid..."}]}     0: accepted, delivery is told by statuses
 *   {"error":{"code"}}                       by its code: cloud_error.c
 *   no readable answer                       ERR_AMBIGUOUS
 *
 * There is no key that makes a repeat safe.  What we have is biz_opaque_callback_data:
 * our outbound key comes back in the statuses of the message, so a status settles what
 * a lost answer left open (store_receipts.c).  DOUBT_MS is how long to wait for it.
 *
 * "Typing" needs the message that is answered, and ends by itself: with the answer, or
 * after 25 s. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"
#include "base/utf8.h"
#include "client/api.h"
#include "client/cloud_error.h"
#include "client/gateway_priv.h"
#include "codec/jid.h"
#include "codec/json.h"
#include "codec/val.h"

enum {
	SEND_MS = 30000, /* Meta answers within a second or two, or not at all */
	TYPING_MS = 5000,
	TYPING_ANSWER_MAX = 16 << 10,
	TEXT_MAX = 4096, /* characters */
	PARAMETER_MAX = 32768,
	CONTENT_NODES = 1000,
};

#define DAY_US INT64_C(86400000000)

/* --- whose ------------------------------------------------------------------ */

static struct str
or_setting(struct str own, const char *setting)
{
	return own.n > 0 ? own : setting ? str_of(setting) : own;
}

static struct str
number_of(const struct settings *s, const struct gateway_account *from)
{
	return or_setting(from->phone_number_id, s->meta_wa_phone_number_id);
}

static struct str
token_of(const struct settings *s, const struct gateway_account *from)
{
	return or_setting(from->access_token, s->meta_wa_access_token);
}

static int
check(const struct settings *s, const struct gateway_account *from,
	char words[GATEWAY_WORDS])
{
	bool number = number_of(s, from).n > 0, token = token_of(s, from).n > 0;

	if (number && token)
		return 0;
	snprintf(words, GATEWAY_WORDS, "gateway=meta needs %s%s%s",
		number ? "" : "meta_phone_number_id (or META_WA_PHONE_NUMBER_ID)",
		number || token ? "" : " and ",
		token ? "" : "meta_access_token (or META_WA_ACCESS_TOKEN)");
	return ERR_DENIED;
}

/* --- requests --------------------------------------------------------------- */

static struct str
base(const struct gateway *g, const struct gateway_call *call)
{
	(void)call;
	return str_of(g->settings->meta_wa_base_url);
}

static const char *
url_of(const struct gateway *g, const struct gateway_call *call)
{
	const char *path = arena_printf(call->arena, "/%s/%.*s/messages",
		g->settings->meta_wa_api_version,
		STR_FMT(number_of(g->settings, &call->from)))
				   .p;

	return api_url(call->arena, base(g, call), path);
}

static const char *const *
headers(const struct gateway *g, const struct gateway_call *call)
{
	const char **lines = arena_zalloc(call->arena, 4 * sizeof(*lines));

	lines[0] = "Content-Type: application/json";
	lines[1] = api_header(call->arena, "Authorization: Bearer ",
		arena_z(call->arena, token_of(g->settings, &call->from)));
	lines[2] = call->traceparent;
	return lines;
}

static void
add_text(struct buf *b, const char *before, struct str value)
{
	buf_addz(b, before);
	json_quote(b, value);
}

/* Who it goes to: a phone, the id of a user whose phone Meta hides, or a group. */
static bool
add_recipient(struct buf *b, struct str chat)
{
	static const struct {
		const char *server, *before;
	} rows[] = {
		{"@bsuid", "\"recipient_type\":\"individual\",\"recipient\":"},
		{"@g.us", "\"recipient_type\":\"group\",\"to\":"},
	};
	struct jid j;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = strlen(rows[i].server);

		if (!str_ends(chat, str_of(rows[i].server)))
			continue;
		add_text(b, rows[i].before, (struct str){chat.p, chat.n - n});
		return true;
	}
	if (jid_parse(chat, &j) < 0 || !jid_has_phone(&j))
		return false;
	add_text(b, "\"recipient_type\":\"individual\",\"to\":", j.user);
	return true;
}

/* A parameter has no line ends, tabs or rows of blanks. */
static struct str
one_line(struct arena *a, struct str text)
{
	struct buf b;
	bool blank = false;

	buf_init(&b);
	text = str_trim(text);
	for (size_t i = 0; i < text.n; i++) {
		bool was = blank;

		blank = (unsigned char)text.p[i] <= ' ';
		if (!blank)
			buf_addc(&b, text.p[i]);
		else if (!was)
			buf_addc(&b, ' ');
	}
	struct str line = arena_str(a, buf_str(&b));
	buf_done(&b);
	return line;
}

/* The text as the one parameter of a template. */
static void
add_parameter(struct buf *b, const struct gateway_call *call)
{
	add_text(b,
		",\"components\":[{\"type\":\"body\",\"parameters\":"
		"[{\"type\":\"text\",\"text\":",
		one_line(call->arena, call->text));
	buf_addz(b, "}]}]");
}

static void
add_template(struct buf *b, const struct gateway_call *call)
{
	struct str language = call->from.template_language;

	add_text(b,
		",\"type\":\"template\",\"template\":{\"name\":", call->from.template);
	add_text(b, ",\"language\":{\"code\":", language.n ? language : STR("en"));
	buf_addc(b, '}');
	add_parameter(b, call);
	buf_addc(b, '}');
}

static void
add_plain(struct buf *b, const struct gateway_call *call)
{
	add_text(b, ",\"type\":\"text\",\"text\":{\"preview_url\":false,\"body\":",
		call->text);
	buf_addc(b, '}');
}

/* As it was given; who wrote it down has checked that there is a type and its object
 * (store_outbox.c). */
static void
add_given(struct buf *b, const struct gateway_call *call, const struct val *v)
{
	struct str type = val_text(val_get(v, "type"));
	const struct val *object = val_get(v, arena_z(call->arena, type));
	struct buf json;

	buf_init(&json);
	val_json(&json, object);
	struct str s = buf_str(&json);

	add_text(b, ",\"type\":", type);
	add_text(b, ",", type);
	buf_addc(b, ':');
	if (str_eqz(type, "template") && !val_get(object, "components")) {
		buf_adds(b, (struct str){s.p, s.n - 1});
		add_parameter(b, call);
		buf_addc(b, '}');
	} else {
		buf_adds(b, s);
	}
	buf_done(&json);
}

static void
add_content(struct buf *b, const struct gateway_call *call)
{
	struct val *v = NULL;
	char why[128];

	if (call->as_template)
		add_template(b, call);
	else if (call->content.n > 0 &&
		 json_parse(call->arena, call->content, CONTENT_NODES, &v, why) == 0)
		add_given(b, call, v);
	else
		add_plain(b, call);
}

static int
refuse(struct gateway_call *call, int err, const char *why)
{
	call->err = err;
	snprintf(call->words, sizeof(call->words), "%s", why);
	return err;
}

static bool
is_too_long(const struct gateway_call *call)
{
	size_t max = call->as_template || call->content.n ? PARAMETER_MAX : TEXT_MAX;

	return utf8_first(call->text, max).n < call->text.n;
}

static int
write_message(struct gateway_call *call, struct str *ret)
{
	struct buf b;

	if (is_too_long(call))
		return refuse(call, ERR_REFUSED,
			"the text is longer than the Cloud API takes");

	buf_init(&b);
	buf_addz(&b, "{\"messaging_product\":\"whatsapp\",");
	bool known = add_recipient(&b, call->to);
	add_text(&b, ",\"biz_opaque_callback_data\":", call->key);
	add_content(&b, call);
	buf_addc(&b, '}');
	*ret = arena_str(call->arena, buf_str(&b));
	buf_done(&b);
	return known ? 0
		     : refuse(call, ERR_REFUSED,
			       "the Cloud API needs a phone, and this chat's is not "
			       "known");
}

static void
post(const struct gateway *g, struct gateway_call *call, struct str body,
	int64_t timeout_ms)
{
	call->http = (struct http_call){
		.method = "POST",
		.url = url_of(g, call),
		.headers = headers(g, call),
		.body = body,
		.timeout_ms = timeout_ms,
		.once = true,
	};
}

static void
ask_send(const struct gateway *g, struct gateway_call *call)
{
	struct str body;

	call->doubt_ms = g->settings->meta_wa_status_wait_s * 1000;
	call->err = check(g->settings, &call->from, call->words);
	if (call->err == 0 && write_message(call, &body) == 0)
		post(g, call, body, SEND_MS);
}

/* Nobody can be asked. */
static void
ask_probe(const struct gateway *g, struct gateway_call *call)
{
	call->doubt_ms = g->settings->meta_wa_status_wait_s * 1000;
}

static void
ask_typing(const struct gateway *g, struct gateway_call *call, bool on)
{
	struct buf b;

	if (!on || !call->answers.n || check(g->settings, &call->from, call->words) < 0)
		return;
	buf_init(&b);
	add_text(&b,
		"{\"messaging_product\":\"whatsapp\",\"status\":\"read\",\"message_"
		"id\":",
		call->answers);
	buf_addz(&b, ",\"typing_indicator\":{\"type\":\"text\"}}");
	post(g, call, arena_str(call->arena, buf_str(&b)), TYPING_MS);
	buf_done(&b);
	call->http.answer_max = TYPING_ANSWER_MAX;
}

/* --- answers ---------------------------------------------------------------- */

static const struct val *
error_in(const struct val *v)
{
	const struct val *error = val_get(v, "error");

	return val_get(error, "code") ? error : NULL;
}

/* "HTTP 401 code 190 trace AbC: token expired ...": Meta's support asks for the trace.
 */
static void
say(struct gateway_call *call, const struct val *error, const char *why)
{
	struct str none = {NULL, 0},
		   trace = api_code(val_text(val_get(error, "fbtrace_id")));
	size_t n;

	api_words(call->words, &call->http, none);
	n = strlen(call->words);
	if (error)
		n += (size_t)snprintf(call->words + n, sizeof(call->words) - n,
			" code %lld", (long long)val_int(val_get(error, "code"), 0));
	if (trace.n > 0 && n + trace.n < GATEWAY_WORDS / 3)
		n += (size_t)snprintf(call->words + n, sizeof(call->words) - n,
			" trace %.*s", STR_FMT(trace));
	if (why)
		snprintf(call->words + n, sizeof(call->words) - n, ": %s", why);
}

/* 100 with subcode 33: no such number, or none that the token may use. */
static const struct cloud_error *
row_of(const struct val *error)
{
	int64_t code = val_int(val_get(error, "code"), -1);
	int64_t subcode = val_int(val_get(error, "error_subcode"), 0);

	return cloud_error_of(code == 100 && subcode == 33 ? subcode : code);
}

/* An error that Meta names. */
static enum breaker_outcome
named(struct gateway_call *call, const struct val *error)
{
	const struct cloud_error *row = row_of(error);

	call->err = row ? row->err : api_err_of(call->http.status);
	say(call, error, row ? row->words : NULL);
	if (!row)
		return api_outcome(&call->http, call->err);
	if (call->http.retry_after_ms < 0 && row->after_s > 0)
		call->http.retry_after_ms = row->after_s * 1000;
	return row->outcome;
}

/* An answer that is not Meta's: perhaps a proxy lost it.  503 says that nobody took the
 * request. */
static bool
is_lost(const struct http_call *http)
{
	if (http->err < 0)
		return http->sent;
	return http->status / 100 == 2 || (http->status >= 500 && http->status != 503);
}

static enum breaker_outcome
sent(struct gateway_call *call, const struct val *v)
{
	const struct http_call *http = &call->http;
	struct str id = val_text(val_get(val_at(val_get(v, "messages"), 0), "id"));
	const struct val *error = error_in(v);

	if (http->err == 0 && http->status / 100 == 2 && id.n > 0) {
		call->message_id = arena_str(call->arena, id);
		return BREAKER_OK;
	}
	if (http->err == 0 && error && http->status / 100 != 2)
		return named(call, error);
	if (http->err == 0)
		call->err = http->status == 503 ? ERR_UNAVAILABLE
						: api_err_of(http->status);
	if (is_lost(http))
		call->err = ERR_AMBIGUOUS;
	say(call, NULL, http->err == 0 ? "not an answer of the Cloud API" : NULL);
	return api_outcome(http, call->err);
}

static void
probed(struct gateway_call *call, const struct val *v)
{
	(void)call, (void)v;
}

static void
typed(struct gateway_call *call)
{
	call->reached = false; /* it ends by itself */
	if (call->err == 0 && call->http.status && call->http.status / 100 != 2)
		call->err = api_err_of(call->http.status);
	if (call->err < 0)
		say(call, NULL, NULL);
}

const struct gateway_way gateway_cloud = {
	.name = "meta",
	.window_us = DAY_US,
	.text_max = TEXT_MAX,
	.takes_content = true,
	.check = check,
	.base = base,
	.send = ask_send,
	.sent = sent,
	.probe = ask_probe,
	.probed = probed,
	.typing = ask_typing,
	.typed = typed,
};
