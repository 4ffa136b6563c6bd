/* SPDX-License-Identifier: MIT */
/* breaker.c: a small table of destinations in trouble.
 *
 *   breaker_enter ---> find_dest ---> what it may
 *   breaker_leave ---> find_dest ---> succeed ---> remove_dest
 *                                `--> fail ---> add_dest, rest
 *
 * A closed destination without failures has no row: nearly always the table is
 * empty and asking costs nothing. */
#include "client/breaker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/metrics.h"

enum { WHY_SIZE = 96 };

struct dest {
	uint64_t hash; /* of the key */
	char *key;
	int64_t used_ms;  /* last asked or told about */
	int64_t until_ms; /* open: the end of its rest */
	int64_t most_ms;  /* of its next rest */
	int failures;     /* in a row, while closed */
	bool open, probing;
	char why[WHY_SIZE]; /* the failure that opened it, or kept it so */
};

struct breaker {
	breaker_changed *changed;
	void *arg;
	struct dest dests[BREAKER_MAX];
	int count, open_count;
};

struct breaker *
breaker_new(breaker_changed *changed, void *arg)
{
	struct breaker *b = xcalloc(1, sizeof(*b));

	b->changed = changed;
	b->arg = arg;
	return b;
}

void
breaker_free(struct breaker *b)
{
	if (!b)
		return;
	for (int i = 0; i < b->count; i++)
		free(b->dests[i].key);
	free(b);
}

/* --- the table ------------------------------------------------------------ */

/* FNV-1a: it only spares comparing texts. */
static uint64_t
hash_of(const char *key)
{
	uint64_t h = 0xcbf29ce484222325;

	for (const char *c = key; *c; c++)
		h = (h ^ (uint8_t)*c) * 0x100000001b3;
	return h;
}

static struct dest *
find_dest(struct breaker *b, const char *key)
{
	uint64_t hash;

	if (b->count == 0)
		return NULL;
	hash = hash_of(key);
	for (int i = 0; i < b->count; i++) {
		struct dest *d = &b->dests[i];

		if (d->hash == hash && strcmp(d->key, key) == 0)
			return d;
	}
	return NULL;
}

static void
set_open(struct breaker *b, struct dest *d, bool open)
{
	if (d->open == open)
		return;
	d->open = open;
	b->open_count += open ? 1 : -1;
	metric_set(M_BREAKER_OPEN, b->open_count);
}

/* The last row takes its place. */
static void
remove_dest(struct breaker *b, struct dest *d)
{
	set_open(b, d, false);
	free(d->key);
	*d = b->dests[--b->count];
}

static struct dest *
stalest(struct breaker *b)
{
	struct dest *found = &b->dests[0];

	for (int i = 1; i < b->count; i++)
		if (b->dests[i].used_ms < found->used_ms)
			found = &b->dests[i];
	return found;
}

static struct dest *
add_dest(struct breaker *b, const char *key)
{
	if (b->count == BREAKER_MAX)
		remove_dest(b, stalest(b));

	struct dest *d = &b->dests[b->count++];
	*d = (struct dest){.hash = hash_of(key),
		.key = xstrdup(key),
		.most_ms = BREAKER_REST_MIN_MS};
	return d;
}

/* --- asking --------------------------------------------------------------- */

/* Returns how long the caller has to wait, 0: not at all. */
static int64_t
wait_of(const struct dest *d, int64_t now_ms)
{
	if (!d || !d->open)
		return 0;
	if (now_ms < d->until_ms)
		return d->until_ms - now_ms;
	return d->probing ? BREAKER_PROBE_MS : 0;
}

