/* SPDX-License-Identifier: MIT */
/* store_broadcasts.c: one text to many people: made, started, stopped, counted. */
#include "store/store_broadcasts.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/store_outbox_priv.h"

enum { LIMIT_MAX = 500 };

static int
audit(struct sql *db, struct str tenant, int64_t broadcast, const char *action,
	struct str actor)
{
	int64_t id = audit_note(db, &(struct audit_entry){.tenant = tenant,
					    .action = str_of(action),
					    .actor = actor,
					    .broadcast_id = broadcast});
	return id < 0 ? (int)id : 0;
}

/* --- add -------------------------------------------------------------------- */

static int
insert(struct sql *db, struct store_broadcast_add *add, struct str tenant)
{
	int r = sql_do(db,
		"INSERT INTO broadcasts (tenant_id, name, body, rate_per_min,"
		" created_us, updated_us, content) VALUES (?1, ?2, ?3, ?4, ?5, ?5, "
		"json(?6))",
		SQL_TEXT(tenant), SQL_TEXT(add->name), SQL_TEXT(add->text),
		SQL_NUMBER(add->rate_per_min), SQL_NUMBER(clock_wall_us()),
		SQL_TEXT(add->content));
	if (r < 0)
		return r;
	add->id = sql_inserted(db);
	return audit(db, tenant, add->id, "broadcast.create", STR("cli"));
}

static int
insert_recipient(struct sql *db, struct store_broadcast_add *add,
	const struct tenant *t, struct broadcast_recipient *to)
{
	struct outbox_address a;
	char why[128];

	int r = outbox_address(db, add->op.arena, t, to->to, &a, why);
	if (r == ERR_SHAPE) {
		to->wrong = arena_z(add->op.arena, str_of(why));
		add->wrong++;
		return 0;
	}
	if (r < 0)
		return r;
	r = sql_do(db,
		"INSERT INTO broadcast_recipients (tenant_id, broadcast_id, chat, who,"
		" name) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
		SQL_TEXT(t->id), SQL_NUMBER(add->id), SQL_TEXT(a.chat), SQL_TEXT(a.who),
		SQL_TEXT(to->name));
	to->known = r == 0;
	add->twice += r == 0;
	return r;
}

static int
check(struct sql *db, struct store_broadcast_add *add)
{
	if (add->rate_per_min < 1 || add->rate_per_min > BROADCAST_RATE_MAX)
		return store_fail(&add->op, ERR_SHAPE,
			"the rate is 1 to %d messages a minute", BROADCAST_RATE_MAX);
	if (add->count < 1 || add->count > BROADCAST_RECIPIENTS_MAX)
		return store_fail(&add->op, ERR_SHAPE,
			"a broadcast has 1 to %d recipients", BROADCAST_RECIPIENTS_MAX);
	int r = outbox_content_check(db, &add->op, add->content);
	return r < 0 ? r : outbox_text_check(&add->op, add->text);
}

static int
add(struct store *s, struct store_op *op)
{
	struct store_broadcast_add *a =
		container_of(op, struct store_broadcast_add, op);
	struct sql *db = store_db(s);
	struct tenant t;

	int r = tenant_must(db, op, tenant_id(a->tenant), &t);
	if (r >= 0)
		r = check(db, a);
	if (r >= 0)
		r = insert(db, a, t.id);
	for (size_t i = 0; r >= 0 && i < a->count; i++)
		r = insert_recipient(db, a, &t, &a->recipients[i]);
	if (r < 0)
		return r;
	if (a->wrong == a->count || (a->wrong > 0 && !a->skip_wrong))
		return store_fail(op, ERR_SHAPE, "%zu of %zu recipients are wrong",
			a->wrong, a->count);
	return 0;
}

void
store_broadcast_add(struct store *s, struct store_broadcast_add *op, struct flow *f)
{
	op->id = 0;
	op->wrong = op->twice = 0;
	for (size_t i = 0; i < op->count; i++) {
		op->recipients[i].wrong = NULL;
		op->recipients[i].known = false;
	}
	store_start(s, &op->op, add, f);
}

/* --- start, pause, resume, cancel ------------------------------------------- */

