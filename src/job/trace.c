/* SPDX-License-Identifier: MIT */
/* trace.c: what a job did of its trace. */
#include "job/trace.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "client/otlp.h"
#include "job/job.h"

enum { OF_JOB, OF_QUEUE, FIRST_CALL }; /* numbers of spans */

static void
span_id(const struct job *job, int64_t number, char ret[TRACE_SPAN_SIZE])
{
	int64_t numbers[] = {job->attempt, number};
	struct str parts[] = {
		job->trace, job->id, {(const char *)numbers, sizeof(numbers)}};
	uint8_t digest[DIGEST_SIZE];

	digest_sha256(parts, ARRAY_LEN(parts), digest);
	digest_hex(digest, (TRACE_SPAN_SIZE - 1) / 2, ret);
}

static bool
is_collected(const struct job *job)
{
	return job->env->otlp && job->trace.n > 0;
}

static struct otlp_span
span_of(const struct job *job, const char *name, int kind)
{
	return (struct otlp_span){.trace = job->trace,
		.name = name,
		.kind = kind,
		.end_us = clock_wall_us(),
		.tenant = job->tenant,
		.job_id = job->id,
		.attempt = job->attempt};
}

void
trace_begin(struct job *job, const char *name, struct trace_span *ret)
{
	ret->name = name;
	ret->began_us = clock_wall_us();
	span_id(job, FIRST_CALL + job->calls++, ret->id);
}

const char *
trace_header(struct job *job, const struct trace_span *span)
{
	if (job->trace.n == 0)
		return NULL;
	return arena_printf(&job->arena, "traceparent: 00-%.*s-%s-01",
		STR_FMT(job->trace), span->id)
		.p;
}

/* The error's name, not its words: those are a peer's. */
void
trace_end(struct job *job, const struct trace_span *span, int err)
{
	char parent[TRACE_SPAN_SIZE];

	if (!is_collected(job))
		return;
	struct otlp_span s = span_of(job, span->name, OTLP_CLIENT);
	span_id(job, OF_JOB, parent);
	s.id = span->id;
	s.parent = parent;
	s.start_us = span->began_us;
	s.error = err < 0 ? err_text(err) : NULL;
	otlp_add(job->env->otlp, &s);
}

void
trace_job(struct job *job)
{
	char id[TRACE_SPAN_SIZE], wait[TRACE_SPAN_SIZE];

	if (!is_collected(job))
		return;
	struct otlp_span s = span_of(job, "job", OTLP_CONSUMER);
	span_id(job, OF_JOB, id);
	s.id = id;
	s.start_us = job->claimed_us;
	s.error = job->err < 0 ? err_text(job->err) : NULL;
	otlp_add(job->env->otlp, &s);
	if (job->queued_us <= 0 || job->attempt > 1)
		return;
	span_id(job, OF_QUEUE, wait);
	s = span_of(job, "queue", OTLP_INTERNAL);
	s.id = wait;
	s.parent = id;
	s.start_us = job->queued_us;
	s.end_us = job->claimed_us;
	otlp_add(job->env->otlp, &s);
}
