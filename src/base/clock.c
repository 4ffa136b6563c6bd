/* SPDX-License-Identifier: MIT */
/* clock.c: two clocks and their one text form. */
#include "base/clock.h"

#include <string.h>
#include <time.h>

static int64_t
read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_mono_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

static void
digits(char *to, int count, int64_t v)
{
	while (count-- > 0) {
		to[count] = (char)('0' + v % 10);
		v /= 10;
	}
}

/* Called for every log line and every job: the date part changes once a second
 * at most, so it is kept. */
void
clock_iso(char out[CLOCK_ISO_SIZE], int64_t us)
{
	static _Thread_local time_t kept_sec = -1;
	static _Thread_local char kept[20]; /* 2026-11-24T05:30:12 */
	time_t sec = (time_t)(us / 1000000);

	if (sec != kept_sec) {
		struct tm tm;

		gmtime_r(&sec, &tm);
		strftime(kept, sizeof(kept), "%Y-%m-%dT%H:%M:%S", &tm);
		kept_sec = sec;
	}
	memcpy(out, kept, 19);
	out[19] = '.';
	digits(out + 20, 6, us % 1000000);
	out[26] = 'Z';
	out[27] = '\0';
}