static const struct act {
	const char *name, *action;
	const char *from, *to; /* from: separated by blanks */
	bool takes_back;
} acts[] = {
	{"start", "broadcast.start", "draft paused", "running", false},
	{"resume", "broadcast.resume", "paused", "running", false},
	{"pause", "broadcast.pause", "running", "paused", true},
	{"cancel", "broadcast.cancel", "draft running paused", "cancelled", true},
};

static const struct act *
act_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(acts); i++)
		if (str_eqz(name, acts[i].name))
			return &acts[i];
	return NULL;
}

static bool
may_from(const struct act *act, struct str status)
{
	struct str words = str_of(act->from);

	while (words.p)
		if (str_eq(str_cut(&words, ' '), status))
			return true;
	return false;
}

/* The ids of its rows that are not over. */
static int
list_open(struct sql *db, struct arena *a, struct str tenant, int64_t broadcast,
	int64_t **ret, size_t *ret_count)
{
	int r = sql_row(db,
		"SELECT count(*) FROM scheduled_messages WHERE broadcast_id = ?2"
		" AND tenant_id = ?1 AND status IN ('waiting', 'queued')",
		SQL_TEXT(tenant), SQL_NUMBER(broadcast));
	if (r < 0)
		return r;
	size_t most = (size_t)sql_col_number(db, 0);
	*ret = arena_alloc(a, (most + 1) * sizeof(**ret));
	*ret_count = 0;
	r = sql_row(db,
		"SELECT id FROM scheduled_messages WHERE broadcast_id = ?2"
		" AND tenant_id = ?1 AND status IN ('waiting', 'queued') ORDER BY id",
		SQL_TEXT(tenant), SQL_NUMBER(broadcast));
	for (; r > 0 && *ret_count < most; r = sql_next(db))
		(*ret)[(*ret_count)++] = sql_col_number(db, 0);
	return r < 0 ? r : 0;
}

