/* SPDX-License-Identifier: MIT */
/* ask.c: asks one thing at a time and waits. */
#include "doctor/ask.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/val.h"

enum {
	DEADLINE_MS = 5000, /* of a command: a healthy Redis needs a thousandth */
	CONNECT_MS = 5000,
	LOOK_MS = 5,
	NODES_MAX = 100000, /* a page of JSON that has more is not read */
	CLOSE_TURNS = 3,    /* of the loop, for the connection to close in */
	INTERRUPTED = 2,    /* exit status: it could not be looked at */
};

/* A person who interrupts is not told half of the truth. */
static void
on_interrupt(void *arg)
{
	(void)arg;
	exit(INTERRUPTED);
}

/* --- Redis ---------------------------------------------------------------- */

/* It is ready, or the first try failed, or nobody answers at all. */
static void
on_look(uv_timer_t *t)
{
	struct ask *a = t->data;

	if (redis_ready(a->redis) || clock_mono_ms() > a->give_up_ms ||
		strcmp(redis_trouble(a->redis), "redis: not connected yet") != 0)
		loop_quit(&a->loop);
}

void
ask_open(struct ask *a, struct arena *arena, const char *redis_url)
{
	struct redis_options o = {
		.url = redis_url, .name = "prosaas-doctor", .deadline_ms = DEADLINE_MS};

	a->arena = arena;
	loop_init(&a->loop);
	loop_on_stop(&a->loop, on_interrupt, NULL);
	a->http = http_client_new(&a->loop);
	uv_timer_init(&a->loop.uv, &a->tick);
	a->tick.data = a;
	if (!redis_url)
		return;
	a->redis = redis_new(&a->loop, &o);
	a->give_up_ms = clock_mono_ms() + CONNECT_MS;
	uv_timer_start(&a->tick, on_look, LOOK_MS, LOOK_MS);
	loop_run(&a->loop);
	uv_timer_stop(&a->tick);
}

void
ask_close(struct ask *a)
{
	if (a->redis)
		redis_close(a->redis);
	for (int i = 0; i < CLOSE_TURNS; i++)
		uv_run(&a->loop.uv, UV_RUN_NOWAIT);
}

/* A reply is freed when done returns, so what it says is kept as a value. */
static struct val *
value_of(struct arena *a, const struct redisReply *reply)
{
	struct val *v = ARENA_NEW(a, struct val);
	struct str text = redis_text(reply);

	if (reply->type == REDIS_REPLY_ARRAY) {
		v->kind = VAL_LIST;
		v->count = reply->elements;
		v->items = arena_alloc(a, (reply->elements + 1) * sizeof(struct val *));
		for (size_t i = 0; i < reply->elements; i++)
			v->items[i] = value_of(a, reply->element[i]);
	} else if (reply->type == REDIS_REPLY_INTEGER) {
		v->kind = VAL_INT;
		v->integer = reply->integer;
	} else if (text.p) {
		v->kind = VAL_TEXT;
		v->text = arena_str(a, text);
	}
	return v;
}

void
ask_done(struct redis_cmd *cmd)
{
	struct ask *a = container_of(cmd, struct ask, cmd);

	if (cmd->err == 0)
		a->answer = value_of(a->arena, cmd->reply);
	else if (cmd->reply)
		snprintf(a->words, sizeof(a->words), "%s", cmd->reply->str);
	else
		snprintf(a->words, sizeof(a->words), "Redis gave no answer: %s",
			err_text(cmd->err));
	loop_quit(&a->loop);
}

const struct val *
ask_wait(struct ask *a)
{
	a->answer = NULL;
	loop_run(&a->loop);
	return a->answer;
}

const struct val *
ask_command(struct ask *a, const char *const *words, size_t count)
{
	redis_call(a->redis, &a->cmd, words[0], (int)count - 1, ask_done);
	for (size_t i = 1; i < count; i++)
		redis_argz(a->redis, words[i]);
	return ask_wait(a);
}

/* --- HTTP ----------------------------------------------------------------- */

/* Between two questions the loop stood still, its clock as well: deadlines would be
 * over before they begin. */
static void
wake(struct ask *a)
{
	uv_update_time(&a->loop.uv);
}

static int
on_page(struct flow *f)
{
	loop_quit(&container_of(f, struct ask, flow)->loop);
	return FLOW_WAIT;
}

bool
ask_http(struct ask *a, struct ask_page *page)
{
	wake(a);
	int64_t began_us = clock_mono_us();

	a->call = (struct http_call){.method = page->method,
		.url = page->url,
		.headers = page->headers,
		.body = page->body,
		.timeout_ms = page->timeout_ms,
		.answer_max = 4 << 20};
	flow_init(&a->flow, on_page, "page", NULL);
	http_call_start(a->http, &a->call, &a->flow);
	loop_run(&a->loop);
	page->took_us = clock_mono_us() - began_us;
	page->status = a->call.err < 0 ? 0 : a->call.status;
	page->text = arena_str(a->arena, buf_str(&a->call.answer));
	snprintf(a->words, sizeof(a->words), "%s",
		a->call.words[0] ? a->call.words : err_text(a->call.err));
	http_call_done(&a->call);
	return page->status != 0;
}

const struct val *
ask_json(struct ask *a, struct str text)
{
	struct val *v;
	char why[128];

	return json_parse(a->arena, text, NODES_MAX, &v, why) < 0 ? NULL : v;
}

/* --- time ----------------------------------------------------------------- */

static void
on_slept(uv_timer_t *t)
{
	loop_quit(&((struct ask *)t->data)->loop);
}

void
ask_sleep(struct ask *a, int64_t ms)
{
	wake(a);
	uv_timer_start(&a->tick, on_slept, (uint64_t)ms, 0);
	loop_run(&a->loop);
}
