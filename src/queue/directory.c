/* SPDX-License-Identifier: MIT */
/* directory.c: whose a phone is: written as one, read as one. */
#include "queue/directory.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/seal.h"
#include "codec/json.h"
#include "codec/val.h"

enum { ENTRY_NODES = 50 };

/* --- written ------------------------------------------------------------------ */

static struct str
place_of(struct arena *a, struct str phone, const char *name)
{
	return arena_printf(a, "%.*s|%s", STR_FMT(phone), name);
}

static void
add_secret(struct buf *b, struct arena *a, struct str phone, const char *name,
	struct str secret)
{
	if (secret.n == 0)
		return;
	buf_addf(b, ",\"%s\":", name);
	/* Without SECRETS_KEY it is written as one that opens nowhere. */
	json_quote(b, seal_ready() && !seal_is(secret)
			      ? seal_close(a, secret, place_of(a, phone, name))
			      : STR(SEAL_MARK));
}

static struct str
entry_json(struct arena *a, const struct directory_entry *e)
{
	struct buf b;

	buf_init(&b);
	buf_addz(&b, "{\"tenant\":");
	json_quote(&b, e->tenant);
	add_secret(&b, a, e->phone, "app_secret", e->app_secret);
	add_secret(&b, a, e->phone, "verify_token", e->verify_token);
	buf_addc(&b, '}');
	struct str json = arena_str(a, buf_str(&b));
	buf_done(&b);
	return json;
}

void
directory_write(struct redis *r, struct redis_cmd *cmd, struct arena *a,
	const struct directory_entry *entries, size_t count, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_DIRECTORY, 0, 2 * (int)count, done);
	for (size_t i = 0; i < count; i++) {
		redis_arg(r, entries[i].phone);
		redis_arg(r, entry_json(a, &entries[i]));
	}
}

/* --- read --------------------------------------------------------------------- */

static void
read_secret(struct arena *a, struct directory_entry *e, const char *name,
	const struct val *v, struct str *ret)
{
	struct str text = val_text(val_get(v, name));

	if (text.n > 0 &&
		(!seal_is(text) ||
			seal_open(a, text, place_of(a, e->phone, name), ret) < 0))
		e->sealed = true;
}

static bool
read_entry(
	struct arena *a, struct str phone, struct str json, struct directory_entry *e)
{
	struct val *v;
	char err[128];

	*e = (struct directory_entry){.phone = arena_str(a, phone)};
	if (json_parse(a, arena_str(a, json), ENTRY_NODES, &v, err) < 0)
		return false;
	e->tenant = val_text(val_get(v, "tenant"));
	read_secret(a, e, "app_secret", v, &e->app_secret);
	read_secret(a, e, "verify_token", v, &e->verify_token);
	return e->tenant.n > 0;
}

static int
by_phone(const void *x, const void *y)
{
	const struct directory_entry *a = x, *b = y;

	if (a->phone.n != b->phone.n)
		return a->phone.n < b->phone.n ? -1 : 1;
	return a->phone.n ? memcmp(a->phone.p, b->phone.p, a->phone.n) : 0;
}

static void
take(struct directory *d, const redisReply *reply)
{
	size_t count = reply->elements / 2;

	arena_done(&d->arena);
	arena_init(&d->arena);
	d->entries = arena_alloc(&d->arena, (count + 1) * sizeof(*d->entries));
	d->count = 0;
	for (size_t i = 0; i < count; i++)
		if (read_entry(&d->arena, redis_text(redis_at(reply, 2 * i)),
			    redis_text(redis_at(reply, 2 * i + 1)),
			    &d->entries[d->count]))
			d->count++;
	qsort(d->entries, d->count, sizeof(*d->entries), by_phone);
	d->fetched_ms = clock_mono_ms();
}

static void
on_fetched(struct redis_cmd *cmd)
{
	struct directory *d = container_of(cmd, struct directory, cmd);
	STAILQ_HEAD(, directory_wait) waiting = STAILQ_HEAD_INITIALIZER(waiting);

	d->fetching = false;
	if (cmd->err == 0 && cmd->reply->type == REDIS_REPLY_ARRAY)
		take(d, cmd->reply);
	STAILQ_CONCAT(&waiting, &d->waiting);
	while (!STAILQ_EMPTY(&waiting)) {
		struct directory_wait *w = STAILQ_FIRST(&waiting);

		STAILQ_REMOVE_HEAD(&waiting, next);
		w->done(w);
	}
}

int64_t
directory_age_ms(const struct directory *d)
{
	return d->fetched_ms ? clock_mono_ms() - d->fetched_ms : INT64_MAX;
}

void
directory_fetch(struct directory *d, struct directory_wait *w)
{
	if (!d->fetching)
		STAILQ_INIT(&d->waiting);
	STAILQ_INSERT_TAIL(&d->waiting, w, next);
	if (d->fetching)
		return;
	d->fetching = true;
	redis_call(d->redis, &d->cmd, "HGETALL", 1, on_fetched);
	redis_argz(d->redis, "prosaas:meta");
}

const struct directory_entry *
directory_find(const struct directory *d, struct str phone)
{
	struct directory_entry key = {.phone = phone};

	if (d->count == 0)
		return NULL;
	return bsearch(&key, d->entries, d->count, sizeof(*d->entries), by_phone);
}

const struct directory_entry *
directory_at(const struct directory *d, size_t i)
{
	return i < d->count ? &d->entries[i] : NULL;
}