/* Nobody has posted it and nobody will: its recipient is pending again. */
static int
take_back_one(struct sql *db, struct str tenant, int64_t id, struct str reason)
{
	int r = outbox_withdraw(db, tenant, id, reason);
	if (r <= 0)
		return r;
	r = sql_do(db,
		"UPDATE broadcast_recipients SET scheduled_id = NULL"
		" WHERE scheduled_id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(id));
	return r < 0 ? r : 1;
}

/* The pace goes on from the last that was really sent. */
static int
rewind_pace(struct sql *db, const struct store_broadcast_act *a, struct str tenant)
{
	return sql_do(db,
		"UPDATE broadcasts SET next_us = ifnull((SELECT max(slot_us)"
		" + 60000000 / rate_per_min FROM scheduled_messages"
		" WHERE broadcast_id = ?2 AND tenant_id = ?1"
		" AND status <> 'cancelled'), 0) WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(a->id));
}

static int
take_back(struct sql *db, struct store_broadcast_act *a, struct str tenant)
{
	int64_t *ids;
	size_t count;

	int r = list_open(db, a->op.arena, tenant, a->id, &ids, &count);
	for (size_t i = 0; r >= 0 && i < count; i++) {
		r = take_back_one(db, tenant, ids[i], a->status);
		a->taken_back += r > 0;
	}
	return r < 0 ? r : rewind_pace(db, a, tenant);
}

static int
become(struct sql *db, struct store_broadcast_act *a, struct str tenant,
	const struct act *act)
{
	int r = sql_do(db,
		"UPDATE broadcasts SET status = ?3, updated_us = ?4"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(a->id), SQL_TEXT(str_of(act->to)),
		SQL_NUMBER(clock_wall_us()));
	if (r >= 0)
		r = audit(db, tenant, a->id, act->action, STR("cli"));
	a->status = str_of(act->to);
	if (r >= 0 && act->takes_back)
		r = take_back(db, a, tenant);
	return r;
}

static int
act(struct store *s, struct store_op *op)
{
	struct store_broadcast_act *a =
		container_of(op, struct store_broadcast_act, op);
	const struct act *wanted = act_of(a->act);
	struct str tenant = tenant_id(a->tenant);
	struct sql *db = store_db(s);

	if (!wanted)
		return store_fail(op, ERR_SHAPE, "no such act");
	int r = sql_row(db,
		"SELECT status FROM broadcasts WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(a->id));
	if (r <= 0)
		return r < 0 ? r : store_fail(op, ERR_NOT_FOUND, "no such broadcast");
	a->status = sql_col_text(db, 0, op->arena);
	if (str_eqz(a->status, wanted->to))
		return 0;
	if (!may_from(wanted, a->status))
		return store_fail(op, ERR_EXISTS, "broadcast %lld is %.*s",
			(long long)a->id, STR_FMT(a->status));
	return become(db, a, tenant, wanted);
}

void
store_broadcast_act(struct store *s, struct store_broadcast_act *op, struct flow *f)
{
	op->taken_back = 0;
	store_start(s, &op->op, act, f);
}

int
broadcast_settle(struct sql *db, struct str tenant, int64_t broadcast)
{
	int r = sql_do(db,
		"UPDATE broadcasts SET status = 'done', updated_us = ?3"
		" WHERE id = ?2 AND tenant_id = ?1 AND status = 'running'"
		" AND NOT EXISTS (SELECT 1 FROM broadcast_recipients"
		"  WHERE broadcast_id = ?2 AND scheduled_id IS NULL)"
		" AND NOT EXISTS (SELECT 1 FROM scheduled_messages"
		"  WHERE broadcast_id = ?2 AND status IN ('waiting', 'queued'))",
		SQL_TEXT(tenant), SQL_NUMBER(broadcast), SQL_NUMBER(clock_wall_us()));

	return r <= 0 ? r
		      : audit(db, tenant, broadcast, "broadcast.done", STR("system"));
}

/* --- list ------------------------------------------------------------------- */

static void
read_broadcast(struct sql *db, struct arena *a, struct broadcast *ret)
{
	*ret = (struct broadcast){
		.id = sql_col_number(db, 0),
		.name = sql_col_text(db, 1, a),
		.text = sql_col_text(db, 2, a),
		.status = sql_col_text(db, 3, a),
		.rate_per_min = sql_col_number(db, 4),
		.next_us = sql_col_number(db, 5),
		.created_us = sql_col_number(db, 6),
		.total = sql_col_number(db, 7),
		.sent = sql_col_number(db, 8),
		.failed = sql_col_number(db, 9),
		.skipped = sql_col_number(db, 10),
		.queued = sql_col_number(db, 11),
		.pending = sql_col_number(db, 12),
	};
}

static int
list(struct store *s, struct store_op *op)
{
	struct store_broadcast_list *l =
		container_of(op, struct store_broadcast_list, op);
	struct sql *db = store_db(s);

	if (l->id)
		l->limit = 1;
	if (l->limit < 1 || l->limit > LIMIT_MAX)
		return store_fail(
			op, ERR_SHAPE, "limit must be from 1 to %d", LIMIT_MAX);
	l->rows = arena_zalloc(op->arena, (size_t)l->limit * sizeof(*l->rows));
	l->count = 0;
	int r = sql_row(db,
		"SELECT b.id, b.name, b.body, b.status, b.rate_per_min, b.next_us,"
		" b.created_us, count(r.id),"
		" count(*) FILTER (WHERE s.status = 'sent'),"
		" count(*) FILTER (WHERE s.status = 'failed'),"
		" count(*) FILTER (WHERE s.status IN ('skipped', 'cancelled')),"
		" count(*) FILTER (WHERE s.status IN ('waiting', 'queued')),"
		" count(r.id) FILTER (WHERE s.id IS NULL)"
		" FROM (SELECT * FROM broadcasts WHERE tenant_id = ?1"
		"  AND (?2 = 0 OR id = ?2) ORDER BY id DESC LIMIT ?3) AS b"
		" LEFT JOIN broadcast_recipients AS r ON r.broadcast_id = b.id"
		" LEFT JOIN scheduled_messages AS s ON s.id = r.scheduled_id"
		" GROUP BY b.id ORDER BY b.id DESC",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->id),
		SQL_NUMBER(l->limit));
	for (; r > 0; r = sql_next(db))
		read_broadcast(db, op->arena, &l->rows[l->count++]);
	if (r == 0 && l->id && l->count == 0)
		return store_fail(op, ERR_NOT_FOUND, "no such broadcast");
	return r;
}

void
store_broadcast_list(struct store *s, struct store_broadcast_list *op, struct flow *f)
{
	store_start(s, &op->op, list, f);
}
