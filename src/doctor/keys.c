/* SPDX-License-Identifier: MIT */
/* keys.c: checks that look through many keys: dedupe locks, dead letters. */
#include <stdio.h>

#include "codec/val.h"
#include "doctor/looks.h"
#include "queue/checkup.h"
#include "queue/registry.h"

enum {
	CALLS_MAX = 200,   /* of CHECKUP_SCAN keys each: half a second of looking */
	LETTERS_MAX = 500, /* the newest of each queue */
	REASONS_MAX = 5,   /* that are told */
};

/* --- locks -------------------------------------------------------------------- */

struct locks {
	int64_t looked, endless;
	struct str one;
	bool whole; /* all keys were looked at */
};

static bool
walk_locks(struct doctor *d, int64_t ttl_s, struct locks *ret)
{
	struct str cursor = STR("0");

	*ret = (struct locks){0};
	for (int i = 0; i < CALLS_MAX && !ret->whole; i++) {
		checkup_locks(d->ask.redis, &d->ask.cmd, cursor, ttl_s, ask_done);
		const struct val *page = ask_wait(&d->ask);
		if (!page)
			return false;
		cursor = val_text(val_at(page, 0));
		ret->looked += val_int(val_at(page, 1), 0);
		ret->endless += val_int(val_at(page, 2), 0);
		if (!ret->one.n)
			ret->one = val_text(val_at(page, 3));
		ret->whole = str_eqz(cursor, "0");
	}
	return true;
}

void
look_locks(struct doctor *d, struct finding *f)
{
	struct locks l;

	if (!walk_locks(d, 0, &l)) {
		found(d, f, VERDICT_UNKNOWN, "%s", d->ask.words);
		return;
	}
	const char *of = l.whole ? "" : " of those among the first 200,000 keys";
	if (l.endless == 0) {
		found(d, f, VERDICT_OK, "each of %lld%s has an end",
			(long long)l.looked, of);
		return;
	}
	found(d, f, VERDICT_BAD, "%lld of %lld%s have none, one: %.*s",
		(long long)l.endless, (long long)l.looked, of, STR_FMT(l.one));
	found_mend(d, f, "redis-cli EXPIRE '%.*s' %lld  # --fix: all of them",
		STR_FMT(l.one), (long long)d->s->dedupe_ttl_s);
}

bool
fix_locks(struct doctor *d, char words[256])
{
	struct locks l;
	bool fine = walk_locks(d, d->s->dedupe_ttl_s, &l);

	snprintf(words, 256, "EXPIRE of %lld locks in %lld s (DEDUPE_TTL)",
		(long long)l.endless, (long long)d->s->dedupe_ttl_s);
	if (!fine)
		snprintf(words, 256, "%s", d->ask.words);
	return fine;
}

/* --- dead letters --------------------------------------------------------------- */

struct reasons {
	struct {
		struct str what;
		int64_t count;
	} rows[REASONS_MAX];
	size_t n;
	int64_t others;
};

/* What stands before a colon is the kind; what follows is of that one job. */
static void
count_reason(struct reasons *r, struct str reason)
{
	struct str what = str_cut(&reason, ':');

	for (size_t i = 0; i < r->n; i++)
		if (str_eq(r->rows[i].what, what)) {
			r->rows[i].count++;
			return;
		}
	if (r->n == REASONS_MAX) {
		r->others++;
		return;
	}
	r->rows[r->n].what = what.n ? what : STR("(no reason)");
	r->rows[r->n++].count = 1;
}

static struct str
reasons_text(struct doctor *d, const struct reasons *r)
{
	struct str all = STR("");

	for (size_t i = 0; i < r->n; i++)
		all = arena_printf(&d->arena, "%.*s%s%lld %.*s", STR_FMT(all),
			i ? ", " : "", (long long)r->rows[i].count,
			STR_FMT(r->rows[i].what));
	if (r->others)
		all = arena_printf(&d->arena, "%.*s, %lld others", STR_FMT(all),
			(long long)r->others);
	return all;
}

/* Rows of registry_dead: id, queue, reason, ... */
void
look_dead_letters(struct doctor *d, struct finding *f)
{
	struct reasons r = {0};
	const struct val *row;
	int64_t n = 0;

	registry_dead(
		d->ask.redis, &d->ask.cmd, d->s->rq_queues, LETTERS_MAX, ask_done);
	const struct val *rows = ask_wait(&d->ask);
	if (!rows) {
		found(d, f, VERDICT_UNKNOWN, "%s", d->ask.words);
		return;
	}
	for (size_t i = 0; (row = val_at(rows, i)) != NULL; i++, n++)
		count_reason(&r, val_text(val_at(row, 2)));
	if (n == 0) {
		found(d, f, VERDICT_OK, "none");
		return;
	}
	found(d, f, VERDICT_WARN, "%lld%s: %.*s; the newest is %.*s", (long long)n,
		n % LETTERS_MAX == 0 ? " or more" : "", STR_FMT(reasons_text(d, &r)),
		STR_FMT(val_text(val_at(val_at(rows, 0), 0))));
}
