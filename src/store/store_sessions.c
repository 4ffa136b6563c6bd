/* SPDX-License-Identifier: MIT */
/* store_sessions.c: what was talked about, in stretches.
 *
 *   session_touch ---> open ---> silent for so long: closed ---> summarized
 *
 * A conversation's summary covers all that was said up to summary_us; that of a session
 * rolls it on to the session's end.  So a summary that failed is made good by the next,
 * and one that is made twice is kept once. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/store_priv.h"

#define MINUTE_US INT64_C(60000000)

enum {
	SAID_MAX = 200, /* messages in a summary; older ones are left out */
	FACTS_MAX = 20, /* of a contact; the oldest go */
	DUE_HOURS = 24, /* after that nobody tries a summary any more */
};

/* --- while it goes on --------------------------------------------------------- */

/* That it goes on is in the messages: nothing is written for each. */
int
session_touch(struct sql *db, struct str tenant, int64_t conversation)
{
	return sql_do(db,
		"INSERT INTO sessions (tenant_id, conversation_id, seq, started_us)"
		" SELECT ?1, ?2, 1 + ifnull((SELECT max(seq) FROM sessions"
		" WHERE conversation_id = ?2), 0), ?3 WHERE NOT EXISTS (SELECT 1"
		" FROM sessions WHERE conversation_id = ?2 AND closed_us IS NULL)",
		SQL_TEXT(tenant), SQL_NUMBER(conversation),
		SQL_NUMBER(clock_wall_us()));
}

int
session_recall(struct sql *db, struct store_load *l)
{
	int r = sql_row(db,
		"SELECT c.summary, ifnull(iif(p.name_source = 'push', "
		"'name on WhatsApp: ', 'name: ') || p.name || char(10), '')"
		" || ifnull((SELECT group_concat(key || ': ' || value, char(10))"
		"  FROM contact_facts AS f WHERE f.contact_id = p.id"
		"  AND (key <> 'name' OR ifnull(p.name_source, 'push') = 'push')), '')"
		" FROM conversations AS c JOIN contacts AS p ON p.id = c.contact_id"
		" WHERE c.id = ?2 AND c.tenant_id = ?1",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id));

	if (r <= 0)
		return r;
	l->summary = sql_col_text(db, 0, l->op.arena);
	l->facts = sql_col_text(db, 1, l->op.arena);
	return 0;
}

int
sessions_merge(struct sql *db, struct str tenant, const struct merge *contacts,
	int64_t kept_conv, int64_t gone_conv)
{
	int r = sql_do(db,
		"INSERT OR IGNORE INTO contact_facts (contact_id, tenant_id, key, "
		"value,"
		" updated_us) SELECT ?2, tenant_id, key, value, updated_us"
		" FROM contact_facts WHERE contact_id = ?3 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(contacts->kept),
		SQL_NUMBER(contacts->gone));

	if (r < 0 || kept_conv == 0 || gone_conv == 0)
		return r;
	return sql_do(db,
		"UPDATE conversations SET summary = (SELECT summary FROM conversations"
		" WHERE id = ?3 AND tenant_id = ?1) WHERE id = ?2 AND tenant_id = ?1"
		" AND summary IS NULL",
		SQL_TEXT(tenant), SQL_NUMBER(kept_conv), SQL_NUMBER(gone_conv));
}

/* --- its end ------------------------------------------------------------------ */

/* The customer's last message; of a conversation that was merged away, none. */
#define LAST_US                                                                \
	"ifnull((SELECT m.created_us FROM messages AS m WHERE"                 \
	" m.conversation_id = s.conversation_id AND m.tenant_id = s.tenant_id" \
	" AND m.direction = 'in' ORDER BY m.id DESC LIMIT 1), s.started_us)"
#define IDLE_US "?3 * iif(t.session_idle_min >= 0, t.session_idle_min, ?2)"

/* One that has just begun can't have been silent for long: its messages are not looked
 * at. */
static int
close_idle(struct sql *db, const struct store_sessions_due *d, int64_t now)
{
	return sql_do(db,
		"UPDATE sessions SET closed_us = ?1 WHERE id IN (SELECT s.id"
		" FROM sessions AS s JOIN tenants AS t ON t.id = s.tenant_id"
		" WHERE s.closed_us IS NULL AND " IDLE_US " > 0"
		" AND s.started_us < ?1 - " IDLE_US " AND " LAST_US " < ?1 - " IDLE_US
		" ORDER BY s.started_us LIMIT ?4)",
		SQL_NUMBER(now), SQL_NUMBER(d->idle_min), SQL_NUMBER(MINUTE_US),
		SQL_NUMBER((int64_t)d->limit));
}

