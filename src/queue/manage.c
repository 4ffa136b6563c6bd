/* SPDX-License-Identifier: MIT */
/* manage.c: what a person does to jobs and queues: the arguments of its scripts. */
#include "queue/manage.h"

#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "queue/live.h"

enum {
	ID_MAX = 200,
	RESTORE_MS = 10 * 60 * 1000, /* a million ids take some seconds */
};

bool
manage_is_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!isalnum((unsigned char)id.p[i]) && !strchr("_-", id.p[i]))
			return false;
	return id.n > 0 && id.n <= ID_MAX;
}

/* An absent text is an empty argument. */
static void
arg_text(struct redis *r, struct str s)
{
	redis_arg(r, s.p ? s : STR(""));
}

void
manage_find(struct redis *r, struct redis_cmd *cmd, const struct manage_find *f,
	int64_t offset, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_JOBS, 0, 7, done);
	redis_arg(r, f->queue);
	redis_argz(r, f->status);
	redis_argi(r, offset);
	redis_argi(r, MANAGE_PAGE);
	redis_argi(r, f->newest_first);
	arg_text(r, f->tenant);
	arg_text(r, f->reason);
}

int64_t
manage_page(const struct redisReply *reply)
{
	return redis_int(redis_at(reply, 0), -1);
}

bool
manage_row(const struct redisReply *reply, size_t i, struct arena *a,
	struct manage_row *ret)
{
	const struct redisReply *row = redis_at(reply, i + 1);
	struct str *const fields[] = {&ret->id, &ret->queue, &ret->status, &ret->tenant,
		&ret->reason, &ret->attempts, &ret->created_at, &ret->ended_at,
		&ret->description};

	if (!row)
		return false;
	for (size_t k = 0; k < ARRAY_LEN(fields); k++)
		*fields[k] = arena_str(a, redis_text(redis_at(row, k)));
	return true;
}

void
manage_show(struct redis *r, struct redis_cmd *cmd, struct str id, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_SHOW, 0, 1, done);
	redis_arg(r, id);
}

void
manage_queues(
	struct redis *r, struct redis_cmd *cmd, const char *names, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_QUEUES, 0, redis_count_names(names), done);
	redis_arg_names(r, names);
}

void
manage_retry(struct redis *r, struct redis_cmd *cmd, const struct str *ids,
	size_t count, int64_t retries, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_RETRY, 0, 2 + (int)count, done);
	redis_arg_date(r, clock_wall_us());
	redis_argi(r, retries);
	redis_arg_list(r, ids, count);
}

void
manage_cancel(struct redis *r, struct redis_cmd *cmd, const struct str *ids,
	size_t count, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_CANCEL, 0, (int)count, done);
	redis_arg_list(r, ids, count);
}

void
manage_discard(struct redis *r, struct redis_cmd *cmd, const struct str *ids,
	size_t count, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_DISCARD, 0, (int)count, done);
	redis_arg_list(r, ids, count);
}

/* The fields that RQ writes empty, and then those that say something. */
void
manage_submit(struct redis *r, struct redis_cmd *cmd, const struct manage_job *j,
	redis_done *done)
{
	static const char *const empty[] = {"success_callback_name",
		"failure_callback_name", "started_at", "ended_at", "last_heartbeat",
		"worker_name"};
	bool tenant = j->tenant.n > 0, lane = j->lane.n > 0, retries = j->retries >= 0;

	redis_eval(r, cmd, SCRIPT_SUBMIT, 0,
		5 + 2 * (int)ARRAY_LEN(empty) + 6 + 2 * (tenant + lane + retries),
		done);
	redis_arg(r, j->id);
	redis_arg(r, j->queue);
	redis_arg_date(r, clock_wall_us());
	if (j->due_s > 0)
		redis_argi(r, j->due_s);
	else
		redis_argz(r, "");
	arg_text(r, j->parent);
	for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
		redis_argz(r, empty[i]);
		redis_argz(r, "");
	}
	redis_argz(r, "description");
	redis_arg(r, j->description);
	redis_argz(r, "data");
	redis_arg(r, j->data);
	redis_argz(r, "timeout");
	redis_argi(r, j->timeout_s);
	if (tenant) {
		redis_argz(r, "prosaas_tenant");
		redis_arg(r, j->tenant);
	}
	if (lane) {
		redis_argz(r, "prosaas_lane");
		redis_arg(r, j->lane);
	}
	if (retries) {
		redis_argz(r, "retries_left");
		redis_argi(r, j->retries);
	}
}

void
manage_restore(struct redis *r, struct redis_cmd *cmd, struct str queue, bool act,
	bool force, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_RESTORE, 0, 3, done);
	redis_deadline(cmd, RESTORE_MS);
	redis_arg(r, queue);
	redis_argi(r, act);
	if (force) /* no heartbeat is later */
		redis_argz(r, "9999");
	else
		redis_arg_date(r, clock_wall_us() - LIVE_OLD_S * INT64_C(1000000));
}
