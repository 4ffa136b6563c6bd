/* SPDX-License-Identifier: MIT */
/* trace.h: how a job's calls to others name its trace.
 *
 * A span is one such call, or the job itself.  Its id is a hash of the trace, the job,
 * the attempt and its name, so that whoever tells of it later gives it the same. */
#ifndef JOB_TRACE_H
#define JOB_TRACE_H

#include "codec/trace.h"

struct job;

void trace_span(const struct job *job, const char *name, char ret[TRACE_SPAN_SIZE]);

/* trace_header is the header line "traceparent: ..." of that span, in the job's arena;
 * NULL of a job without a trace. */
const char *trace_header(struct job *job, const char *name);

#endif
