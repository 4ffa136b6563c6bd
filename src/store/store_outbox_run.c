/* SPDX-License-Identifier: MIT */
/* store_outbox_run.c: messages that are no answer: on their way.
 *
 *   due:    broadcasts_pump ---> rows that wait, rows whose job may be lost
 *   take:   row of this round? ---> opted out? ---> replied? ---> yours
 *   keep:   row open? --- no message yet ---> turn, message, row.message_id
 *                     '-- it has one ------> fence, led by this attempt
 *   end:    sent, failed or skipped; or the next slot of its schedule
 *
 * Each is one savepoint.  What is sent once is the message row: its outbound key is
 * unique, and store_mark guards it from "pending" on. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/store_outbox_priv.h"

enum {
	DUE_MAX = 1000,
	STALE_US = 120 * 1000000, /* a job that is over has said so by then */
};

/* --- due -------------------------------------------------------------------- */

static void
take_rows(struct sql *db, struct store_outbox_due *d, int r, bool stale)
{
	for (; r > 0 && d->count < (size_t)d->limit; r = sql_next(db)) {
		struct outbox_due *due = &d->rows[d->count++];

		outbox_read(db, d->op.arena, &due->row);
		due->stale = stale;
	}
}

static int
due(struct store *s, struct store_op *op)
{
	struct store_outbox_due *d = container_of(op, struct store_outbox_due, op);
	struct sql *db = store_db(s);

	if (d->limit < 1 || d->limit > DUE_MAX)
		return store_fail(op, ERR_SHAPE, "limit must be from 1 to %d", DUE_MAX);
	int r = broadcasts_pump(db, op->arena, d->until_us);
	if (r < 0)
		return r;
	d->rows = arena_zalloc(op->arena, (size_t)d->limit * sizeof(*d->rows));
	d->count = 0;
	r = sql_row(db,
		OUTBOX_SELECT "WHERE status = 'waiting' AND due_us <= ?1"
			      " ORDER BY due_us, id LIMIT ?2",
		SQL_NUMBER(d->until_us), SQL_NUMBER(d->limit));
	take_rows(db, d, r, false);
	if (r < 0)
		return r;
	r = sql_row(db,
		OUTBOX_SELECT "WHERE status = 'queued' AND looked_us < ?1"
			      " AND due_us < ?1 ORDER BY looked_us LIMIT ?2",
		SQL_NUMBER(clock_wall_us() - STALE_US), SQL_NUMBER(d->limit));
	take_rows(db, d, r, true);
	return r < 0 ? r : 0;
}

void
store_outbox_due(struct store *s, struct store_outbox_due *op, struct flow *f)
{
	store_start(s, &op->op, due, f);
}

static int
queued(struct store *s, struct store_op *op)
{
	struct store_outbox_queued *q =
		container_of(op, struct store_outbox_queued, op);

	for (size_t i = 0; i < q->count; i++) {
		const struct outbox_row *row = &q->rows[i].row;

		int r = sql_do(store_db(s),
			"UPDATE scheduled_messages SET status = 'queued',"
			" looked_us = ?4 WHERE id = ?2 AND tenant_id = ?1"
			" AND round = ?3 AND status IN ('waiting', 'queued')",
			SQL_TEXT(row->tenant), SQL_NUMBER(row->id),
			SQL_NUMBER(row->round), SQL_NUMBER(clock_wall_us()));
		if (r < 0)
			return r;
	}
	return 0;
}

void
store_outbox_queued(struct store *s, struct store_outbox_queued *op, struct flow *f)
{
	store_start(s, &op->op, queued, f);
}

/* --- ends ------------------------------------------------------------------- */

static int
set_status(struct sql *db, const struct outbox_row *row, struct str status,
	struct str reason)
{
	int r = sql_do(db,
		"UPDATE scheduled_messages SET status = ?3, reason = ?4,"
		" updated_us = ?5 WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(row->tenant), SQL_NUMBER(row->id), SQL_TEXT(status),
		SQL_TEXT(reason), SQL_NUMBER(clock_wall_us()));
	if (r < 0 || !row->broadcast_id)
		return r;
	return broadcast_settle(db, row->tenant, row->broadcast_id);
}

