/* SPDX-License-Identifier: MIT */
/* trace.c: how a job's calls to others name its trace. */
#include "job/trace.h"

#include "base/digest.h"
#include "job/job.h"

void
trace_span(const struct job *job, const char *name, char ret[TRACE_SPAN_SIZE])
{
	struct str attempt = {(const char *)&job->attempt, sizeof(job->attempt)};
	struct str parts[] = {job->trace, job->id, attempt, str_of(name)};
	uint8_t digest[DIGEST_SIZE];

	digest_sha256(parts, ARRAY_LEN(parts), digest);
	digest_hex(digest, (TRACE_SPAN_SIZE - 1) / 2, ret);
}

const char *
trace_header(struct job *job, const char *name)
{
	char span[TRACE_SPAN_SIZE];

	if (job->trace.n == 0)
		return NULL;
	trace_span(job, name, span);
	return arena_printf(
		&job->arena, "traceparent: 00-%.*s-%s-01", STR_FMT(job->trace), span)
		.p;
}
