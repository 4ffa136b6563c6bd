/* SPDX-License-Identifier: MIT */
/* store_turns.c: one inbound message, its turn and its reply.
 *
 *   load:  tenant ---> conversation ---> row known? --yes--> take_over (fence) ---.
 *                                            |                                    v
 *                                            no ---> turn ---> row ---> reply, history
 *   keep:  fence ---> reply there? --no--> insert it, turn kept
 *   mark:  fence ---> status forward, turn along with it
 *
 * Each is one savepoint in the store's transaction.  The unique indexes decide what
 * happens once; the fence decides who may go on: turns.attempt is that of the last
 * job attempt that loaded it, and a lower one belongs to a worker that lost its
 * lease.  Every statement names the tenant, ids or not. */
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/store_priv.h"

enum { HISTORY_MAX = 1000 }; /* more is no conversation but a mistake */

/* In the order of enum turn_state. */
static const char *const state_names[] = {"open", "asked", "kept", "sending", "done"};

static struct str
state_name(enum turn_state state)
{
	return str_of(state_names[state]);
}

static enum turn_state
state_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(state_names); i++)
		if (str_eqz(name, state_names[i]))
			return (enum turn_state)i;
	return TURN_DONE; /* the schema's CHECK allows no other */
}

static int
set_state(struct sql *db, struct str tenant, int64_t turn, enum turn_state state)
{
	return sql_do(db,
		"UPDATE turns SET state = ?3, updated_us = ?4 WHERE id = ?2 AND "
		"tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(turn), SQL_TEXT(state_name(state)),
		SQL_NUMBER(clock_wall_us()));
}

static int
fenced(struct store_op *op, int64_t attempt, int64_t held)
{
	return store_fail(op, ERR_FENCED,
		"attempt %lld came after attempt %lld had taken the turn",
		(long long)attempt, (long long)held);
}

struct reply {
	int64_t id;
	struct str text, key, status;
};

/* 1 and *ret, or 0 and zeros, or negative. */
static int
reply_of(struct sql *db, struct arena *a, struct str tenant, int64_t turn,
	struct reply *ret)
{
	*ret = (struct reply){0};
	int r = sql_row(db,
		"SELECT id, body, outbound_key, status FROM messages"
		" WHERE turn_id = ?2 AND tenant_id = ?1 AND source = 'bot'",
		SQL_TEXT(tenant), SQL_NUMBER(turn));
	if (r > 0)
		*ret = (struct reply){
			.id = sql_col_number(db, 0),
			.text = sql_col_text(db, 1, a),
			.key = sql_col_text(db, 2, a),
			.status = sql_col_text(db, 3, a),
		};
	return r;
}

/* --- load ----------------------------------------------------------------- */

/* An inbound row that is there, with what its turn says. */
struct row {
	int64_t attempt;
	bool undecrypted;
};

static bool
is_stub(const struct store_load *l)
{
	return str_eqz(l->kind, "undecrypted");
}

static bool
wants_answer(const struct store_load *l)
{
	return l->answerable && !l->from_me;
}

static struct str
first_status(const struct store_load *l)
{
	if (l->from_me)
		return STR("sent");
	return is_stub(l) ? STR("undecrypted") : STR("received");
}

#define SELECT_ROW                                                                     \
	"SELECT m.id, m.conversation_id, m.turn_id, t.state, t.attempt, m.kind"        \
	" FROM messages AS m JOIN turns AS t ON t.id = m.turn_id WHERE m.tenant_id = " \
	"?1"

static int
find_by_id(struct sql *db, const struct store_load *l)
{
	return sql_row(db,
		SELECT_ROW " AND m.provider = ?2 AND m.conversation_id = ?3"
			   " AND m.direction = ?4 AND m.provider_message_id = ?5"
			   " AND m.twin_of IS NULL",
		SQL_TEXT(tenant_id(l->tenant)), SQL_TEXT(l->provider),
		SQL_NUMBER(l->conversation_id),
		SQL_TEXT(l->from_me ? STR("out") : STR("in")), SQL_TEXT(l->message_id));
}

/* The echo of a reply may come before its "sent": then only the key is known, which
 * is the id that WhatsApp was given. */
static int
find_by_key(struct sql *db, const struct store_load *l)
{
	return sql_row(db, SELECT_ROW " AND m.outbound_key = ?2",
		SQL_TEXT(tenant_id(l->tenant)), SQL_TEXT(l->message_id));
}