static int
wait_anew(struct sql *db, const struct outbox_row *row, int64_t slot_us, int64_t due_us,
	struct str reason)
{
	return sql_do(db,
		"UPDATE scheduled_messages SET status = 'waiting', reason = ?5,"
		" slot_us = ?3, due_us = ?4, round = round + 1, message_id = NULL,"
		" updated_us = ?6 WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(row->tenant), SQL_NUMBER(row->id), SQL_NUMBER(slot_us),
		SQL_NUMBER(due_us), SQL_TEXT(reason), SQL_NUMBER(clock_wall_us()));
}

static int
count_sent(struct sql *db, const struct outbox_row *row)
{
	return sql_do(db,
		"UPDATE scheduled_messages SET sent_count = sent_count + 1,"
		" sent_us = ?3 WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(row->tenant), SQL_NUMBER(row->id),
		SQL_NUMBER(clock_wall_us()));
}

/* --- take ------------------------------------------------------------------- */

/* Of the contact: its name, whether it has opted out, whether it wrote since. */
struct customer {
	struct str name;
	bool opted_out, replied;
};

static int
read_customer(struct sql *db, struct arena *a, const struct outbox_row *row,
	struct customer *ret)
{
	*ret = (struct customer){0};
	int64_t contact = contact_of_chat(db, a, row->tenant, row->chat);
	if (contact <= 0)
		return (int)contact;
	int r = sql_row(db,
		"SELECT name, EXISTS (SELECT 1 FROM conversations AS c"
		" JOIN messages AS m ON m.tenant_id = c.tenant_id"
		"  AND m.conversation_id = c.id"
		" WHERE c.contact_id = ?2 AND c.tenant_id = ?1"
		"  AND m.direction = 'in' AND m.created_us > ?3),"
		" opted_out_us IS NOT NULL FROM contacts WHERE id = ?2 AND tenant_id = "
		"?1",
		SQL_TEXT(row->tenant), SQL_NUMBER(contact),
		SQL_NUMBER(row->created_us));
	if (r <= 0)
		return r;
	ret->name = sql_col_text(db, 0, a);
	ret->replied = sql_col_number(db, 1);
	ret->opted_out = sql_col_number(db, 2);
	return 0;
}

static int
over(struct store_outbox_take *t, const char *why)
{
	t->over = true;
	t->why = why;
	return 0;
}

static int
give_up(struct sql *db, struct store_outbox_take *t, struct str status,
	struct str reason, const char *why)
{
	int r = set_status(db, &t->row, status, reason);

	return r < 0 ? r : over(t, why);
}

/* A row that was failed is its job's again: a person has replayed the dead letter. */
static bool
is_mine(const struct store_outbox_take *t)
{
	const struct outbox_row *row = &t->row;

	return row->round == t->round &&
	       (outbox_open(row) || str_eqz(row->status, "failed"));
}

static int
take(struct store *s, struct store_op *op)
{
	struct store_outbox_take *t = container_of(op, struct store_outbox_take, op);
	struct str tenant = tenant_id(t->tenant);
	struct sql *db = store_db(s);
	struct customer customer;

	int r = tenant_find(db, tenant, op->arena, &t->found);
	if (r <= 0)
		return r < 0 ? r : ERR_NO_TENANT;
	r = outbox_find(db, op->arena, tenant, t->id, &t->row);
	if (r <= 0)
		return r < 0 ? r : over(t, "it is gone");
	if (!is_mine(t))
		return over(t,
			t->row.round == t->round ? t->row.status.p : "it waits anew");
	if (t->row.message_id)
		return 0;
	r = read_customer(db, op->arena, &t->row, &customer);
	if (r < 0)
		return r;
	t->name = t->row.name.p ? t->row.name : customer.name;
	if (customer.opted_out)
		return give_up(db, t, STR("skipped"), STR("opted out"),
			"the customer has opted out");
	if (t->row.unless_reply && customer.replied)
		return give_up(db, t, STR("cancelled"), STR("reply"),
			"the customer has written");
	return 0;
}

