/* SPDX-License-Identifier: MIT */
/* forget.c: what Redis holds of one person: the arguments of the scripts. */
#include "queue/forget.h"

#include <hiredis/hiredis.h>

void
forget_hold(struct redis *r, struct redis_cmd *cmd, struct str me,
	const struct str *lanes, size_t count, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_HOLD, 0, 2 + (int)count, done);
	redis_arg(r, me);
	redis_argi(r, FORGET_HOLD_S);
	redis_arg_list(r, lanes, count);
}

void
forget_release(struct redis *r, struct redis_cmd *cmd, struct str me,
	const struct str *lanes, size_t count, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_RELEASE, 0, 1 + (int)count, done);
	redis_arg(r, me);
	redis_arg_list(r, lanes, count);
}

void
forget_scan(struct redis *r, struct redis_cmd *cmd, struct str cursor,
	const char *pattern, redis_done *done)
{
	redis_call(r, cmd, "SCAN", 5, done);
	redis_arg(r, cursor);
	redis_argz(r, "MATCH");
	redis_argz(r, pattern);
	redis_argz(r, "COUNT");
	redis_argi(r, FORGET_BATCH);
}

void
forget_look(struct redis *r, struct redis_cmd *cmd, struct str me, struct str tenant,
	const struct str *keys, size_t count, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_LOOK, 0, 3 + (int)count, done);
	redis_arg(r, me);
	redis_argi(r, FORGET_HOLD_S);
	redis_arg(r, tenant);
	redis_arg_list(r, keys, count);
}

bool
forget_job(const struct redisReply *reply, size_t i, struct forget_job *ret)
{
	const struct redisReply *row = redis_at(reply, i);
	struct str *const fields[] = {&ret->id, &ret->status, &ret->tenant, &ret->lane,
		&ret->data, &ret->raw};

	for (size_t k = 0; row && k < ARRAY_LEN(fields); k++)
		*fields[k] = redis_text(redis_at(row, k));
	return row != NULL;
}

void
forget_jobs(struct redis *r, struct redis_cmd *cmd, const struct str *ids, size_t count,
	redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_FORGET, 0, (int)count, done);
	redis_arg_list(r, ids, count);
}

void
forget_locks(struct redis *r, struct redis_cmd *cmd, const struct str *keys,
	size_t count, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_LOCKS, 0, (int)count, done);
	redis_arg_list(r, keys, count);
}

void
forget_unlock(struct redis *r, struct redis_cmd *cmd, const struct str *pairs,
	size_t count, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_UNLOCK, 0, (int)count, done);
	redis_arg_list(r, pairs, count);
}