static int
find_row(struct sql *db, struct store_load *l, struct row *ret)
{
	int r = find_by_id(db, l);
	if (r == 0 && l->from_me)
		r = find_by_key(db, l);
	if (r <= 0)
		return r;

	l->inbound_id = sql_col_number(db, 0);
	l->conversation_id = sql_col_number(db, 1);
	l->turn_id = sql_col_number(db, 2);
	l->state = state_of(sql_col_text(db, 3, l->op.arena));
	ret->attempt = sql_col_number(db, 4);
	ret->undecrypted = str_eqz(sql_col_text(db, 5, l->op.arena), "undecrypted");
	return r;
}

/* The same job comes again after its reply was failed: a person has queued it again
 * (or a worker died before it could say so).  The reply is what it was before: a
 * doubtful one "sending", which is not posted again without asking; any other was
 * surely not sent. */
static int
reopen(struct sql *db, struct store_load *l)
{
	struct str tenant = tenant_id(l->tenant);
	struct reply reply;

	int r = sql_do(db,
		"UPDATE messages SET status = iif(reason = 'ambiguous', 'sending', "
		"'pending'),"
		" reason = NULL, updated_us = ?3"
		" WHERE turn_id = ?2 AND tenant_id = ?1 AND source = 'bot'"
		" AND status = 'failed'",
		SQL_TEXT(tenant), SQL_NUMBER(l->turn_id), SQL_NUMBER(clock_wall_us()));
	if (r > 0)
		r = reply_of(db, l->op.arena, tenant, l->turn_id, &reply);
	if (r <= 0)
		return r;
	l->state = str_eqz(reply.status, "sending") ? TURN_SENDING : TURN_KEPT;
	return set_state(db, tenant, l->turn_id, l->state);
}

/* A done turn has nothing to guard: a message that a gateway delivers again after its
 * job is forgotten comes as attempt 1, and must end like any other duplicate. */
static int
raise_attempt(struct sql *db, struct store_load *l, int64_t held)
{
	if (l->attempt < held && l->state != TURN_DONE)
		return fenced(&l->op, l->attempt, held);
	if (l->attempt <= held)
		return 0;
	int r = l->state == TURN_DONE ? reopen(db, l) : 0;
	if (r < 0)
		return r;
	return sql_do(db,
		"UPDATE turns SET attempt = ?3, job_id = ?4, updated_us = ?5"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->turn_id),
		SQL_NUMBER(l->attempt), SQL_TEXT(l->job_id),
		SQL_NUMBER(clock_wall_us()));
}

/* The message itself came after its stub: same row, same turn, now with a content
 * and with the fence of the job that brings it. */
static int
upgrade_stub(struct sql *db, struct store_load *l)
{
	struct str tenant = tenant_id(l->tenant);
	int64_t now = clock_wall_us();

	l->state = wants_answer(l) ? TURN_OPEN : TURN_DONE;
	int r = sql_do(db,
		"UPDATE messages SET kind = ?3, body = ?4, raw = ?5, status = ?6,"
		" updated_us = ?7 WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(l->inbound_id), SQL_TEXT(l->kind),
		SQL_TEXT(l->text), SQL_TEXT(l->raw), SQL_TEXT(first_status(l)),
		SQL_NUMBER(now));
	if (r < 0)
		return r;
	return sql_do(db,
		"UPDATE turns SET state = ?3, attempt = ?4, job_id = ?5, updated_us = "
		"?6"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(l->turn_id),
		SQL_TEXT(state_name(l->state)), SQL_NUMBER(l->attempt),
		SQL_TEXT(l->job_id), SQL_NUMBER(now));
}

static int
take_over(struct sql *db, struct store_load *l, const struct row *row)
{
	if (row->undecrypted && !is_stub(l))
		return upgrade_stub(db, l);
	l->known = true;
	if (!l->from_me && row->undecrypted == is_stub(l))
		return raise_attempt(db, l, row->attempt);
	l->state = TURN_DONE;
	return 0;
}