/* Nobody would make a summary of them. */
static int
end_plain(struct sql *db, const struct store_sessions_due *d, int64_t now)
{
	return sql_do(db,
		"UPDATE sessions SET summarized_us = ?1 WHERE closed_us IS NOT NULL"
		" AND summarized_us IS NULL AND tenant_id IN (SELECT id FROM tenants"
		" WHERE prompt IS NULL OR ifnull(ai_provider, ?2) <> 'openai')",
		SQL_NUMBER(now), SQL_TEXT(d->ai ? STR("openai") : STR("builtin")));
}

static int
list_due(struct sql *db, struct store_sessions_due *d, int64_t now)
{
	int r = sql_row(db,
		"SELECT id, tenant_id FROM sessions WHERE closed_us > ?1"
		" AND summarized_us IS NULL ORDER BY closed_us LIMIT ?2",
		SQL_NUMBER(now - DUE_HOURS * 60 * MINUTE_US),
		SQL_NUMBER((int64_t)d->limit));

	d->due = arena_alloc(d->op.arena, (d->limit + 1) * sizeof(*d->due));
	for (; r > 0 && d->count < d->limit; r = sql_next(db))
		d->due[d->count++] = (struct store_session){.id = sql_col_number(db, 0),
			.tenant = sql_col_text(db, 1, d->op.arena)};
	return r;
}

static int
due(struct store *s, struct store_op *op)
{
	struct store_sessions_due *d = container_of(op, struct store_sessions_due, op);
	struct sql *db = store_db(s);
	int64_t now = clock_wall_us();

	int r = close_idle(db, d, now);
	if (r < 0)
		return r;
	d->closed = r;
	r = end_plain(db, d, now);
	return r < 0 ? r : list_due(db, d, now);
}

void
store_sessions_due(struct store *s, struct store_sessions_due *op, struct flow *f)
{
	op->count = 0;
	op->closed = 0;
	store_start(s, &op->op, due, f);
}

/* --- its summary -------------------------------------------------------------- */

static int
read_said(struct sql *db, struct store_session_read *d)
{
	int r = sql_row(db,
		"SELECT * FROM (SELECT m.direction, substr(m.body, 1, 1000), m.id,"
		" count(*) OVER () FROM messages AS m JOIN sessions AS s"
		" ON s.conversation_id = m.conversation_id JOIN conversations AS c"
		" ON c.id = m.conversation_id WHERE s.id = ?2 AND s.tenant_id = ?1"
		" AND m.tenant_id = ?1 AND m.created_us > c.summary_us"
		" AND m.created_us <= s.closed_us AND m.twin_of IS NULL"
		" AND m.body <> '' AND (m.direction = 'in'"
		"  OR m.status IN ('sent', 'delivered', 'read'))"
		" ORDER BY m.id DESC LIMIT ?3) ORDER BY 3",
		SQL_TEXT(tenant_id(d->tenant)), SQL_NUMBER(d->id),
		SQL_NUMBER(SAID_MAX));

	if (r > 0)
		d->said = arena_alloc(d->op.arena, SAID_MAX * sizeof(*d->said));
	for (; r > 0; r = sql_next(db)) {
		struct store_history *h = &d->said[d->said_count++];

		h->from_customer = str_eqz(sql_col_text(db, 0, d->op.arena), "in");
		h->text = sql_col_text(db, 1, d->op.arena);
	}
	return r;
}

static int
read_session(struct store *s, struct store_op *op)
{
	struct store_session_read *d = container_of(op, struct store_session_read, op);
	struct sql *db = store_db(s);
	struct str tenant = tenant_id(d->tenant);

	int r = tenant_find(db, tenant, op->arena, &d->found);
	if (r > 0)
		r = sql_row(db,
			"SELECT s.summarized_us IS NOT NULL OR s.closed_us IS NULL,"
			" c.summary FROM sessions AS s JOIN conversations AS c"
			" ON c.id = s.conversation_id WHERE s.id = ?2 AND s.tenant_id "
			"= ?1",
			SQL_TEXT(tenant), SQL_NUMBER(d->id));
	if (r <= 0)
		return r < 0 ? r : store_fail(op, ERR_NOT_FOUND, "no such session");
	d->done = sql_col_number(db, 0);
	d->summary = sql_col_text(db, 1, op->arena);
	r = usage_today(db, tenant, d->found.time_zone, &d->ai_spent_micros);
	return r < 0 ? r : read_said(db, d);
}

