/* SPDX-License-Identifier: MIT */
/* trace.c: the header `traceparent` of W3C Trace Context. */
#include "codec/trace.h"

enum { VERSION = 2, ID = 32, SPAN = 16, FLAGS = 2, LENGTH = 55 };

static bool
is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') &&
			!(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return s.n > 0;
}

static bool
is_zero(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '0')
			return false;
	return true;
}

bool
trace_is_id(struct str id)
{
	return id.n == ID && is_hex(id) && !is_zero(id);
}

/* A later version may have more behind a further dash; ff is none. */
struct str
trace_of(struct str traceparent)
{
	struct str rest = traceparent, none = {NULL, 0};
	struct str version = str_cut(&rest, '-'), id = str_cut(&rest, '-');
	struct str span = str_cut(&rest, '-'), more = rest;
	struct str flags = str_cut(&more, '-');

	if (version.n != VERSION || !is_hex(version) || str_eqz(version, "ff"))
		return none;
	if (!trace_is_id(id) || span.n != SPAN || !is_hex(span) || is_zero(span))
		return none;
	if (flags.n != FLAGS || !is_hex(flags))
		return none;
	if (str_eqz(version, "00") && traceparent.n != LENGTH)
		return none;
	return id;
}
