/* SPDX-License-Identifier: MIT */
/* ai.h: one answer from an OpenAI-compatible server (chat completions).
 *
 * POST {base}/chat/completions; the shape and the error classes follow OpenAI's
 * OpenAPI description.  Embed a struct ai_call, fill the upper part, start, wait.
 *
 *   401, 403                                       ERR_DENIED
 *   429 of type insufficient_quota                 ERR_QUOTA
 *   429 otherwise, 503 with slow_down              ERR_THROTTLED
 *   5xx, 408, 409, an empty or unreadable answer   ERR_REMOTE
 *   404 and other 4xx, 3xx, an answer withheld     ERR_REFUSED
 *   an answer above 1 MiB                          ERR_LIMIT
 *   no answer                                      as http_client.h says
 *   it rests after failures (breaker.h)            ERR_OPEN, and retry_after_ms
 *
 * hint says of some what could help at once. */
#ifndef CLIENT_AI_H
#define CLIENT_AI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "client/breaker.h"
#include "net/http_client.h"

struct arena;
struct flow;
struct quirk;
struct settings;
struct ai_client;

enum ai_role { AI_SYSTEM, AI_USER, AI_ASSISTANT, AI_TOOL };

enum { AI_CALLS_MAX = 8 }; /* of one answer; more are not read */

struct ai_tool_call { /* what an answer asks to have done */
	struct str id, name;
	struct str arguments; /* a JSON object, or what the model takes for one */
};

struct ai_turn {
	enum ai_role role;
	struct str text;
	const struct ai_tool_call *calls; /* ASSISTANT: it asked for these */
	size_t call_count;
	struct str call_id; /* TOOL: which call the text is the result of */
};

enum ai_hint { /* what could help against this error */
	AI_NO_HINT,
	AI_ASK_AGAIN,   /* the server wants other parameters, which the next call has */
	AI_ASK_SHORTER, /* all of it is too long for the model */
	AI_ASK_LONGER,  /* it thought until max_tokens were used up, and said nothing */
	AI_ASK_OTHER,   /* there is no such model */
};

struct ai_call {
	struct arena *arena; /* the job's */
	struct str tenant;   /* whose call it is */
	/* The tenant's own server, and its key; absent or empty: the settings'.  The
	 * settings' key is not sent to a tenant's own server. */
	struct str base_url, key;
	struct str model;            /* absent or empty: the setting's */
	const struct ai_turn *turns; /* in the order in which they are sent */
	size_t turn_count;
	struct str tools;        /* JSON list of what it may call; absent: nothing */
	bool no_more_calls;      /* it is to answer with what it knows */
	int64_t max_tokens;      /* 0: the setting's */
	double temperature;      /* below 0: the setting's */
	const char *traceparent; /* a header line; NULL: none */

	/* set when it is over: */
	int err;
	char words[192];
	enum ai_hint hint;
	struct str answer; /* in the arena; trimmed, never empty when err is 0 and
			      there are no calls */
	struct ai_tool_call *calls;
	size_t call_count;
	bool answered; /* with 2xx, readable or not: it will be on the bill */
	int64_t tokens_in, tokens_out; /* 0 when the server does not say */
	int64_t retry_after_ms;        /* stay away for so long; -1: nobody says */

	/* private */
	struct ai_client *client;
	struct quirk *quirk;
	int64_t started_us;
	struct breaker_pass pass;
	struct http_call http;
};

/* ai_client_new takes base URL, key, model and limits from the settings, which it
 * borrows for its life, as the breaker. */
struct ai_client *
ai_client_new(struct http_client *http, const struct settings *s, struct breaker *b);

/* ai_start begins; f is woken once.  Then call ai_finish() first: it reads the
 * answer and frees what the call holds. */
void ai_start(struct ai_client *c, struct ai_call *call, struct flow *f);
int ai_finish(struct ai_call *call) MUSTCHECK;

#endif
