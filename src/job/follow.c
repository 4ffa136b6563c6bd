/* SPDX-License-Identifier: MIT */
/* follow.c: a job queues another. */
#include "job/follow.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/settings.h"
#include "codec/rqjob.h"
#include "codec/val.h"
#include "job/job.h"
#include "net/loop.h"
#include "queue/manage.h"

static void
end(struct follow *fo, int err, struct str words)
{
	fo->err = err;
	snprintf(fo->words, sizeof(fo->words), "%.*s", STR_FMT(words));
	flow_wake(fo->then);
}

static void
on_soon(uv_handle_t *timer)
{
	end(timer->data, ERR_UNAVAILABLE, STR("no Redis here"));
}

/* What the loop closes it tells in a later turn: starting must not complete. */
static void
refuse(struct follow *fo, struct loop *l)
{
	uv_timer_init(&l->uv, &fo->soon);
	fo->soon.data = fo;
	uv_close((uv_handle_t *)&fo->soon, on_soon);
}

static void
on_submitted(struct redis_cmd *cmd)
{
	struct follow *fo = container_of(cmd, struct follow, cmd);
	struct str word = redis_text(cmd->reply);

	if (cmd->err < 0 && !cmd->reply)
		end(fo, ERR_UNAVAILABLE, STR("no answer from Redis"));
	else if (cmd->err < 0 || str_starts(word, STR("error ")))
		end(fo, ERR_REMOTE, word);
	else
		end(fo, 0, STR("")); /* "queued", "scheduled" or "exists" */
}

static void
write_data(const struct follow *fo, bool as_json, struct buf *out)
{
	struct val names[FOLLOW_ARGS_MAX], values[FOLLOW_ARGS_MAX];
	struct val *items[2 * FOLLOW_ARGS_MAX];
	struct val kwargs = {.kind = VAL_DICT, .items = items};

	for (size_t i = 0; i < FOLLOW_ARGS_MAX && fo->args[i].name; i++) {
		const struct follow_arg *arg = &fo->args[i];

		names[i] = (struct val){.kind = VAL_TEXT, .text = str_of(arg->name)};
		values[i] =
			arg->text.p
				? (struct val){.kind = VAL_TEXT, .text = arg->text}
				: (struct val){.kind = VAL_INT, .integer = arg->number};
		items[2 * i] = &names[i];
		items[2 * i + 1] = &values[i];
		kwargs.count++;
	}
	rqjob_write(out, as_json, str_of(fo->function), &kwargs);
}

static void
submit(struct follow *fo, const struct job_env *env)
{
	bool as_json = strcmp(env->s->rq_serializer, "json") == 0;
	struct buf data;

	buf_init(&data);
	write_data(fo, as_json, &data);
	manage_submit(env->redis, &fo->cmd,
		&(struct manage_job){
			.id = fo->id,
			.queue = STR(OWN_QUEUE),
			.tenant = fo->tenant,
			.lane = fo->lane,
			.description = str_of(fo->function),
			.data = buf_str(&data),
			.due_s = fo->due_s,
			.timeout_s = env->s->job_timeout_s,
			.retries = env->s->job_retries,
		},
		on_submitted);
	buf_done(&data);
}

void
follow_start(struct follow *fo, struct job *job, struct flow *then)
{
	fo->then = then;
	if (job->env->redis)
		submit(fo, job->env);
	else
		refuse(fo, job->env->loop);
}
