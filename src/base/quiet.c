/* SPDX-License-Identifier: MIT */
/* quiet.c: hours of the day at which nobody is written to. */
#include "base/quiet.h"

#include "base/daytime.h"
#include "base/err.h"
#include "base/zone.h"

enum { DAY_S = 86400 };

int
quiet_parse(struct quiet *ret, struct str text)
{
	int from, to;

	if (daytime_range(text, &from, &to) < 0 ||
		from % DAYTIME_END == to % DAYTIME_END)
		return ERR_SYNTAX;
	ret->from = from * 60 % DAY_S;
	ret->to = to * 60 % DAY_S;
	return 0;
}

static int64_t
time_of_day(int64_t local)
{
	return (local % DAY_S + DAY_S) % DAY_S;
}

/* Seconds from the local time until it is no longer quiet; 0: it is not. */
static int64_t
left(const struct quiet *q, int64_t local)
{
	int64_t now = time_of_day(local);
	bool over_midnight = q->from > q->to;
	bool is_quiet = over_midnight ? now >= q->from || now < q->to
				      : now >= q->from && now < q->to;

	return is_quiet ? time_of_day(q->to - now) : 0;
}

/* Within a span local time runs evenly; at its end we look again. */
int64_t
quiet_end(const struct quiet *q, const struct zone *z, int64_t at)
{
	for (;;) {
		struct zone_span span = zone_span_at(z, at);
		int64_t wait = left(q, at + span.offset);

		if (wait == 0)
			return at;
		at = at + wait < span.to ? at + wait : span.to;
	}
}
