/* SPDX-License-Identifier: MIT */
/* zone_file.c: a file of tzdata, as the changes since 1970.
 *
 *   "TZif" version 15x0 six counts | times | types of the times | types | ...
 *   the same again from version 2 on, with times of 8 bytes | \n rule \n
 *
 * Source: RFC 8536.  Without the second block a file knows nothing after 2037: no
 * tzdata of this century is so old. */
#include "base/err.h"
#include "base/zone_priv.h"

enum { HEAD = 44, TYPE = 6, TIME = 8 };

struct counts { /* in the file's order */
	size_t utc, standard, leap, times, types, chars;
};

static uint64_t
number(const char *p, size_t bytes)
{
	uint64_t v = 0;

	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

void
zone_add(struct zone_changes *c, int64_t at, int64_t offset)
{
	struct zone_change *last = &c->items[c->count - 1];

	if (at < last->at || offset == last->offset)
		return;
	if (at == last->at) {
		last->offset = offset;
		return;
	}
	if (c->count < ZONE_CHANGES_MAX)
		c->items[c->count++] = (struct zone_change){at, offset};
}

/* Takes the head of a block off; the block has that many bytes then. */
static int
take_head(struct str *s, size_t time_bytes, struct counts *ret, size_t *ret_size)
{
	if (s->n < HEAD || !str_starts(*s, STR("TZif")))
		return ERR_SYNTAX;
	const char *p = s->p + 20;
	*ret = (struct counts){number(p, 4), number(p + 4, 4), number(p + 8, 4),
		number(p + 12, 4), number(p + 16, 4), number(p + 20, 4)};
	*s = (struct str){s->p + HEAD, s->n - HEAD};
	*ret_size = ret->times * (time_bytes + 1) + ret->types * TYPE + ret->chars +
		    ret->leap * (time_bytes + 4) + ret->standard + ret->utc;
	return *ret_size <= s->n && ret->types > 0 ? 0 : ERR_SYNTAX;
}

static int
add_times(struct zone_changes *c, const char *block, const struct counts *n,
	int64_t *ret_last)
{
	const char *kinds = block + n->times * TIME, *types = kinds + n->times;

	*c = (struct zone_changes){.count = 1};
	c->items[0] = (struct zone_change){-ZONE_FOR_EVER, (int32_t)number(types, 4)};
	*ret_last = 0;
	for (size_t i = 0; i < n->times; i++) {
		int64_t at = (int64_t)number(block + i * TIME, TIME);
		size_t type = (unsigned char)kinds[i];

		if (type >= n->types)
			return ERR_SYNTAX;
		int64_t offset = (int32_t)number(types + type * TYPE, 4);
		if (at <= 0)
			c->items[0].offset = offset;
		else
			zone_add(c, at, offset);
		*ret_last = at > 0 ? at : 0;
	}
	return 0;
}

int
zone_file_read(struct zone_changes *c, struct str bytes)
{
	struct counts n;
	size_t size;
	int64_t last;

	if (take_head(&bytes, 4, &n, &size) < 0)
		return ERR_SYNTAX;
	bytes = (struct str){bytes.p + size, bytes.n - size};
	if (take_head(&bytes, TIME, &n, &size) < 0 ||
		add_times(c, bytes.p, &n, &last) < 0)
		return ERR_SYNTAX;
	bytes = str_trim((struct str){bytes.p + size, bytes.n - size});
	return bytes.n > 0 ? zone_rule_add(c, bytes, last) : 0;
}
