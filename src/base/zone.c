/* SPDX-License-Identifier: MIT */
/* zone.c: a time zone as the list of its changes. */
#include "base/zone.h"

#include <pthread.h>
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

/* TZ as it stands in the environment, once zone_ready() has put it there: libc looks
 * at it only in tzset(), which only we call, so that its text may change in place while
 * other threads read other variables. */
static char tz[sizeof("TZ=:" ZONEINFO) + NAME_MAX_BYTES + 192] = "TZ=";
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void
zone_ready(void)
{
	const char *now = getenv("TZ");

	if (now == tz + 3)
		return;
	snprintf(tz + 3, sizeof(tz) - 3, "%s", now ? now : ":/etc/localtime");
	if (putenv(tz) != 0)
		die("out of memory");
}

static size_t
scan_file(const char *path, struct change changes[CHANGES_MAX])
{
	char was[sizeof(tz)];

	zone_ready();
	memcpy(was, tz, sizeof(tz));
	snprintf(tz + 3, sizeof(tz) - 3, ":%s", path);
	tzset();
	size_t n = scan(changes);
	memcpy(tz, was, sizeof(tz));
	tzset();
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

/* --- by name, for good -------------------------------------------------------- */

enum { KNOWN_MAX = 600 }; /* all of tzdata */

static struct {
	struct arena arena;
	struct {
		struct str name;
		struct zone *zone; /* NULL: it can't be read */
	} rows[KNOWN_MAX];
	size_t count;
} known;

static const struct zone *
find_or_load(struct str name)
{
	char err[128];
	size_t i = 0;

	while (i < known.count && !str_eq(known.rows[i].name, name))
		i++;
	if (i == KNOWN_MAX)
		return NULL;
	if (i == known.count) {
		if (zone_load(&known.arena, name, &known.rows[i].zone, err) < 0)
			known.rows[i].zone = NULL;
		known.rows[i].name = arena_str(&known.arena, name);
		known.count++;
	}
	return known.rows[i].zone;
}

const struct zone *
zone_known(struct str name)
{
	const struct zone *z;

	pthread_mutex_lock(&lock);
	z = find_or_load(name.n ? name : STR("UTC"));
	pthread_mutex_unlock(&lock);
	return z;
}

int64_t
zone_offset(struct str name, int64_t at)
{
	const struct zone *z = zone_known(name);

	return z ? zone_span_at(z, at).offset : 0;
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
