/* SPDX-License-Identifier: MIT */
/* alert_table_test.c: what the person on call reads. */
#include "unit.h"

#include <math.h>

#include "base/buf.h"
#include "base/settings.h"
#include "role/alert_table.h"

static bool
says(const char *name, double value, const char *words)
{
	static const struct settings s = {
		.alert_queue_depth = 1000, .alert_failure_percent = 5};
	struct alert_news news = {.alert = alert_must_get(name),
		.s = &s,
		.firing = true,
		.value = value,
		.detail = ""};
	struct buf line;

	buf_init(&line);
	alert_line(&news, &line);
	bool found = memmem(buf_str(&line).p, buf_len(&line), words, strlen(words));
	if (!found)
		fprintf(stderr, "%.*s\n", STR_FMT(buf_str(&line)));
	buf_done(&line);
	return found;
}

TEST(a_number_is_written_as_people_do)
{
	CHECK(says("queue_deep", 1234567, "(1234567 jobs, alert above 1000)"));
	CHECK(says("jobs_failing", 7.14159, "(7.14 %, alert above 5)"));
	CHECK(says("jobs_failing", 99.95, "(100 %, alert above 5)"));
	CHECK(says("redis_failing", INFINITY, "answered 503. Mend:"));
}

UNIT_MAIN
