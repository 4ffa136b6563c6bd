/* SPDX-License-Identifier: MIT */
/* absorb.c: what waits behind a running job in its lane can be done along with it. */
#include "queue/absorb.h"

#include <hiredis/hiredis.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/flow.h"

enum { PEEK_ARGS = 5, DONE_ARGS = 5 };

static void
end(struct absorb *a, int err)
{
	a->err = err;
	flow_wake(a->flow);
}

static void
copy_jobs(struct absorb *a, const struct redisReply *rows)
{
	a->jobs = arena_alloc(a->arena, rows->elements * sizeof(*a->jobs));
	for (size_t i = 0; i < rows->elements; i++) {
		const struct redisReply *row = redis_at(rows, i);

		struct absorb_job *j = &a->jobs[i];
		struct str *const fields[] = {
			&j->id, &j->data, &j->trace, &j->enqueued_at, &j->attempt};

		for (size_t k = 0; k < ARRAY_LEN(fields); k++)
			*fields[k] = arena_str(a->arena, redis_text(redis_at(row, k)));
	}
	a->count = rows->elements;
}

static void
on_peeked(struct redis_cmd *cmd)
{
	struct absorb *a = container_of(cmd, struct absorb, cmd);

	a->count = 0;
	if (cmd->err == 0 && cmd->reply->type != REDIS_REPLY_ARRAY)
		cmd->err = ERR_FENCED;
	if (cmd->err == 0 && cmd->reply->elements > 0)
		copy_jobs(a, cmd->reply);
	end(a, cmd->err);
}

void
absorb_peek(struct absorb *a, struct flow *f)
{
	a->flow = f;
	redis_eval(a->redis, &a->cmd, SCRIPT_PEEK, 0, PEEK_ARGS, on_peeked);
	redis_argz(a->redis, a->worker);
	redis_arg(a->redis, a->id);
	redis_argi(a->redis, a->attempt);
	redis_arg(a->redis, a->lane);
	redis_argi(a->redis, ABSORB_MAX);
}

static void
on_absorbed(struct redis_cmd *cmd)
{
	struct absorb *a = container_of(cmd, struct absorb, cmd);

	if (cmd->err == 0 && redis_int(cmd->reply, -1) < 0)
		cmd->err = ERR_FENCED;
	end(a, cmd->err);
}

void
absorb_done(struct absorb *a, struct flow *f)
{
	a->flow = f;
	redis_eval(a->redis, &a->cmd, SCRIPT_ABSORB, 0, DONE_ARGS + (int)a->count,
		on_absorbed);
	redis_argz(a->redis, a->worker);
	redis_arg_date(a->redis, clock_wall_us());
	redis_arg(a->redis, a->id);
	redis_argi(a->redis, a->attempt);
	redis_arg(a->redis, a->lane);
	for (size_t i = 0; i < a->count; i++)
		redis_arg(a->redis, a->jobs[i].id);
}
