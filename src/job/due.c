/* SPDX-License-Identifier: MIT */
/* due.c: when a message that is no answer may go, and when it goes again. */
#include "job/due.h"

#include "base/log.h"
#include "base/quiet.h"
#include "base/schedule.h"
#include "base/zone.h"
#include "store/store_outbox.h"

enum { SECOND_US = 1000000 };

/* A zone that this machine does not know is UTC: late is better than never. */
static const struct zone *
zone_of(struct str name)
{
	const struct zone *z = zone_known(name);

	if (!z)
		log_warn("time zone %s is not known here: UTC is used", log_safe(name));
	return z ? z : zone_known(STR("UTC"));
}

int64_t
due_allowed(const struct tenant *t, int64_t at_us)
{
	struct quiet q;

	if (!t->quiet_hours.n || quiet_parse(&q, t->quiet_hours) < 0)
		return at_us;
	int64_t at = at_us / SECOND_US;
	int64_t end = quiet_end(&q, zone_of(t->time_zone), at);
	return end == at ? at_us : end * SECOND_US;
}

int64_t
due_next(const struct outbox_row *row, int64_t now_us)
{
	struct schedule s;
	char err[128];

	if (!row->schedule.n || schedule_parse(&s, row->schedule, err) < 0)
		return 0;
	int64_t after = (now_us > row->slot_us ? now_us : row->slot_us) / SECOND_US;
	int64_t next = schedule_next(&s, zone_of(row->zone), after);
	return next == SCHEDULE_NEVER ? 0 : next * SECOND_US;
}
