/* SPDX-License-Identifier: MIT */
/* store_replies.c: the reply of a turn, from its keeping to its end.
 *
 *   keep:  fence ---> reply there? ---> silenced? ---> insert it, turn kept
 *                         |                 |
 *                         '-> return it     '-> turn done without a reply
 *   mark:  fence ---> status forward, turn along with it
 *                `-> "sending" outside the window: closed (store_window.c)
 *
 * Keeping freezes the turn: what comes later belongs to the next one. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/store_priv.h"

/* Checks that the turn is there and that this job and attempt lead it. */
static int
hold_turn(struct sql *db, struct store_op *op, struct str tenant, int64_t turn,
	struct str job_id, int64_t attempt, enum turn_state *ret)
{
	int r = sql_row(db,
		"SELECT attempt, state, job_id FROM turns WHERE id = ?2"
		" AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(turn));
	if (r <= 0)
		return r < 0 ? r : store_fail(op, ERR_NOT_FOUND, "no such turn");
	if (attempt < sql_col_number(db, 0))
		return turn_fenced(op, attempt, sql_col_number(db, 0));
	if (job_id.p && !str_eq(job_id, sql_col_text(db, 2, op->arena)))
		return store_fail(op, ERR_FENCED, "another job leads the turn");
	*ret = turn_state_of(sql_col_text(db, 1, op->arena));
	return 0;
}

static int
insert_part(struct sql *db, const struct store_keep *k, struct str tenant, size_t i)
{
	const struct store_reply *part = &k->answer.parts[i];

	return sql_do(db,
		"INSERT INTO messages (tenant_id, conversation_id, turn_id, direction, "
		"source,"
		" provider, chat, outbound_key, reply_to, kind, body, status, part, "
		"created_us,"
		" updated_us)"
		" SELECT tenant_id, conversation_id, turn_id, 'out', 'bot', provider, "
		"chat, ?4,"
		" id, 'text', ?5, 'pending', ?7, ?6, ?6 FROM messages"
		" WHERE id = ?2 AND tenant_id = ?1 AND turn_id = ?3",
		SQL_TEXT(tenant), SQL_NUMBER(k->inbound_id), SQL_NUMBER(k->turn_id),
		SQL_TEXT(part->key), SQL_TEXT(part->text), SQL_NUMBER(clock_wall_us()),
		SQL_NUMBER((int64_t)i + 1));
}

static int
insert_reply(struct sql *db, struct store_keep *k, struct str tenant)
{
	for (size_t i = 0; i < k->answer.count; i++) {
		int r = insert_part(db, k, tenant, i);
		if (r == ERR_EXISTS)
			return store_fail(&k->op, r,
				"another turn has the outbound key %.*s",
				STR_FMT(k->answer.parts[i].key));
		if (r <= 0)
			return r < 0 ? r
				     : store_fail(&k->op, ERR_NOT_FOUND,
					       "no such message");
	}
	return 0;
}

static int
end_asking(struct sql *db, struct store_keep *k, struct str tenant, bool has_reply)
{
	struct store_usage sum = {0};

	for (size_t i = 0; i < k->usage_count; i++) {
		sum.model = k->usage[i].model;
		sum.tokens_in += k->usage[i].tokens_in;
		sum.tokens_out += k->usage[i].tokens_out;
	}
	return sql_do(db,
		"UPDATE turns SET state = ?3, tokens_in = ?4, tokens_out = ?5, "
		"updated_us = ?6, model = ?7, prompt_version = nullif(?8, 0),"
		" asked_us = nullif(?9, 0), answered_us = nullif(?10, 0)"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(k->turn_id),
		SQL_TEXT(turn_state_name(has_reply ? TURN_KEPT : TURN_DONE)),
		SQL_NUMBER(sum.tokens_in), SQL_NUMBER(sum.tokens_out),
		SQL_NUMBER(clock_wall_us()), SQL_TEXT(sum.model),
		SQL_NUMBER(k->prompt_version), SQL_NUMBER(k->asked_us),
		SQL_NUMBER(k->answered_us));
}

/* The incident begins with the fallback text, and ends with the AI's next answer. */
static int
note_incident(struct sql *db, const struct store_keep *k, struct str tenant)
{
	return sql_do(db,
		"UPDATE conversations SET fell_back_us = iif(?3, ?4, 0) WHERE"
		" id = (SELECT conversation_id FROM turns WHERE id = ?2 AND tenant_id "
		"= ?1)"
		" AND tenant_id = ?1 AND (fell_back_us > 0) <> ?3",
		SQL_TEXT(tenant), SQL_NUMBER(k->turn_id), SQL_NUMBER(k->fell_back),
		SQL_NUMBER(clock_wall_us()));
}

/* 1 when there is an answer to give, no person silences it, and there is still a
 * question. */
static int
may_answer(struct sql *db, struct store_keep *k, struct str tenant)
{
	if (k->answer.count == 0)
		return 0;
	int r = silence_held(db, tenant, k->turn_id);
	if (r != SILENCE_NONE) {
		k->silenced = r > 0 ? (enum silence)r : SILENCE_NONE;
		return r < 0 ? r : 0;
	}
	r = turn_is_withdrawn(db, tenant, k->turn_id);
	return r < 0 ? r : !r;
}

/* closed_text is said once while it is closed. */
static int
note_closed(struct sql *db, const struct store_keep *k, struct str tenant)
{
	return sql_do(db,
		"UPDATE conversations SET closed_said_us = ?3 WHERE tenant_id = ?1 AND"
		" id = (SELECT conversation_id FROM turns WHERE id = ?2 AND tenant_id "
		"= ?1)",
		SQL_TEXT(tenant), SQL_NUMBER(k->turn_id), SQL_NUMBER(clock_wall_us()));
}

static int
count_paid(struct sql *db, struct store_keep *k, struct str tenant)
{
	int r = usage_add(db, k->op.arena, tenant, k->usage, k->usage_count, k->budget,
		&k->budget_crossed);

	return r < 0 ? r : 0;
}

static int
count_asking(struct sql *db, struct store_keep *k, struct str tenant)
{
	int r = count_paid(db, k, tenant);

	if (r >= 0 && (k->usage_count > 0 || k->fell_back))
		r = note_incident(db, k, tenant);
	return r;
}

static int
keep(struct store *s, struct store_op *op)
{
	struct store_keep *k = container_of(op, struct store_keep, op);
	struct sql *db = store_db(s);
	struct str tenant = tenant_id(k->tenant);
	enum turn_state state = TURN_DONE;

	int r = hold_turn(db, op, tenant, k->turn_id, k->job_id, k->attempt, &state);
	if (r >= 0)
		r = turn_replies(db, op->arena, tenant, k->turn_id, &k->reply);
	if (r > 0 || (r == 0 && state == TURN_DONE))
		return count_paid(db, k, tenant);
	if (r < 0)
		return r;

	int answers = may_answer(db, k, tenant);
	if (answers < 0)
		return answers;
	r = answers ? insert_reply(db, k, tenant) : 0;
	if (r >= 0)
		r = end_asking(db, k, tenant, answers);
	if (r >= 0)
		r = count_asking(db, k, tenant);
	if (r >= 0 && answers && k->closed)
		r = note_closed(db, k, tenant);
	if (r >= 0)
		r = turn_replies(db, op->arena, tenant, k->turn_id, &k->reply);
	return r < 0 ? r : 0;
}

void
store_keep(struct store *s, struct store_keep *op, struct flow *f)
{
	op->silenced = SILENCE_NONE;
	op->budget_crossed = 0;
	op->reply = (struct store_replies){0};
	store_start(s, &op->op, keep, f);
}

static int
mark_sending(struct sql *db, const struct store_mark *m, struct str tenant)
{
	int r = sql_do(db,
		"UPDATE messages SET status = 'sending', attempts = attempts + 1,"
		" reason = NULL, posted_us = ifnull(posted_us, ?3), updated_us = ?3"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(m->reply_id), SQL_NUMBER(clock_wall_us()));
	return r < 0 ? r : turn_set_state(db, tenant, m->turn_id, TURN_SENDING);
}

/* Nothing was sent after all: as before "sending", but for the attempts. */
static int
mark_pending(struct sql *db, const struct store_mark *m, struct str tenant)
{
	int r = sql_do(db,
		"UPDATE messages SET status = 'pending', updated_us = ?3"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(m->reply_id), SQL_NUMBER(clock_wall_us()));
	return r < 0 ? r : turn_set_state(db, tenant, m->turn_id, TURN_KEPT);
}

/* Sent is what receipts have made of it meanwhile.  ERR_EXISTS when another message has
 * that id. */
static int
update_over(
	struct sql *db, const struct store_mark *m, struct str tenant, struct str id)
{
	return sql_do(db,
		"UPDATE messages SET status = CASE WHEN ?3 = 'failed' THEN ?3"
		" WHEN read_us IS NOT NULL THEN 'read'"
		" WHEN delivered_us IS NOT NULL THEN 'delivered' ELSE ?3 END,"
		" reason = ?4, provider_message_id = ?5,"
		" sent_us = iif(?3 = 'sent', ?6, NULL), updated_us = ?6"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(m->reply_id), SQL_TEXT(m->status),
		SQL_TEXT(m->reason), SQL_TEXT(id), SQL_NUMBER(clock_wall_us()));
}

/* A gateway that gives ids of its own: the echo came before its answer and was taken
 * for a human's message.  It is this reply: so are its receipts, and what is about it.
 */
static int
drop_echo(struct sql *db, const struct store_mark *m, struct str tenant)
{
	int r = sql_row(db,
		"SELECT id FROM messages WHERE tenant_id = ?1 AND source = 'human'"
		" AND direction = 'out' AND provider_message_id = ?3"
		" AND (provider, conversation_id) = (SELECT provider, conversation_id"
		" FROM messages WHERE id = ?2 AND tenant_id = ?1)",
		SQL_TEXT(tenant), SQL_NUMBER(m->reply_id),
		SQL_TEXT(m->provider_message_id));
	if (r <= 0)
		return r;
	int64_t echo = sql_col_number(db, 0);

	r = sql_do(db,
		"UPDATE messages SET (delivered_us, read_us) = (SELECT delivered_us,"
		" read_us FROM messages WHERE id = ?3) WHERE id = ?2 AND tenant_id = "
		"?1",
		SQL_TEXT(tenant), SQL_NUMBER(m->reply_id), SQL_NUMBER(echo));
	if (r >= 0)
		r = sql_do(db,
			"UPDATE messages SET reply_to = ?2 WHERE reply_to = ?3"
			" AND tenant_id = ?1",
			SQL_TEXT(tenant), SQL_NUMBER(m->reply_id), SQL_NUMBER(echo));
	if (r >= 0)
		r = sql_do(db, "DELETE FROM messages WHERE id = ?2 AND tenant_id = ?1",
			SQL_TEXT(tenant), SQL_NUMBER(echo));
	return r;
}

/* What comes after a part that can't be sent would make no sense. */
static int
drop_rest(struct sql *db, const struct store_mark *m, struct str tenant)
{
	return sql_do(db,
		"UPDATE messages SET status = 'failed', reason = 'unsent', updated_us "
		"= ?3"
		" WHERE turn_id = ?2 AND tenant_id = ?1 AND " BY_US
		" AND status = 'pending'",
		SQL_TEXT(tenant), SQL_NUMBER(m->turn_id), SQL_NUMBER(clock_wall_us()));
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
	if (r >= 0 && str_eqz(m->status, "failed"))
		r = drop_rest(db, m, tenant);
	return r < 0 ? r : turn_end(db, tenant, m->turn_id);
}

/* Whoever answers from the phone or mutes a chat silences answers, not what a person
 * has planned; who has opted out hears neither. */
static int
ask_silence(struct sql *db, struct store_mark *m, struct str tenant, bool answer)
{
	int r = silence_held(db, tenant, m->turn_id);

	if (r <= 0 || (!answer && r != SILENCE_OPTED_OUT))
		return r < 0 ? r : 0;
	m->silenced = (enum silence)r;
	m->status = STR("failed");
	m->reason = str_of(silence_name(m->silenced));
	return 0;
}

static int
ask_window(struct sql *db, struct store_mark *m, struct str tenant)
{
	int r = window_open(db, tenant, m->turn_id, m->window_us);

	m->closed = r == 0;
	return r < 0 ? r : 0;
}

static int
reply_status(struct sql *db, struct store_mark *m, struct str tenant, bool *ret_over,
	bool *ret_answer)
{
	int r = sql_row(db,
		"SELECT status IN ('pending', 'sending'),"
		" status IN ('sent', 'delivered', 'read'), source = 'bot' FROM messages"
		" WHERE id = ?2 AND tenant_id = ?1 AND turn_id = ?3"
		" AND " BY_US,
		SQL_TEXT(tenant), SQL_NUMBER(m->reply_id), SQL_NUMBER(m->turn_id));
	if (r <= 0)
		return r < 0 ? r : store_fail(&m->op, ERR_NOT_FOUND, "no such reply");
	*ret_over = !sql_col_number(db, 0);
	m->proven = sql_col_number(db, 1);
	*ret_answer = sql_col_number(db, 2);
	return 0;
}

static int
mark_as(struct sql *db, struct store_mark *m, struct str tenant)
{
	if (str_eqz(m->status, "sending"))
		return mark_sending(db, m, tenant);
	if (str_eqz(m->status, "pending"))
		return mark_pending(db, m, tenant);
	if (str_eqz(m->status, "held"))
		return window_hold(db, tenant, m->turn_id, m->reply_id, m->hold_us);
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
	bool over = false, answer = true;

	int r = hold_turn(db, op, tenant, m->turn_id, m->job_id, m->attempt, &state);
	if (r >= 0)
		r = reply_status(db, m, tenant, &over, &answer);
	if (r < 0)
		return r;
	if (over && str_eqz(m->status, "sending"))
		return store_fail(
			op, ERR_FENCED, "the reply is sent or failed already");
	if (str_eqz(m->status, "sending"))
		r = ask_silence(db, m, tenant, answer);
	if (r >= 0 && str_eqz(m->status, "sending"))
		r = ask_window(db, m, tenant);
	if (r < 0 || m->closed)
		return r;
	if (!over)
		return mark_as(db, m, tenant);
	return m->proven ? message_note_id(
				   db, tenant, m->reply_id, m->provider_message_id)
			 : 0;
}

void
store_mark(struct store *s, struct store_mark *op, struct flow *f)
{
	op->silenced = SILENCE_NONE;
	op->closed = false;
	op->proven = false;
	store_start(s, &op->op, mark, f);
}