int
breaker_enter(struct breaker *b, struct breaker_pass *pass, const char *key,
	int64_t now_ms, struct breaker_rest *ret_rest)
{
	struct dest *d = find_dest(b, key);
	int64_t wait_ms = wait_of(d, now_ms);

	if (d)
		d->used_ms = now_ms;
	*pass = (struct breaker_pass){0};
	if (wait_ms > 0) {
		*ret_rest = (struct breaker_rest){wait_ms, d->why};
		metric_add(M_BREAKER_REFUSED, 1);
		return ERR_OPEN;
	}
	*pass = (struct breaker_pass){b, key, d && d->open};
	if (pass->probe)
		d->probing = true;
	return 0;
}

/* --- telling -------------------------------------------------------------- */

static int64_t
lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Full jitter above the least: many workers must not come back as one. */
static int64_t
dice_ms(int64_t least_ms, int64_t most_ms)
{
	uint32_t dice;

	digest_random(&dice, sizeof(dice));
	return least_ms + dice % (most_ms - least_ms + 1);
}

/* Each rest may be twice as long as the one before. */
static int64_t
next_rest_ms(struct dest *d, const struct breaker_report *r, int64_t wish_ms)
{
	bool denied = r->outcome == BREAKER_DENIED;
	int64_t least_ms = denied ? BREAKER_DENIED_MS : BREAKER_REST_MIN_MS;

	if (d->most_ms < least_ms)
		d->most_ms = least_ms;
	d->most_ms = lesser(2 * d->most_ms, BREAKER_REST_MAX_MS);
	return wish_ms > 0 ? wish_ms : dice_ms(least_ms, d->most_ms);
}

static void
fail(struct breaker *b, struct dest *d, bool probe, const struct breaker_report *r,
	int64_t now_ms)
{
	int64_t wish_ms = lesser(r->wish_ms, BREAKER_WISH_MAX_MS);
	bool was_open = d->open;

	if (was_open && !probe) { /* from before the rest: only a wish counts */
		if (wish_ms > 0 && now_ms + wish_ms > d->until_ms)
			d->until_ms = now_ms + wish_ms;
		return;
	}
	d->failures++;
	if (!was_open && d->failures < BREAKER_FAILURES &&
		r->outcome != BREAKER_DENIED && wish_ms <= 0)
		return;

	int64_t rest_ms = next_rest_ms(d, r, wish_ms);
	d->until_ms = now_ms + rest_ms;
	snprintf(d->why, sizeof(d->why), "%s", r->why);
	set_open(b, d, true);
	if (!was_open && b->changed)
		b->changed(b->arg, d->key, rest_ms, d->why);
}

static void
succeed(struct breaker *b, struct dest *d, bool probe, int64_t now_ms)
{
	if (d->open && (!probe || now_ms < d->until_ms))
		return; /* from before the rest, or since then its peer asked for more
			 */
	if (d->open && b->changed)
		b->changed(b->arg, d->key, 0, "");
	remove_dest(b, d);
}

int64_t
breaker_leave(
	struct breaker_pass *pass, const struct breaker_report *report, int64_t now_ms)
{
	struct breaker *b = pass->breaker;
	bool failed =
		report->outcome == BREAKER_FAILED || report->outcome == BREAKER_DENIED;

	if (!b)
		return 0;
	pass->breaker = NULL;

	struct dest *d = find_dest(b, pass->key);
	if (!d && failed)
		d = add_dest(b, pass->key);
	if (!d)
		return 0;
	d->used_ms = now_ms;
	if (pass->probe)
		d->probing = false;
	if (failed)
		fail(b, d, pass->probe, report, now_ms);
	else if (report->outcome == BREAKER_OK)
		succeed(b, d, pass->probe, now_ms);

	d = find_dest(b, pass->key);
	return d && d->open && d->until_ms > now_ms ? d->until_ms - now_ms : 0;
}

void
breaker_close_ending(struct breaker *b, const char *end)
{
	for (int i = b->count - 1; i >= 0; i--) {
		struct dest *d = &b->dests[i];

		if (!str_ends(str_of(d->key), str_of(end)))
			continue;
		if (d->open && b->changed)
			b->changed(b->arg, d->key, 0, "");
		remove_dest(b, d);
	}
}