static int
insert_turn(struct sql *db, struct store_load *l)
{
	l->state = wants_answer(l) ? TURN_OPEN : TURN_DONE;
	int r = sql_do(db,
		"INSERT INTO turns (tenant_id, conversation_id, seq, state, attempt, "
		"job_id,"
		" created_us, updated_us) VALUES (?1, ?2, 1 + ifnull("
		"(SELECT max(seq) FROM turns WHERE conversation_id = ?2 AND tenant_id "
		"= ?1), 0),"
		" ?3, ?4, ?5, ?6, ?6)",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id),
		SQL_TEXT(state_name(l->state)), SQL_NUMBER(l->attempt),
		SQL_TEXT(l->job_id), SQL_NUMBER(clock_wall_us()));
	if (r >= 0)
		l->turn_id = sql_inserted(db);
	return r;
}

static int
insert_row(struct sql *db, struct store_load *l)
{
	int r = sql_do(db,
		"INSERT INTO messages (tenant_id, conversation_id, turn_id, direction, "
		"source,"
		" provider, chat, provider_message_id, kind, body, raw, status, "
		"created_us,"
		" sent_us, updated_us)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
		" nullif(?14, 0), ?13)",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id),
		SQL_NUMBER(l->turn_id), SQL_TEXT(l->from_me ? STR("out") : STR("in")),
		SQL_TEXT(l->from_me ? STR("human") : STR("customer")),
		SQL_TEXT(l->provider), SQL_TEXT(l->chat), SQL_TEXT(l->message_id),
		SQL_TEXT(l->kind), SQL_TEXT(l->text), SQL_TEXT(l->raw),
		SQL_TEXT(first_status(l)), SQL_NUMBER(clock_wall_us()),
		SQL_NUMBER(l->sent_us));
	if (r >= 0)
		l->inbound_id = sql_inserted(db);
	return r;
}

/* The names in an echo are the tenant's own. */
static int
find_conversation(struct sql *db, struct store_load *l)
{
	struct str nobody = {NULL, 0};
	struct chat_alias alias = {l->lid, l->phone, l->found.country, 0};

	l->conversation_id =
		conversation_make(db, l->op.arena, tenant_id(l->tenant), l->chat,
			l->from_me ? nobody : l->push_name, l->from_me ? NULL : &alias);
	l->merge_id = alias.merge_id;
	return l->conversation_id < 0 ? (int)l->conversation_id : 0;
}

static int
make_row(struct sql *db, struct store_load *l)
{
	int r = insert_turn(db, l);
	return r < 0 ? r : insert_row(db, l);
}

static int
find_reply(struct sql *db, struct store_load *l)
{
	struct reply reply;

	int r = reply_of(db, l->op.arena, tenant_id(l->tenant), l->turn_id, &reply);
	l->reply_id = reply.id;
	l->reply_text = reply.text;
	l->reply_key = reply.key;
	l->reply_status = reply.status;
	return r;
}

static void
reverse(struct store_history *h, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct store_history last = h[count - 1 - i];

		h[count - 1 - i] = h[i];
		h[i] = last;
	}
}

/* What was really said: what the customer wrote and what reached him. */
static int
read_history(struct sql *db, struct store_load *l)
{
	int64_t max = l->history_max < HISTORY_MAX ? l->history_max : HISTORY_MAX;

	if (max <= 0)
		return 0;
	int r = sql_row(db,
		"SELECT direction, body FROM messages"
		" WHERE conversation_id = ?2 AND tenant_id = ?1 AND id <> ?3 AND body "
		"<> ''"
		" AND (direction = 'in' OR status IN ('sent', 'delivered', 'read'))"
		" ORDER BY id DESC LIMIT ?4",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id),
		SQL_NUMBER(l->inbound_id), SQL_NUMBER(max));
	if (r > 0)
		l->history =
			arena_alloc(l->op.arena, (size_t)max * sizeof(*l->history));
	for (; r > 0; r = sql_next(db)) {
		struct store_history *h = &l->history[l->history_count++];

		h->from_customer = str_eqz(sql_col_text(db, 0, l->op.arena), "in");
		h->text = sql_col_text(db, 1, l->op.arena);
	}
	reverse(l->history, l->history_count);
	return r;
}

static int
load(struct store *s, struct store_op *op)
{
	struct store_load *l = container_of(op, struct store_load, op);
	struct sql *db = store_db(s);
	struct row row;

	int r = tenant_find(db, tenant_id(l->tenant), op->arena, &l->found);
	if (r <= 0)
		return r < 0 ? r : ERR_NO_TENANT;
	r = find_conversation(db, l);
	if (r >= 0)
		r = find_row(db, l, &row);
	if (r >= 0)
		r = r > 0 ? take_over(db, l, &row) : make_row(db, l);
	if (r >= 0 && l->known)
		r = find_reply(db, l);
	return r < 0 ? r : read_history(db, l);
}