void
store_outbox_take(struct store *s, struct store_outbox_take *op, struct flow *f)
{
	op->over = false;
	op->why = "";
	op->name = (struct str){NULL, 0};
	store_start(s, &op->op, take, f);
}

static int
move(struct store *s, struct store_op *op)
{
	struct store_outbox_move *m = container_of(op, struct store_outbox_move, op);
	struct sql *db = store_db(s);
	struct outbox_row row;

	int r = outbox_find(db, op->arena, tenant_id(m->tenant), m->id, &row);
	if (r <= 0 || row.round != m->round || row.message_id || !outbox_open(&row))
		return r;
	return wait_anew(db, &row, row.slot_us, m->due_us, row.reason);
}

void
store_outbox_move(struct store *s, struct store_outbox_move *op, struct flow *f)
{
	store_start(s, &op->op, move, f);
}

/* --- keep ------------------------------------------------------------------- */

static int
insert_message(struct sql *db, const struct store_outbox_keep *k,
	const struct outbox_row *row, int64_t conversation)
{
	return sql_do(db,
		"INSERT INTO messages (tenant_id, conversation_id, turn_id, direction,"
		" source, provider, chat, outbound_key, kind, body, status,"
		" created_us, updated_us) VALUES (?1, ?2, ?3, 'out', 'system',"
		" (SELECT gateway FROM tenants WHERE id = ?1), ?4, ?5,"
		" ifnull(?8 ->> '$.type', 'text'), ?6, 'pending', ?7, ?7)",
		SQL_TEXT(row->tenant), SQL_NUMBER(conversation), SQL_NUMBER(k->turn_id),
		SQL_TEXT(row->chat), SQL_TEXT(k->key), SQL_TEXT(k->text),
		SQL_NUMBER(clock_wall_us()), SQL_TEXT(row->content));
}

static int
keep_new(struct sql *db, struct store_outbox_keep *k, const struct outbox_row *row)
{
	int64_t conversation =
		conversation_make(db, k->op.arena, row->tenant, row->chat, NULL, NULL);
	if (conversation < 0)
		return (int)conversation;
	k->turn_id = turn_insert(db, &(struct turn){.tenant = row->tenant,
					     .job_id = k->job_id,
					     .conversation_id = conversation,
					     .attempt = k->attempt,
					     .state = TURN_KEPT});
	if (k->turn_id < 0)
		return (int)k->turn_id;
	int r = insert_message(db, k, row, conversation);
	if (r == ERR_EXISTS)
		return store_fail(&k->op, r, "another message has the outbound key");
	if (r < 0)
		return r;
	k->message.id = sql_inserted(db);
	return sql_do(db,
		"UPDATE scheduled_messages SET message_id = ?3, updated_us = ?4"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(row->tenant), SQL_NUMBER(row->id), SQL_NUMBER(k->message.id),
		SQL_NUMBER(clock_wall_us()));
}

