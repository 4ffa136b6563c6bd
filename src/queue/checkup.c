/* SPDX-License-Identifier: MIT */
/* checkup.c: what a doctor asks Redis about jobs. */
#include "queue/checkup.h"

void
checkup_look(
	struct redis *r, struct redis_cmd *cmd, const char *queues, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_CHECKUP, 0, 2 + redis_count_names(queues), done);
	redis_argi(r, CHECKUP_LATE_S);
	redis_argi(r, CHECKUP_MOST);
	redis_arg_names(r, queues);
}

void
checkup_locks(struct redis *r, struct redis_cmd *cmd, struct str cursor, int64_t ttl_s,
	redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_ENDLESS, 0, 3, done);
	redis_arg(r, cursor);
	redis_argi(r, CHECKUP_SCAN);
	redis_argi(r, ttl_s);
}

void
checkup_prune(
	struct redis *r, struct redis_cmd *cmd, const char *queues, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_PRUNE, 0, redis_count_names(queues), done);
	redis_arg_names(r, queues);
}

void
checkup_ended(struct redis *r, struct redis_cmd *cmd, const char *queues,
	int64_t from_s, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_ENDED, 0, 1 + redis_count_names(queues), done);
	redis_argi(r, from_s);
	redis_arg_names(r, queues);
}
