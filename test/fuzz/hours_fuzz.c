/* SPDX-License-Identifier: MIT */
/* hours_fuzz.c: any bytes as the hours of a week, and as a keyword and its list.
 *
 * Checked is what the headers promise: what is refused has words; a stretch of being
 * open or closed holds the time that was asked for, and its ends are others. */
#include <assert.h>
#include <stdint.h>

#include "base/hours.h"
#include "base/zone.h"
#include "codec/keyword.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Around both changes of the clock in 2026, and some time between. */
static const int64_t times[] = {
	1774663199, 1774746000, 1782000000, 1792900799, 1792976400};

static void
check_stretch(const struct hours *h, const struct zone *z, int64_t at)
{
	bool open = hours_are_open(h, z, at);
	int64_t since = hours_since(h, z, at), until = hours_until(h, z, at);

	assert(since <= at && at < until);
	if (since != INT64_MIN) {
		assert(hours_are_open(h, z, since) == open);
		assert(hours_are_open(h, z, since - 1) != open);
	}
	if (until != INT64_MAX) {
		assert(hours_are_open(h, z, until - 1) == open);
		assert(hours_are_open(h, z, until) != open);
	}
}

static void
check_hours(struct str text)
{
	const struct zone *z = zone_known(STR("Europe/Berlin"));
	char words[HOURS_WORDS] = "";
	struct hours h;

	assert(z);
	if (hours_parse(&h, text, words) < 0) {
		assert(words[0]);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		check_stretch(&h, z, times[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str all = {(const char *)data, n}, list = all;
	struct str text = str_cut(&list, '\n');

	check_hours(all);
	keyword_is(text, list);
	return 0;
}
