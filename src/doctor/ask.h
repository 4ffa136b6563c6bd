/* SPDX-License-Identifier: MIT */
/* ask.h: asks one thing at a time and waits: what a doctor does.
 *
 *   ask_open ---> { ask_redis, ask_http, or begin a command on a->cmd ---> ask_wait }
 *            ---> ask_close
 *
 * Answers of Redis and JSON alike are values (codec/val.h) in the arena.  What could
 * not be asked leaves words for the operator in a->words; the others go on. */
#ifndef DOCTOR_ASK_H
#define DOCTOR_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/flow.h"
#include "base/str.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "queue/redis.h"

struct arena;
struct val;

struct ask {
	struct loop loop;
	struct redis *redis; /* NULL: none was named */
	struct redis_cmd cmd;
	char words[256]; /* why the last question has no answer */
	/* private */
	struct arena *arena;
	struct http_client *http;
	struct http_call call;
	struct flow flow;
	uv_timer_t tick;
	int64_t give_up_ms;
	const struct val *answer;
};

/* ask_open connects to Redis, when redis_url is not NULL: redis_ready(a->redis) says
 * whether it could.  The arena and the URL are borrowed for its life; *a must stay
 * where it is. */
void ask_open(struct ask *a, struct arena *arena, const char *redis_url);
void ask_close(struct ask *a);

/* ask_redis(a, "GET", key) sends a command of texts.  NULL: no answer, or Redis's
 * error. */
#define ASK_WORDS_(...) ((const char *const[]){__VA_ARGS__})
#define ask_redis(a, ...) \
	ask_command((a), ASK_WORDS_(__VA_ARGS__), ARRAY_LEN(ASK_WORDS_(__VA_ARGS__)))
const struct val *ask_command(struct ask *a, const char *const *words, size_t count);

/* ask_wait is for commands begun elsewhere on a->cmd, with ask_done. */
redis_done ask_done;
const struct val *ask_wait(struct ask *a);

struct ask_page {
	const char *method, *url;
	const char *const *headers; /* last is NULL; may be NULL */
	struct str body;
	int64_t timeout_ms;
	/* set by ask_http: */
	int status;
	int64_t took_us;
	struct str text;
};

/* ask_http: false when there is no status. */
bool ask_http(struct ask *a, struct ask_page *page);

/* ask_json reads a text as JSON; NULL when it is none. */
const struct val *ask_json(struct ask *a, struct str text);

/* ask_sleep lets ms pass. */
void ask_sleep(struct ask *a, int64_t ms);

#endif
