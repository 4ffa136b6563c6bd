/* SPDX-License-Identifier: MIT */
/* cli_redis.c: Redis for a command: asks one thing at a time and waits. */
#include "cli_redis.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "cli_progress.h"
#include "cli_words.h"

enum {
	DEADLINE_MS = 10000,
	LOOK_MS = 5,
	CLOSE_TURNS = 3, /* of the loop, for the connection to close in */
};

int
cli_redis_url(const struct settings *s, char ret[HOME_URL_SIZE])
{
	if (s->redis_url)
		snprintf(ret, HOME_URL_SIZE, "%s", s->redis_url);
	else if (!home_redis(s, ret)) {
		fprintf(stderr,
			"prosaas: REDIS_URL is not set, and no `prosaas all` runs on "
			"DATA_DIR=%s\n",
			s->data_dir);
		return -1;
	}
	return 0;
}

/* Which Redis; false after words. */
static bool
find_url(struct cli_redis *c, const struct settings *s)
{
	char err[256];

	if (cli_redis_url(s, c->url) < 0)
		return false;
	if (redis_url_check(c->url, err) == 0)
		return true;
	fprintf(stderr, "prosaas: %s\n", err);
	return false;
}

/* It is ready, or the first try failed: a person tries again himself. */
static void
on_look(uv_timer_t *t)
{
	struct cli_redis *c = t->data;

	if (redis_ready(c->redis) ||
		strcmp(redis_trouble(c->redis), "redis: not connected yet") != 0)
		loop_quit(&c->loop);
}

int
cli_redis_open(struct cli_redis *c, const struct settings *s)
{
	struct redis_options o = {
		.url = c->url, .name = "prosaas-cli", .deadline_ms = DEADLINE_MS};

	if (!find_url(c, s))
		return -1;
	log_init("cli", "error", false); /* what goes wrong is said below */
	loop_init(&c->loop);
	c->redis = redis_new(&c->loop, &o);
	uv_timer_init(&c->loop.uv, &c->tick);
	c->tick.data = c;
	uv_timer_start(&c->tick, on_look, LOOK_MS, LOOK_MS);
	loop_run(&c->loop);
	uv_timer_stop(&c->tick);
	if (redis_ready(c->redis))
		return 0;
	fprintf(stderr, "prosaas: %s (REDIS_URL)\n", redis_trouble(c->redis));
	cli_redis_close(c);
	return -1;
}

void
cli_redis_close(struct cli_redis *c)
{
	redis_close(c->redis);
	for (int i = 0; i < CLOSE_TURNS; i++)
		uv_run(&c->loop.uv, UV_RUN_NOWAIT);
	loop_leave_signals(&c->loop); /* or nobody would hear them from now on */
}

int
cli_redis_run(struct cli_redis *c, const struct settings *s, int (*run)(void *into),
	void *into)
{
	if (cli_redis_open(c, s) < 0)
		return CLI_FAILED;
	int status = run(into);
	cli_redis_close(c);
	return status;
}

void
cli_redis_done(struct redis_cmd *cmd)
{
	struct cli_redis *c = container_of(cmd, struct cli_redis, cmd);

	c->err = cmd->err;
	if (cmd->err < 0)
		cli_progress_end();
	if (cmd->err < 0 && cmd->reply)
		fprintf(stderr, "prosaas: Redis: %s\n", cmd->reply->str);
	else if (cmd->err < 0)
		fprintf(stderr, "prosaas: Redis gave no answer: %s\n",
			err_text(cmd->err));
	else if (c->take)
		c->take(c->arg, cmd->reply);
	loop_quit(&c->loop);
}

static void
say_interrupted(void)
{
	cli_progress_end();
	fputs("prosaas: interrupted\n", stderr);
}

/* What was begun is answered first: what is told is what was done. */
static void
on_stop(void *arg)
{
	struct cli_redis *c = arg;

	c->interrupted = true;
}

int
cli_redis_wait(struct cli_redis *c,
	void (*take)(void *arg, const struct redisReply *reply), void *arg)
{
	bool begun_after = c->interrupted;

	c->take = take;
	c->arg = arg;
	c->err = -EINPROGRESS;
	loop_on_stop(&c->loop, on_stop, c);
	loop_run(&c->loop);
	loop_on_stop(&c->loop, NULL, NULL);
	if (c->err == -EINPROGRESS) { /* a second signal: whatever Redis does */
		say_interrupted();
		exit(CLI_FAILED);
	}
	if (begun_after && c->err == 0)
		say_interrupted();
	return c->err < 0 || begun_after ? -1 : 0;
}

int
cli_redis_show(struct cli_redis *c,
	void (*take)(void *arg, const struct redisReply *reply), void *arg)
{
	return cli_redis_wait(c, take, arg) < 0 ? CLI_FAILED : CLI_DONE;
}
