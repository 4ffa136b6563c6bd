/* SPDX-License-Identifier: MIT */
/* zone.c: a time zone as the list of its changes. */
#include "base/zone.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/zone_priv.h"

#define ZONEINFO "/usr/share/zoneinfo/"

enum {
	NAME_MAX_BYTES = 64, /* the longest of tzdata has 32 */
	FILE_MAX_BYTES = 64 << 10,
};

struct zone {
	size_t count; /* at least one: the first is the offset of 1970 */
	struct zone_change changes[];
};

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

/* Negative: there is no such file. */
static int
read_file(const char *path, struct buf *out)
{
	struct stat st;
	FILE *f = fopen(path, "re");

	if (!f)
		return -errno;
	if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode))
		buf_grew(out,
			fread(buf_room(out, FILE_MAX_BYTES), 1, FILE_MAX_BYTES, f));
	fclose(f);
	return 0;
}

static struct zone *
keep(struct arena *a, const struct zone_changes *c)
{
	size_t bytes = c->count * sizeof(c->items[0]);
	struct zone *z = arena_alloc(a, sizeof(*z) + bytes);

	z->count = c->count;
	memcpy(z->changes, c->items, bytes);
	return z;
}

static int
load_file(struct arena *a, const char *path, struct zone **ret)
{
	struct zone_changes c;
	struct buf bytes;

	buf_init(&bytes);
	int bad = read_file(path, &bytes);
	if (bad == 0)
		bad = zone_file_read(&c, buf_str(&bytes));
	buf_done(&bytes);
	if (bad == 0)
		*ret = keep(a, &c);
	return bad;
}

int
zone_load(struct arena *a, struct str name, struct zone **ret, char err[128])
{
	char path[sizeof(ZONEINFO) + NAME_MAX_BYTES];

	if (str_eqz(name, "UTC")) {
		*ret = keep(a, &(struct zone_changes){1, {{-ZONE_FOR_EVER, 0}}});
		return 0;
	}
	if (!is_name(name)) {
		snprintf(err, 128, "not the name of a time zone, like Europe/Berlin");
		return ERR_SYNTAX;
	}
	snprintf(path, sizeof(path), ZONEINFO "%.*s", STR_FMT(name));
	if (load_file(a, path, ret) == 0)
		return 0;
	snprintf(err, 128, "no time zone in " ZONEINFO " (package tzdata)");
	return ERR_NOT_FOUND;
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
		.to = low + 1 < z->count ? z->changes[low + 1].at : ZONE_FOR_EVER,
		.offset = z->changes[low].offset,
		.before = z->changes[low > 0 ? low - 1 : 0].offset,
	};
}
