/* SPDX-License-Identifier: MIT */
/* store_retain.c: what is kept no longer.
 *
 * Two classes: the message as it came (raw), and what was said (body, what it quotes,
 * and with them raw).
 * A row whose turn is not over is left alone: somebody is about to answer it.  The row
 * itself stays, see docs/decisions.md. */
#include "base/clock.h"
#include "base/err.h"
#include "store/store_priv.h"

#define DAY_US INT64_C(86400000000)

/* Days to the time before which nothing stays; 0: for ever. */
static int64_t
cut_us(int64_t tenants, int64_t usual)
{
	int64_t days = tenants >= 0 ? tenants : usual;

	return days > 0 ? clock_wall_us() - days * DAY_US : 0;
}

#define OLDEST_OF(holds)                                                      \
	" WHERE id IN (SELECT m.id FROM messages AS m WHERE m.tenant_id = ?1" \
	" AND (" holds ") AND m.created_us < ?2"                              \
	" AND NOT EXISTS (SELECT 1 FROM turns AS t WHERE t.id = m.turn_id"    \
	"  AND t.state <> 'done') ORDER BY m.created_us LIMIT ?3)"

static int
blank_messages(struct sql *db, struct str tenant, int64_t before_us, int64_t limit)
{
	return sql_do(db,
		"UPDATE messages SET body = NULL, raw = NULL, quoted_text = NULL,"
		" emoji = NULL" OLDEST_OF(
			"m.body IS NOT NULL OR m.quoted_text IS NOT NULL"),
		SQL_TEXT(tenant), SQL_NUMBER(before_us), SQL_NUMBER(limit));
}

/* Its words, as they were written by hand; a broadcast's are the business's own. */
static int
blank_scheduled(struct sql *db, struct str tenant, int64_t before_us, int64_t limit)
{
	return sql_do(db,
		"UPDATE scheduled_messages SET body = '', content = NULL WHERE id IN ("
		" SELECT id FROM scheduled_messages WHERE tenant_id = ?1 AND body <> ''"
		" AND status NOT IN ('waiting', 'queued') AND updated_us < ?2"
		" ORDER BY updated_us LIMIT ?3)",
		SQL_TEXT(tenant), SQL_NUMBER(before_us), SQL_NUMBER(limit));
}

/* Their words come from messages that are blanked at that age. */
static int
drop_notes(struct sql *db, struct str tenant, int64_t before_us)
{
	int r = sql_do(db,
		"UPDATE conversations SET summary = NULL WHERE tenant_id = ?1"
		" AND summary IS NOT NULL AND summary_us < ?2",
		SQL_TEXT(tenant), SQL_NUMBER(before_us));
	if (r < 0)
		return r;
	return sql_do(db,
		"DELETE FROM contact_facts WHERE tenant_id = ?1 AND updated_us < ?2",
		SQL_TEXT(tenant), SQL_NUMBER(before_us));
}

static int
blank_raw(struct sql *db, struct str tenant, int64_t before_us, int64_t limit)
{
	return sql_do(db,
		"UPDATE messages SET raw = NULL" OLDEST_OF("m.raw IS NOT NULL"),
		SQL_TEXT(tenant), SQL_NUMBER(before_us), SQL_NUMBER(limit));
}

static int
retain(struct store *s, struct store_op *op)
{
	struct store_retain *k = container_of(op, struct store_retain, op);
	struct str tenant = tenant_id(k->tenant);
	struct sql *db = store_db(s);
	struct tenant t;

	k->messages = k->raw = 0;
	int r = tenant_must(db, op, tenant, &t);
	if (r < 0)
		return r;
	int64_t texts = cut_us(t.retain_messages_days, k->messages_days);
	int64_t raw = cut_us(t.retain_raw_days, k->raw_days);
	if (texts > raw) /* no row keeps the message as it came longer than its text */
		raw = texts;
	r = texts > 0 ? blank_messages(db, tenant, texts, k->limit) : 0;
	if (r < 0)
		return r;
	k->messages = r;
	r = texts > 0 ? blank_scheduled(db, tenant, texts, k->limit - r) : 0;
	if (r < 0)
		return r;
	k->messages += r;
	r = texts > 0 ? drop_notes(db, tenant, texts) : 0;
	if (r < 0)
		return r;
	r = raw > 0 ? blank_raw(db, tenant, raw, k->limit - k->messages) : 0;
	if (r < 0)
		return r;
	k->raw = r;
	return 0;
}

void
store_retain(struct store *s, struct store_retain *op, struct flow *f)
{
	store_start(s, &op->op, retain, f);
}