void
store_session_read(struct store *s, struct store_session_read *op, struct flow *f)
{
	op->said = NULL;
	op->said_count = 0;
	store_start(s, &op->op, read_session, f);
}

static int
keep_summary(struct sql *db, const struct store_session_keep *k, struct str tenant)
{
	return sql_do(db,
		"UPDATE conversations SET summary = ?3, summary_us = (SELECT closed_us"
		" FROM sessions WHERE id = ?2) WHERE tenant_id = ?1 AND id = (SELECT"
		" conversation_id FROM sessions WHERE id = ?2 AND tenant_id = ?1)"
		" AND summary_us < (SELECT closed_us FROM sessions WHERE id = ?2)",
		SQL_TEXT(tenant), SQL_NUMBER(k->id), SQL_TEXT(k->summary));
}

static int
keep_fact(
	struct sql *db, const struct store_session_keep *k, struct str tenant, size_t i)
{
	return sql_do(db,
		"INSERT INTO contact_facts (contact_id, tenant_id, key, value,"
		" updated_us) SELECT c.contact_id, ?1, ?3, ?4, ?5 FROM sessions AS s"
		" JOIN conversations AS c ON c.id = s.conversation_id"
		" WHERE s.id = ?2 AND s.tenant_id = ?1"
		" ON CONFLICT DO UPDATE SET value = ?4, updated_us = ?5",
		SQL_TEXT(tenant), SQL_NUMBER(k->id), SQL_TEXT(k->keys[i]),
		SQL_TEXT(k->values[i]), SQL_NUMBER(clock_wall_us()));
}

static int
drop_old_facts(struct sql *db, const struct store_session_keep *k, struct str tenant)
{
	return sql_do(db,
		"DELETE FROM contact_facts WHERE tenant_id = ?1 AND contact_id ="
		" (SELECT c.contact_id FROM sessions AS s JOIN conversations AS c"
		"  ON c.id = s.conversation_id WHERE s.id = ?2 AND s.tenant_id = ?1)"
		" AND key NOT IN (SELECT key FROM contact_facts AS f WHERE"
		"  f.contact_id = contact_facts.contact_id ORDER BY f.updated_us DESC,"
		"  f.key LIMIT ?3)",
		SQL_TEXT(tenant), SQL_NUMBER(k->id), SQL_NUMBER(FACTS_MAX));
}

static int
keep_name(struct sql *db, const struct store_session_keep *k, struct str tenant)
{
	int r = sql_row(db,
		"SELECT c.contact_id FROM sessions AS s JOIN conversations AS c"
		" ON c.id = s.conversation_id WHERE s.id = ?2 AND s.tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(k->id));

	if (r <= 0)
		return r;
	return contact_call(db, k->op.arena, tenant, sql_col_number(db, 0),
		&(struct called){.name = k->name,
			.source = NAME_AI,
			.confidence = k->name_confidence});
}

static int
keep_session(struct store *s, struct store_op *op)
{
	struct store_session_keep *k = container_of(op, struct store_session_keep, op);
	struct sql *db = store_db(s);
	struct str tenant = tenant_id(k->tenant);

	int r = usage_add(db, op->arena, tenant, k->usage, k->usage_count, k->budget,
		&k->budget_crossed);
	if (r >= 0 && k->summary.p)
		r = keep_summary(db, k, tenant);
	for (size_t i = 0; r >= 0 && i < k->fact_count; i++)
		r = keep_fact(db, k, tenant, i);
	if (r >= 0)
		r = keep_name(db, k, tenant);
	if (r >= 0 && k->fact_count > 0)
		r = drop_old_facts(db, k, tenant);
	if (r < 0)
		return r;
	return sql_do(db,
		"UPDATE sessions SET summarized_us = ?3 WHERE id = ?2 AND tenant_id = "
		"?1",
		SQL_TEXT(tenant), SQL_NUMBER(k->id), SQL_NUMBER(clock_wall_us()));
}

void
store_session_keep(struct store *s, struct store_session_keep *op, struct flow *f)
{
	op->budget_crossed = 0;
	store_start(s, &op->op, keep_session, f);
}
