/* SPDX-License-Identifier: MIT */
/* trace.h: what a job did of its trace.
 *
 *   trace_begin ---> trace_header: what others are told ---> trace_end: the collector
 *
 * A span is one such call of a job, or the job itself (trace_job), which is the parent
 * of the others.  Its id is a hash of the trace, the job, the attempt and its number.
 */
#ifndef JOB_TRACE_H
#define JOB_TRACE_H

#include <stdint.h>

#include "codec/trace.h"

struct job;

struct trace_span {
	char id[TRACE_SPAN_SIZE];
	const char *name; /* borrowed for ever */
	int64_t began_us; /* wall */
};

void trace_begin(struct job *job, const char *name, struct trace_span *ret);

/* trace_header is the header line "traceparent: ..." of that span, in the job's arena;
 * NULL of a job without a trace. */
const char *trace_header(struct job *job, const struct trace_span *span);

/* trace_end: it is over, with 0 or an error. */
void trace_end(struct job *job, const struct trace_span *span, int err);

/* trace_job tells of the job itself, which ends now, and of its wait in the queue. */
void trace_job(struct job *job);

#endif
