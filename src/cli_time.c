/* SPDX-License-Identifier: MIT */
/* cli_time.c: a time as a person writes it. */
#include "cli_time.h"

#include <errno.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/zone.h"
#include "codec/rqjob.h"

enum { SECOND_US = 1000000 };

/* "+02:00" at the end of a time, in seconds; the time then ends with "Z". */
static int
take_offset(struct arena *a, struct str *at, int64_t *ret_s)
{
	int64_t hours, minutes;
	size_t n = at->n;

	*ret_s = 0;
	if (n < 7 || (at->p[n - 6] != '+' && at->p[n - 6] != '-'))
		return 0;
	if (at->p[n - 3] != ':' ||
		str_int((struct str){at->p + n - 5, 2}, &hours) < 0 ||
		str_int((struct str){at->p + n - 2, 2}, &minutes) < 0)
		return -EINVAL;
	*ret_s = (hours * 3600 + minutes * 60) * (at->p[n - 6] == '-' ? -1 : 1);
	*at = arena_printf(a, "%.*sZ", (int)(n - 6), at->p);
	return 0;
}

/* What the clock of the zone shows; a time that it leaves out is one after the gap. */
static int
read_local(struct arena *a, struct str at, const struct zone *z, int64_t *ret_s)
{
	int64_t us;

	if (at.n != 16 && at.n != 19)
		return -EINVAL;
	struct str whole = arena_printf(a, "%.10sT%.*s%sZ", at.p, (int)at.n - 11,
		at.p + 11, at.n == 16 ? ":00" : "");
	if ((at.p[10] != ' ' && at.p[10] != 'T') || rqjob_date(whole, &us) < 0)
		return -EINVAL;
	int64_t local = us / SECOND_US;
	int64_t guess = local - zone_span_at(z, local).offset;
	*ret_s = local - zone_span_at(z, guess).offset;
	return 0;
}

static int
read_any(struct arena *a, struct str at, const struct zone *z, int64_t *ret_s)
{
	int64_t us, offset_s;

	if (str_is_number(at))
		return str_int(at, ret_s);
	if (z && read_local(a, at, z, ret_s) == 0)
		return 0;
	int bad = take_offset(a, &at, &offset_s);
	if (bad == 0)
		bad = rqjob_date(at, &us);
	if (bad < 0)
		return -EINVAL;
	*ret_s = us / SECOND_US - offset_s;
	return 0;
}

int
cli_time_read(struct arena *a, struct str text, const struct zone *z, int64_t *ret_s)
{
	int bad = read_any(a, text, z, ret_s);

	return bad == 0 && *ret_s < 1 ? -EINVAL : bad;
}

struct str
cli_time_text(struct arena *a, int64_t us)
{
	char iso[CLOCK_ISO_SIZE];

	if (us == 0)
		return STR("-");
	clock_iso(iso, us);
	return arena_printf(a, "%.19sZ", iso);
}
