/* SPDX-License-Identifier: MIT */
/* testing.c: jobs for tests and benchmarks.
 *
 * All but sleep and follow end at once, from the call that starts them. */
#include "job/testing.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/flow.h"
#include "codec/rqjob.h"
#include "codec/val.h"
#include "job/follow.h"
#include "job/job.h"
#include "net/loop.h"

/* --- values --------------------------------------------------------------- */

static void
end_with(struct job *job, const struct rqjob_call *call, const struct val *v)
{
	struct buf out;

	buf_init(&out);
	rqjob_value(&out, call->as_json, v);
	job->value = arena_str(&job->arena, buf_str(&out));
	buf_done(&out);
	job_end(job, 0);
}

static void
end_with_int(struct job *job, const struct rqjob_call *call, int64_t i)
{
	end_with(job, call, &(struct val){.kind = VAL_INT, .integer = i});
}

void
testing_echo(struct job *job, const struct rqjob_call *call)
{
	struct val args_key = {.kind = VAL_TEXT, .text = STR("args")};
	struct val kwargs_key = {.kind = VAL_TEXT, .text = STR("kwargs")};
	struct val args = *call->args, kwargs = *call->kwargs;
	struct val *items[] = {&args_key, &args, &kwargs_key, &kwargs};

	if (kwargs.count == 0)
		end_with(job, call, &args);
	else
		end_with(job, call,
			&(struct val){.kind = VAL_DICT, .count = 2, .items = items});
}

void
testing_add(struct job *job, const struct rqjob_call *call)
{
	const struct val *a = val_at(call->args, 0), *b = val_at(call->args, 1);
	int64_t sum;

	if (!a || !b || a->kind != VAL_INT || b->kind != VAL_INT)
		job_end(job, job_fail(job, ERR_SHAPE, "add takes two integers"));
	else if (__builtin_add_overflow(a->integer, b->integer, &sum))
		job_end(job,
			job_fail(job, ERR_LIMIT, "the sum needs more than 64 bits"));
	else
		end_with_int(job, call, sum);
}

void
testing_noop(struct job *job, const struct rqjob_call *call)
{
	(void)call;
	job_end(job, 0);
}

/* --- errors --------------------------------------------------------------- */

void
testing_fail(struct job *job, const struct rqjob_call *call)
{
	struct str text = val_text(val_at(call->args, 0));

	job_end(job, job_fail(job, ERR_UNPROCESSABLE, "%.*s", STR_FMT(text)));
}

void
testing_flaky(struct job *job, const struct rqjob_call *call)
{
	int64_t times = val_int(val_at(call->args, 0), 1);

	if (job->attempt > times)
		end_with_int(job, call, job->attempt);
	else
		job_end(job, job_fail(job, ERR_REMOTE, "flaky: attempt %lld of %lld",
				     (long long)job->attempt, (long long)times));
}

void
testing_crash(struct job *job, const struct rqjob_call *call)
{
	(void)job;
	(void)call;
	abort();
}

/* --- sleep ---------------------------------------------------------------- */

/*   testing_sleep ---> on_time ----.
 *                  `-> hurry_nap ---+--> on_closed: the job ends, and frees this */
struct nap {
	uv_timer_t timer;
	struct job *job;
	int err;
};

static void
on_closed(uv_handle_t *timer)
{
	struct nap *nap = timer->data;

	job_end(nap->job, nap->err);
}

static void
end_nap(struct nap *nap, int err)
{
	uv_handle_t *timer = (uv_handle_t *)&nap->timer;

	if (uv_is_closing(timer))
		return;
	nap->err = err;
	uv_close(timer, on_closed);
}

static void
on_time(uv_timer_t *timer)
{
	end_nap(timer->data, 0);
}

static void
hurry_nap(struct job *job)
{
	end_nap(job->waits_for, UV_ECANCELED);
}

void
testing_sleep(struct job *job, const struct rqjob_call *call)
{
	double s = val_number(val_at(call->args, 0));
	struct nap *nap = ARENA_NEW(&job->arena, struct nap);

	if (!(s >= 0 && s <= 86400)) {
		job_end(job,
			job_fail(job, ERR_SHAPE, "sleep takes 0 to 86400 seconds"));
		return;
	}
	nap->job = job;
	uv_timer_init(&job->env->loop->uv, &nap->timer);
	nap->timer.data = nap;
	uv_timer_start(&nap->timer, on_time, (uint64_t)(s * 1000), 0);
	job_waits(job, hurry_nap, nap);
}

/* --- follow --------------------------------------------------------------- */

struct leader {
	struct flow flow;
	struct job *job;
	struct follow follow;
};

static flow_step lead, followed;

static int
lead(struct flow *f)
{
	struct leader *l = container_of(f, struct leader, flow);

	follow_start(&l->follow, l->job, f);
	return flow_wait(f, followed);
}

static int
followed(struct flow *f)
{
	struct leader *l = container_of(f, struct leader, flow);

	if (l->follow.err < 0)
		return job_fail(l->job, l->follow.err, "follow: %s", l->follow.words);
	return 0;
}

static void
end_leader(struct flow *f, int err)
{
	job_end(container_of(f, struct leader, flow)->job, err);
}

void
testing_follow(struct job *job, const struct rqjob_call *call)
{
	struct leader *l = ARENA_NEW(&job->arena, struct leader);

	l->job = job;
	l->follow = (struct follow){
		.id = val_text(rqjob_arg(call, "id", 0)),
		.function = "prosaas.test.echo",
		.args = {{.name = "n", .number = 1}},
		.tenant = val_text(rqjob_arg(call, "tenant", 1)),
		.lane = val_text(rqjob_arg(call, "lane", 2)),
		.due_s = val_int(rqjob_arg(call, "due", 3), 0),
	};
	flow_init(&l->flow, lead, "lead", end_leader);
	flow_wake(&l->flow);
}