static int
read_message(struct sql *db, struct store_outbox_keep *k, struct str tenant,
	int64_t *ret_held)
{
	int r = sql_row(db,
		"SELECT m.id, m.turn_id, m.body, m.outbound_key, m.status, t.attempt,"
		" m.updated_us, t.job_id IS ?3, m.kind = 'template'"
		" FROM messages AS m JOIN turns AS t ON t.id = m.turn_id"
		" WHERE m.id = ?2 AND m.tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(k->message.id), SQL_TEXT(k->job_id));
	if (r <= 0)
		return r < 0 ? r : store_fail(&k->op, ERR_NOT_FOUND, "no such message");
	k->turn_id = sql_col_number(db, 1);
	k->message.text = sql_col_text(db, 2, k->op.arena);
	k->message.key = sql_col_text(db, 3, k->op.arena);
	k->message.status = sql_col_text(db, 4, k->op.arena);
	*ret_held = sql_col_number(db, 7) ? sql_col_number(db, 5) : 0;
	k->message.changed_us = sql_col_number(db, 6);
	k->message.is_template = sql_col_number(db, 8);
	return 0;
}

/* As store_load does with a reply of a dead letter that is replayed. */
static int
reopen(struct sql *db, struct store_outbox_keep *k, const struct outbox_row *row,
	int64_t *ret_held)
{
	int r = turn_reopen(db, row->tenant, k->turn_id);
	if (r >= 0)
		r = set_status(db, row, STR("queued"), (struct str){NULL, 0});
	return r < 0 ? r : read_message(db, k, row->tenant, ret_held);
}

static int
lead(struct sql *db, const struct store_outbox_keep *k, struct str tenant)
{
	return sql_do(db,
		"UPDATE turns SET attempt = ?3, job_id = ?4, state = CASE"
		" (SELECT status FROM messages WHERE id = ?5 AND tenant_id = ?1)"
		" WHEN 'pending' THEN 'kept' WHEN 'sending' THEN 'sending'"
		" ELSE 'done' END, updated_us = ?6 WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(k->turn_id), SQL_NUMBER(k->attempt),
		SQL_TEXT(k->job_id), SQL_NUMBER(k->message.id),
		SQL_NUMBER(clock_wall_us()));
}

static int
keep(struct store *s, struct store_op *op)
{
	struct store_outbox_keep *k = container_of(op, struct store_outbox_keep, op);
	struct str tenant = tenant_id(k->tenant);
	struct sql *db = store_db(s);
	struct outbox_row row;
	int64_t held = 0;

	int r = outbox_find(db, op->arena, tenant, k->id, &row);
	if (r < 0)
		return r;
	k->over = r == 0 || row.round != k->round ||
		  !(outbox_open(&row) || str_eqz(row.status, "failed"));
	if (k->over)
		return 0;
	k->message.id = row.message_id;
	k->message.content = row.content;
	if (!row.message_id)
		r = keep_new(db, k, &row);
	if (r >= 0)
		r = read_message(db, k, tenant, &held);
	if (r >= 0 && row.message_id && str_eqz(row.status, "failed"))
		r = reopen(db, k, &row, &held);
	if (r < 0)
		return r;
	if (k->attempt < held)
		return turn_fenced(op, k->attempt, held);
	return lead(db, k, tenant);
}

void
store_outbox_keep(struct store *s, struct store_outbox_keep *op, struct flow *f)
{
	store_start(s, &op->op, keep, f);
}

/* --- end -------------------------------------------------------------------- */

/* One that was cancelled while it was sent was sent all the same, but does not come
 * again. */
static int
end_row(struct sql *db, const struct store_outbox_end *e, const struct outbox_row *row)
{
	bool cancelled = !outbox_open(row);

	if (e->next_us > 0 && !cancelled)
		return wait_anew(db, row, e->next_us, e->next_us, e->reason);
	if (row->schedule.p && cancelled)
		return 0;
	return set_status(db, row, e->status, e->reason);
}

static int
end(struct store *s, struct store_op *op)
{
	struct store_outbox_end *e = container_of(op, struct store_outbox_end, op);
	struct sql *db = store_db(s);
	struct outbox_row row;

	int r = outbox_find(db, op->arena, tenant_id(e->tenant), e->id, &row);
	if (r <= 0 || row.round != e->round || str_eqz(row.status, "sent"))
		return r;
	if (str_eqz(e->status, "sent"))
		r = count_sent(db, &row);
	return r < 0 ? r : end_row(db, e, &row);
}

void
store_outbox_end(struct store *s, struct store_outbox_end *op, struct flow *f)
{
	store_start(s, &op->op, end, f);
}
