/* SPDX-License-Identifier: MIT */
/* tools.h: what a model may have done while it answers: the tenant's tools, each a
 * webhook.
 *
 *   tools_open ---> [ tools_begin ---> [tools_next ---> wake ---> tools_take] ... ] ...
 *                     the model asks for some             each call
 *
 * A tool is {"name","description","parameters","url","timeout_ms"} in the tenant's
 * property `tools`; the model sees all but the last two.  Its url must be on a host of
 * TOOLS_ALLOWED_HOSTS.  Whatever goes wrong with a call is told to the model, as its
 * result, and never fails the job.
 *
 *   POST url   {"tool","arguments":{..},"tenant","conversation_id","message_id",
 *               "idempotency_key"}
 *   X-Prosaas-Signature: sha256=<hex of HMAC-SHA-256(tools_secret, body)>
 *
 * A crash or a merge repeats a call: with the same key, while the model asks for the
 * same. */
#ifndef JOB_TOOLS_H
#define JOB_TOOLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "client/ai.h"
#include "job/trace.h"
#include "net/http_client.h"

struct flow;
struct job;
struct store_load;
struct val;

enum {
	TOOLS_ROUNDS_MAX = 4, /* of one answer */
	TOOLS_CALLS_MAX = 8,  /* in all of them */
	TOOLS_TURNS_MAX = TOOLS_ROUNDS_MAX * (1 + AI_CALLS_MAX),
	TOOLS_RESULT_MAX = 16 << 10,
	TOOLS_RESULT_TOKENS_MIN = 100, /* however many there were before */
	TOOLS_TIMEOUT_MS = 10000,      /* where the tool names none */
	TOOLS_TIMEOUT_MAX_MS = 30000,
	TOOLS_MS = 60000, /* all calls of an answer: the job has to end in its time */
};

struct tools {
	struct job *job;
	const struct store_load *load;

	struct str offered;    /* the list for the model; absent: there are no tools */
	struct ai_turn *turns; /* what the rounds add to the conversation */
	size_t turn_count;
	int rounds;
	int64_t tokens; /* what the results cost, of half of the budget at most */

	/* private */
	const struct val *list;
	const struct ai_tool_call *calls;
	size_t call_count, at;
	int called;
	int64_t tokens_max, deadline_ms;
	struct http_call http;
	struct trace_span span; /* of that call */
};

/* tools_open reads the tenant's tools; with TOOLS_ALLOWED_HOSTS unset there are none.
 * budget: tokens that the whole question may cost. */
void tools_open(struct tools *t, struct job *job, const struct store_load *load,
	int64_t budget);

/* tools_begin adds an answer that asks for calls to the turns. */
void tools_begin(struct tools *t, const struct ai_call *asked);

/* tools_next starts the next of them: true, and f is woken once, for tools_take(),
 * which adds the result.  Those that can't be made get their result here; false: no
 * more. */
bool tools_next(struct tools *t, struct flow *f);
void tools_take(struct tools *t);

/* tools_may_reach says whether a url is on one of the hosts; *ret_private: the host is
 * an address or a name without dot, which may lead to a private address. */
bool tools_may_reach(struct str hosts, struct str url, bool *ret_private);

#endif
