/* SPDX-License-Identifier: MIT */
/* trace.h: the header `traceparent` of W3C Trace Context, which ties together what
 * different programs do about one message:
 *
 *   00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *      trace: 32 hex digits             span: 16        flags */
#ifndef CODEC_TRACE_H
#define CODEC_TRACE_H

#include <stdbool.h>

#include "base/str.h"

enum {
	TRACE_ID_SIZE = 33, /* with its NUL */
	TRACE_SPAN_SIZE = 17,
};

/* trace_of returns the trace of a traceparent, within it; absent when that is not as
 * the standard wants it: then one is to begin anew. */
struct str trace_of(struct str traceparent);

/* trace_is_id says whether it is one: 32 hex digits in lower case, not all 0. */
bool trace_is_id(struct str id);

#endif
