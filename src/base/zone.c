/* SPDX-License-Identifier: MIT */
/* zone.c: a time zone as the list of its changes. */
#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"

#define ZONEINFO "/usr/share/zoneinfo/"

#define FOR_EVER (INT64_MAX / 4) /* leaves room to add offsets */

enum {
	DAY_S = 86400,
	NAME_MAX_BYTES = 64, /* the longest of tzdata has 32 */
	CHANGES_MAX = 1024,  /* Morocco has 250 until 2100 */
};

static const int64_t known_until = 4102444800; /* 2100-01-01 */

struct change {
	int64_t at, offset;
};

struct zone {
	size_t count; /* at least one: the first is the offset of 1970 */
	struct change changes[];
};

static int64_t
libc_offset(int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm;

	localtime_r(&t, &tm);
	return tm.tm_gmtoff;
}

/* The second within (from, to] at which the offset is no longer that of from. */
static int64_t
change_within(int64_t from, int64_t to)
{
	int64_t offset = libc_offset(from);

	while (to - from > 1) {
		int64_t middle = from + (to - from) / 2;

		if (libc_offset(middle) == offset)
			from = middle;
		else
			to = middle;
	}
	return to;
}

static size_t
scan(struct change changes[CHANGES_MAX])
{
	size_t n = 1;

	changes[0] = (struct change){-FOR_EVER, libc_offset(0)};
	for (int64_t day = 0; day < known_until && n < CHANGES_MAX; day += DAY_S) {
		if (libc_offset(day + DAY_S) == changes[n - 1].offset)
			continue;
		int64_t at = change_within(day, day + DAY_S);
		changes[n++] = (struct change){at, libc_offset(at)};
	}
	return n;
}

static void
set_tz(const char *value)
{
	if ((value ? setenv("TZ", value, 1) : unsetenv("TZ")) < 0)
		die("out of memory");
	tzset();
}

static size_t
scan_file(const char *path, struct change changes[CHANGES_MAX])
{
	const char *now = getenv("TZ");
	char *was = now ? xstrdup(now) : NULL;
	char value[sizeof(ZONEINFO) + NAME_MAX_BYTES + 1];

	snprintf(value, sizeof(value), ":%s", path);
	set_tz(value);
	size_t n = scan(changes);
	set_tz(was);
	free(was);
	return n;
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("_+-/", c));
}

/* No dots and no slash in front: a name can't lead out of the folder.  "right/..."
 * counts leap seconds, which Unix time does not. */
static bool
is_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return false;
	return name.n > 0 && name.n <= NAME_MAX_BYTES && name.p[0] != '/' &&
	       !str_starts(name, STR("right/"));
}

/* libc takes any file for UTC that it can't read: look first. */
static bool
is_zone_file(const char *path)
{
	char magic[4] = {0};
	struct stat st;
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	bool good = fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) &&
		    fread(magic, 1, sizeof(magic), f) == sizeof(magic) &&
		    memcmp(magic, "TZif", 4) == 0;
	fclose(f);
	return good;
}

static struct zone *
keep(struct arena *a, const struct change *changes, size_t n)
{
	size_t bytes = n * sizeof(*changes);
	struct zone *z = arena_alloc(a, sizeof(*z) + bytes);

	z->count = n;
	memcpy(z->changes, changes, bytes);
	return z;
}

int
zone_load(struct arena *a, struct str name, struct zone **ret, char err[128])
{
	struct change changes[CHANGES_MAX] = {{-FOR_EVER, 0}};
	char path[sizeof(ZONEINFO) + NAME_MAX_BYTES];

	if (str_eqz(name, "UTC")) {
		*ret = keep(a, changes, 1);
		return 0;
	}
	if (!is_name(name)) {
		snprintf(err, 128, "not the name of a time zone, like Europe/Berlin");
		return ERR_SYNTAX;
	}
	snprintf(path, sizeof(path), ZONEINFO "%.*s", STR_FMT(name));
	if (!is_zone_file(path)) {
		snprintf(err, 128, "no time zone in " ZONEINFO " (package tzdata)");
		return ERR_NOT_FOUND;
	}
	size_t n = scan_file(path, changes);
	*ret = keep(a, changes, n);
	return 0;
}

struct zone_span
zone_span_at(const struct zone *z, int64_t at)
{
	size_t low = 0, high = z->count; /* changes[low] is not after at */

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (z->changes[middle].at <= at)
			low = middle;
		else
			high = middle;
	}
	return (struct zone_span){
		.from = z->changes[low].at,
		.to = low + 1 < z->count ? z->changes[low + 1].at : FOR_EVER,
		.offset = z->changes[low].offset,
		.before = z->changes[low > 0 ? low - 1 : 0].offset,
	};
}