void
store_load(struct store *s, struct store_load *op, struct flow *f)
{
	op->known = false;
	op->reply_id = 0;
	op->history = NULL;
	op->history_count = 0;
	store_start(s, &op->op, load, f);
}

/* --- keep and mark -------------------------------------------------------- */

/* Checks that the turn is there and that this attempt may still touch it. */
static int
hold_turn(struct sql *db, struct store_op *op, struct str tenant, int64_t turn,
	int64_t attempt, enum turn_state *ret)
{
	int r = sql_row(db,
		"SELECT attempt, state FROM turns WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(turn));
	if (r <= 0)
		return r < 0 ? r : store_fail(op, ERR_NOT_FOUND, "no such turn");
	if (attempt < sql_col_number(db, 0))
		return fenced(op, attempt, sql_col_number(db, 0));
	*ret = state_of(sql_col_text(db, 1, op->arena));
	return 0;
}

static int
insert_reply(struct sql *db, const struct store_keep *k, struct str tenant)
{
	return sql_do(db,
		"INSERT INTO messages (tenant_id, conversation_id, turn_id, direction, "
		"source,"
		" provider, chat, outbound_key, reply_to, kind, body, status, "
		"created_us,"
		" updated_us)"
		" SELECT tenant_id, conversation_id, turn_id, 'out', 'bot', provider, "
		"chat, ?4,"
		" id, 'text', ?5, 'pending', ?6, ?6 FROM messages"
		" WHERE id = ?2 AND tenant_id = ?1 AND turn_id = ?3",
		SQL_TEXT(tenant), SQL_NUMBER(k->inbound_id), SQL_NUMBER(k->turn_id),
		SQL_TEXT(k->key), SQL_TEXT(k->text), SQL_NUMBER(clock_wall_us()));
}

static int
end_asking(struct sql *db, const struct store_keep *k, struct str tenant)
{
	return sql_do(db,
		"UPDATE turns SET state = ?3, tokens_in = ?4, tokens_out = ?5, "
		"updated_us = ?6"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(k->turn_id),
		SQL_TEXT(state_name(k->text.p ? TURN_KEPT : TURN_DONE)),
		SQL_NUMBER(k->tokens_in), SQL_NUMBER(k->tokens_out),
		SQL_NUMBER(clock_wall_us()));
}

/* 1 when the turn has a reply. */
static int
return_reply(struct sql *db, struct store_keep *k, struct str tenant)
{
	struct reply reply;

	int r = reply_of(db, k->op.arena, tenant, k->turn_id, &reply);
	k->reply_id = reply.id;
	k->reply_text = reply.text;
	k->reply_key = reply.key;
	k->reply_status = reply.status;
	return r;
}

static int
keep(struct store *s, struct store_op *op)
{
	struct store_keep *k = container_of(op, struct store_keep, op);
	struct sql *db = store_db(s);
	struct str tenant = tenant_id(k->tenant);
	enum turn_state state = TURN_DONE;

	int r = hold_turn(db, op, tenant, k->turn_id, k->attempt, &state);
	if (r >= 0)
		r = return_reply(db, k, tenant);
	if (r != 0 || state == TURN_DONE)
		return r;

	if (k->text.p) {
		r = insert_reply(db, k, tenant);
		if (r == ERR_EXISTS)
			return store_fail(op, r,
				"another turn has the outbound key %.*s",
				STR_FMT(k->key));
		if (r <= 0)
			return r < 0 ? r
				     : store_fail(op, ERR_NOT_FOUND, "no such message");
	}
	r = end_asking(db, k, tenant);
	return r < 0 ? r : return_reply(db, k, tenant);
}

void
store_keep(struct store *s, struct store_keep *op, struct flow *f)
{
	store_start(s, &op->op, keep, f);
}

static int
mark_sending(struct sql *db, const struct store_mark *m, struct str tenant)
{
	int r = sql_do(db,
		"UPDATE messages SET status = 'sending', attempts = attempts + 1,"
		" updated_us = ?3 WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(m->reply_id), SQL_NUMBER(clock_wall_us()));
	return r < 0 ? r : set_state(db, tenant, m->turn_id, TURN_SENDING);
}

/* Nothing was sent after all: as before "sending", but for the attempts. */
static int
mark_pending(struct sql *db, const struct store_mark *m, struct str tenant)
{
	int r = sql_do(db,
		"UPDATE messages SET status = 'pending', updated_us = ?3"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(m->reply_id), SQL_NUMBER(clock_wall_us()));
	return r < 0 ? r : set_state(db, tenant, m->turn_id, TURN_KEPT);
}

/* ERR_EXISTS when another message has that id. */
static int
update_over(
	struct sql *db, const struct store_mark *m, struct str tenant, struct str id)
{
	return sql_do(db,
		"UPDATE messages SET status = ?3, reason = ?4, provider_message_id = "
		"?5,"
		" sent_us = iif(?3 = 'sent', ?6, NULL), updated_us = ?6"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(m->reply_id), SQL_TEXT(m->status),
		SQL_TEXT(m->reason), SQL_TEXT(id), SQL_NUMBER(clock_wall_us()));
}

/* A gateway that gives ids of its own: the echo came before its answer and was taken
 * for a human's message.  It is this reply. */
static int
drop_echo(struct sql *db, const struct store_mark *m, struct str tenant)
{
	return sql_do(db,
		"DELETE FROM messages WHERE tenant_id = ?1 AND source = 'human'"
		" AND direction = 'out' AND provider_message_id = ?3"
		" AND (provider, conversation_id) = (SELECT provider, conversation_id"
		" FROM messages WHERE id = ?2 AND tenant_id = ?1)",
		SQL_TEXT(tenant), SQL_NUMBER(m->reply_id),
		SQL_TEXT(m->provider_message_id));
}

static int
mark_over(struct sql *db, const struct store_mark *m, struct str tenant)
{
	int r = update_over(db, m, tenant, m->provider_message_id);
	if (r == ERR_EXISTS) {
		r = drop_echo(db, m, tenant);
		if (r >= 0)
			r = update_over(db, m, tenant, m->provider_message_id);
	}
	if (r == ERR_EXISTS) /* the gateway repeats its ids; sent is sent */
		r = update_over(db, m, tenant, (struct str){NULL, 0});
	return r < 0 ? r : set_state(db, tenant, m->turn_id, TURN_DONE);
}

static int
reply_status(struct sql *db, struct store_mark *m, struct str tenant, bool *ret_over)
{
	int r = sql_row(db,
		"SELECT status IN ('pending', 'sending') FROM messages"
		" WHERE id = ?2 AND tenant_id = ?1 AND turn_id = ?3 AND source = 'bot'",
		SQL_TEXT(tenant), SQL_NUMBER(m->reply_id), SQL_NUMBER(m->turn_id));
	if (r <= 0)
		return r < 0 ? r : store_fail(&m->op, ERR_NOT_FOUND, "no such reply");
	*ret_over = !sql_col_number(db, 0);
	return 0;
}

static int
mark_as(struct sql *db, struct store_mark *m, struct str tenant)
{
	if (str_eqz(m->status, "sending"))
		return mark_sending(db, m, tenant);
	if (str_eqz(m->status, "pending"))
		return mark_pending(db, m, tenant);
	if (str_eqz(m->status, "sent") || str_eqz(m->status, "failed"))
		return mark_over(db, m, tenant);
	return store_fail(
		&m->op, ERR_SHAPE, "a reply is not marked %.*s", STR_FMT(m->status));
}

static int
mark(struct store *s, struct store_op *op)
{
	struct store_mark *m = container_of(op, struct store_mark, op);
	struct sql *db = store_db(s);
	struct str tenant = tenant_id(m->tenant);
	enum turn_state state;
	bool over = false;

	int r = hold_turn(db, op, tenant, m->turn_id, m->attempt, &state);
	if (r >= 0)
		r = reply_status(db, m, tenant, &over);
	if (r < 0)
		return r;
	if (over && str_eqz(m->status, "sending"))
		return store_fail(
			op, ERR_FENCED, "the reply is sent or failed already");
	return over ? 0 : mark_as(db, m, tenant);
}

void
store_mark(struct store *s, struct store_mark *op, struct flow *f)
{
	store_start(s, &op->op, mark, f);
}
