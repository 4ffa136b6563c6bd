/* SPDX-License-Identifier: MIT */
/* store_broadcasts_pump.c: a running broadcast's next recipients get their messages.
 *
 *   now      next_us                                    until
 *    |---------|---- . --|-- . ----|------ .|. -------|---|
 *              '- one message in each stretch of a minute / rate, somewhere in it
 *
 * next_us is kept with the rows it leads to: however often and by whomever this runs,
 * a recipient gets one message and the pace holds.  When what was given out does not
 * go, because the gateway is down, nothing more is given out.  What waits for its
 * customer to write holds up nobody else. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "store/store_broadcasts.h"
#include "store/store_outbox_priv.h"

enum {
	MINUTE_US = 60 * 1000000,
	OPEN_MINUTES = 3, /* so many minutes' worth may be under way */
	RUNNING_MAX = 100,
};

struct running {
	struct str tenant;
	int64_t id, rate, next_us, open;
};

static int
list_running(struct sql *db, struct arena *a, struct running *rows, size_t *ret_count)
{
	int r = sql_row(db,
		"SELECT tenant_id, id, rate_per_min, next_us,"
		" (SELECT count(*) FROM scheduled_messages WHERE broadcast_id = b.id"
		"  AND status IN ('waiting', 'queued') AND held_us = 0)"
		" FROM broadcasts AS b WHERE status = 'running' ORDER BY next_us"
		" LIMIT ?1",
		SQL_NUMBER(RUNNING_MAX));

	for (*ret_count = 0; r > 0; r = sql_next(db))
		rows[(*ret_count)++] = (struct running){sql_col_text(db, 0, a),
			sql_col_number(db, 1), sql_col_number(db, 2),
			sql_col_number(db, 3), sql_col_number(db, 4)};
	return r;
}

static int
list_pending(struct sql *db, const struct running *b, int64_t most, int64_t *ret_ids,
	size_t *ret_count)
{
	int r = sql_row(db,
		"SELECT id FROM broadcast_recipients WHERE broadcast_id = ?2"
		" AND tenant_id = ?1 AND scheduled_id IS NULL ORDER BY id LIMIT ?3",
		SQL_TEXT(b->tenant), SQL_NUMBER(b->id), SQL_NUMBER(most));

	for (*ret_count = 0; r > 0; r = sql_next(db))
		ret_ids[(*ret_count)++] = sql_col_number(db, 0);
	return r;
}

static int
give(struct sql *db, const struct running *b, int64_t recipient, int64_t slot_us,
	int64_t due_us)
{
	int r = sql_do(db,
		"INSERT INTO scheduled_messages (tenant_id, broadcast_id, chat, who,"
		" name, body, content, slot_us, due_us, created_us, updated_us)"
		" SELECT r.tenant_id, r.broadcast_id, r.chat, r.who, r.name, b.body,"
		" b.content, ?3, ?4, ?5, ?5 FROM broadcast_recipients AS r JOIN "
		"broadcasts AS b"
		" ON b.id = r.broadcast_id WHERE r.id = ?2 AND r.tenant_id = ?1",
		SQL_TEXT(b->tenant), SQL_NUMBER(recipient), SQL_NUMBER(slot_us),
		SQL_NUMBER(due_us), SQL_NUMBER(clock_wall_us()));
	if (r < 0)
		return r;
	return sql_do(db,
		"UPDATE broadcast_recipients SET scheduled_id = ?3"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(b->tenant), SQL_NUMBER(recipient),
		SQL_NUMBER(sql_inserted(db)));
}

/* Somewhere in the stretch: people do not write by the clock. */
static int64_t
jitter_us(int64_t stretch_us)
{
	uint16_t dice;

	digest_random(&dice, sizeof(dice));
	return stretch_us * dice / UINT16_MAX;
}

static int64_t
how_many(const struct running *b, int64_t until_us, int64_t stretch_us)
{
	int64_t fit = until_us <= b->next_us
			      ? 0
			      : (until_us - b->next_us - 1) / stretch_us + 1;
	int64_t room = OPEN_MINUTES * b->rate - b->open;

	return fit < room ? fit : room > 0 ? room : 0;
}

static int
pump(struct sql *db, struct arena *a, struct running *b, int64_t until_us)
{
	int64_t stretch_us = MINUTE_US / b->rate, now = clock_wall_us();
	size_t count = 0;

	if (b->next_us < now)
		b->next_us = now;
	int64_t most = how_many(b, until_us, stretch_us);
	int64_t *ids = arena_alloc(a, ((size_t)most + 1) * sizeof(*ids));
	int r = list_pending(db, b, most, ids, &count);
	for (size_t i = 0; r >= 0 && i < count; i++, b->next_us += stretch_us)
		r = give(db, b, ids[i], b->next_us, b->next_us + jitter_us(stretch_us));
	if (r < 0)
		return r;
	if (count == 0)
		return broadcast_settle(db, b->tenant, b->id);
	return sql_do(db,
		"UPDATE broadcasts SET next_us = ?3 WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(b->tenant), SQL_NUMBER(b->id), SQL_NUMBER(b->next_us));
}

int
broadcasts_pump(struct sql *db, struct arena *a, int64_t until_us)
{
	struct running rows[RUNNING_MAX];
	size_t count = 0;

	int r = list_running(db, a, rows, &count);
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = pump(db, a, &rows[i], until_us);
	return r < 0 ? r : 0;
}
