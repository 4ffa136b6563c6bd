/* SPDX-License-Identifier: MIT */
/* store_turns.c: one inbound message and its turn.
 *
 *   load:  tenant ---> conversation ---> row known? ---> take_over (fence)
 *                                          |                 |
 *                                          no                v
 *                                          v       reply, texts, history
 *                                   turn ---> row -----------^
 *     an open one is joined, when the tenant debounces
 *
 * One savepoint in the store's transaction.  The unique indexes decide what happens
 * once; the fence decides who may go on: a turn names the job that leads it and that
 * job's last attempt; a lower attempt, or another job, belongs to a worker that lost
 * its lease.  Every statement names the tenant, ids or not.  What becomes of the turn
 * then is in store_replies.c. */

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/store_outbox_priv.h"

enum { HISTORY_MAX = 1000 }; /* more is no conversation but a mistake */

/* In the order of enum turn_state. */
static const char *const state_names[] = {"open", "asked", "kept", "sending", "done"};

struct str
turn_state_name(enum turn_state state)
{
	return str_of(state_names[state]);
}

enum turn_state
turn_state_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(state_names); i++)
		if (str_eqz(name, state_names[i]))
			return (enum turn_state)i;
	return TURN_DONE; /* the schema's CHECK allows no other */
}

int
turn_set_state(struct sql *db, struct str tenant, int64_t turn, enum turn_state state)
{
	return sql_do(db,
		"UPDATE turns SET state = ?3, updated_us = ?4 WHERE id = ?2 AND "
		"tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(turn), SQL_TEXT(turn_state_name(state)),
		SQL_NUMBER(clock_wall_us()));
}

int
turn_fenced(struct store_op *op, int64_t attempt, int64_t held)
{
	return store_fail(op, ERR_FENCED,
		"attempt %lld came after attempt %lld had taken the turn",
		(long long)attempt, (long long)held);
}

int64_t
turn_insert(struct sql *db, const struct turn *t)
{
	int r = sql_do(db,
		"INSERT INTO turns (tenant_id, conversation_id, seq, state, attempt,"
		" job_id, created_us, updated_us) VALUES (?1, ?2, 1 + ifnull("
		"(SELECT max(seq) FROM turns WHERE conversation_id = ?2"
		" AND tenant_id = ?1), 0), ?3, ?4, ?5, ?6, ?6)",
		SQL_TEXT(t->tenant), SQL_NUMBER(t->conversation_id),
		SQL_TEXT(turn_state_name(t->state)), SQL_NUMBER(t->attempt),
		SQL_TEXT(t->job_id), SQL_NUMBER(clock_wall_us()));
	return r < 0 ? r : sql_inserted(db);
}

int
turn_end(struct sql *db, struct str tenant, int64_t turn)
{
	return sql_do(db,
		"UPDATE turns SET state = 'done', updated_us = ?3 WHERE id = ?2"
		" AND tenant_id = ?1 AND state IN ('kept', 'sending')"
		" AND NOT EXISTS (SELECT 1 FROM messages WHERE turn_id = ?2"
		" AND tenant_id = ?1 AND " BY_US
		" AND status IN ('pending', 'sending'))",
		SQL_TEXT(tenant), SQL_NUMBER(turn), SQL_NUMBER(clock_wall_us()));
}

int
turn_reopen(struct sql *db, struct str tenant, int64_t turn)
{
	return sql_do(db,
		"UPDATE messages SET status = iif(reason = 'ambiguous', 'sending',"
		" 'pending'), reason = NULL, updated_us = ?3 WHERE turn_id = ?2"
		" AND tenant_id = ?1 AND " BY_US " AND status = 'failed'",
		SQL_TEXT(tenant), SQL_NUMBER(turn), SQL_NUMBER(clock_wall_us()));
}

int
turn_replies(struct sql *db, struct arena *a, struct str tenant, int64_t turn,
	struct store_replies *ret)
{
	*ret = (struct store_replies){0};
	int r = sql_row(db,
		"SELECT id, body, outbound_key, status, count(*) OVER (), updated_us"
		" FROM messages"
		" WHERE turn_id = ?2 AND tenant_id = ?1 AND " BY_US " ORDER BY part",
		SQL_TEXT(tenant), SQL_NUMBER(turn));
	if (r > 0)
		ret->parts = arena_alloc(
			a, (size_t)sql_col_number(db, 4) * sizeof(*ret->parts));
	for (; r > 0; r = sql_next(db))
		ret->parts[ret->count++] = (struct store_reply){
			.id = sql_col_number(db, 0),
			.text = sql_col_text(db, 1, a),
			.key = sql_col_text(db, 2, a),
			.status = sql_col_text(db, 3, a),
			.changed_us = sql_col_number(db, 5),
		};
	return r < 0 ? r : (int)ret->count;
}

/* --- load ----------------------------------------------------------------- */

/* An inbound row that is there, with what its turn says. */
struct row {
	int64_t attempt;
	struct str job_id;
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

#define ORIGIN_ARGS(l)                                         \
	SQL_TEXT((l)->from.job_id), SQL_TEXT((l)->from.trace), \
		SQL_NUMBER((l)->from.queued_us), SQL_NUMBER((l)->from.claimed_us)

#define SELECT_ROW                                                                     \
	"SELECT m.id, m.conversation_id, m.turn_id, t.state, t.attempt, m.kind, "      \
	"t.job_id"                                                                     \
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
	l->state = turn_state_of(sql_col_text(db, 3, l->op.arena));
	ret->attempt = sql_col_number(db, 4);
	ret->job_id = sql_col_text(db, 6, l->op.arena);
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

	int r = turn_reopen(db, tenant, l->turn_id);
	if (r > 0)
		r = turn_replies(db, l->op.arena, tenant, l->turn_id, &l->reply);
	if (r <= 0)
		return r;
	l->state = TURN_KEPT;
	for (size_t i = 0; i < l->reply.count; i++)
		if (str_eqz(l->reply.parts[i].status, "sending"))
			l->state = TURN_SENDING;
	return turn_set_state(db, tenant, l->turn_id, l->state);
}

static int
lead_turn(struct sql *db, struct store_load *l)
{
	return sql_do(db,
		"UPDATE turns SET attempt = ?3, job_id = ?4, updated_us = ?5"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->turn_id),
		SQL_NUMBER(l->attempt), SQL_TEXT(l->job_id),
		SQL_NUMBER(clock_wall_us()));
}

/* A done turn has nothing to guard: a message that a gateway delivers again after its
 * job is forgotten comes as attempt 1, and must end like any other duplicate.  Another
 * job than the one that leads the turn had its message taken in by that one, which is
 * over: this one holds the chat. */
static int
raise_attempt(struct sql *db, struct store_load *l, const struct row *row)
{
	bool same = str_eq(row->job_id, l->job_id);

	if (!same)
		return l->state == TURN_DONE ? 0 : lead_turn(db, l);
	if (l->attempt < row->attempt && l->state != TURN_DONE)
		return turn_fenced(&l->op, l->attempt, row->attempt);
	if (l->attempt <= row->attempt)
		return 0;
	int r = l->state == TURN_DONE ? reopen(db, l) : 0;
	return r < 0 ? r : lead_turn(db, l);
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
		" target_id = ?8, quoted_text = ?9, participant = ?10, emoji = ?11,"
		" spoken = ?12, job_id = ?13, trace_id = ?14,"
		" queued_us = nullif(?15, 0), claimed_us = nullif(?16, 0),"
		" updated_us = ?7 WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(l->inbound_id), SQL_TEXT(l->kind),
		SQL_TEXT(l->text), SQL_TEXT(l->raw), SQL_TEXT(first_status(l)),
		SQL_NUMBER(now), SQL_TEXT(l->target), SQL_TEXT(l->quoted),
		SQL_TEXT(l->participant), SQL_TEXT(l->emoji),
		SQL_NUMBER((int64_t)l->words.n), ORIGIN_ARGS(l));
	if (r >= 0)
		r = links_make(db, l);
	if (r < 0)
		return r;
	r = sql_do(db,
		"UPDATE turns SET state = ?3, attempt = ?4, job_id = ?5, updated_us = "
		"?6"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(l->turn_id),
		SQL_TEXT(turn_state_name(l->state)), SQL_NUMBER(l->attempt),
		SQL_TEXT(l->job_id), SQL_NUMBER(now));
	return r < 0 ? r : silence_heed(db, l);
}

static int
take_over(struct sql *db, struct store_load *l, const struct row *row)
{
	if (row->undecrypted && !is_stub(l))
		return upgrade_stub(db, l);
	l->known = true;
	if (!l->from_me && row->undecrypted == is_stub(l))
		return raise_attempt(db, l, row);
	l->state = TURN_DONE;
	if (!l->from_me)
		return 0;
	int r = message_seen(db, tenant_id(l->tenant), l->inbound_id, STR("sent"),
		(struct str){NULL, 0}, 0);
	return r < 0 ? r : 0;
}

static int
insert_turn(struct sql *db, struct store_load *l)
{
	l->state = wants_answer(l) ? TURN_OPEN : TURN_DONE;
	l->turn_id = turn_insert(db, &(struct turn){.tenant = tenant_id(l->tenant),
					     .job_id = l->job_id,
					     .conversation_id = l->conversation_id,
					     .attempt = l->attempt,
					     .state = l->state});
	return l->turn_id < 0 ? (int)l->turn_id : 0;
}

static int
insert_row(struct sql *db, struct store_load *l)
{
	int r = sql_do(db,
		"INSERT INTO messages (tenant_id, conversation_id, turn_id, direction, "
		"source,"
		" provider, chat, provider_message_id, kind, body, raw, status, "
		"created_us,"
		" sent_us, updated_us, target_id, quoted_text, participant, emoji,"
		" spoken, job_id, trace_id, queued_us, claimed_us) VALUES (?1, ?2, ?3, "
		"?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
		" nullif(?14, 0), ?13, ?15, ?16, ?17, ?18, ?19, ?20, ?21,"
		" nullif(?22, 0), nullif(?23, 0))",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id),
		SQL_NUMBER(l->turn_id), SQL_TEXT(l->from_me ? STR("out") : STR("in")),
		SQL_TEXT(l->from_me ? STR("human") : STR("customer")),
		SQL_TEXT(l->provider), SQL_TEXT(l->chat), SQL_TEXT(l->message_id),
		SQL_TEXT(l->kind), SQL_TEXT(l->text), SQL_TEXT(l->raw),
		SQL_TEXT(first_status(l)), SQL_NUMBER(clock_wall_us()),
		SQL_NUMBER(l->sent_us), SQL_TEXT(l->target), SQL_TEXT(l->quoted),
		SQL_TEXT(l->participant), SQL_TEXT(l->emoji),
		SQL_NUMBER((int64_t)l->words.n), ORIGIN_ARGS(l));
	if (r < 0)
		return r;
	l->inbound_id = sql_inserted(db);
	return links_make(db, l);
}

/* 1 when the conversation has an open turn: the message is one more of its burst. */
static int
join_turn(struct sql *db, struct store_load *l)
{
	int r = sql_row(db,
		"SELECT id FROM turns WHERE conversation_id = ?2 AND tenant_id = ?1"
		" AND state = 'open' ORDER BY seq DESC LIMIT 1",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id));
	if (r <= 0)
		return r;
	l->turn_id = sql_col_number(db, 0);
	l->state = TURN_OPEN;
	r = lead_turn(db, l);
	return r < 0 ? r : 1;
}

static struct called
called(const struct store_load *l)
{
	char room[NAME_SIZE];

	if (name_read(l->verified_name, room).p)
		return (struct called){
			.name = l->verified_name, .source = NAME_VERIFIED};
	return (struct called){.name = l->push_name, .source = NAME_PUSH};
}

/* The names in an echo are the tenant's own. */
static int
find_conversation(struct sql *db, struct store_load *l)
{
	struct called by_himself = called(l);
	struct chat_alias alias = {l->lid, l->phone, l->found.country, 0};

	l->conversation_id = conversation_make(db, l->op.arena, tenant_id(l->tenant),
		l->chat, l->from_me ? NULL : &by_himself, l->from_me ? NULL : &alias);
	l->merge_id = alias.merge_id;
	return l->conversation_id < 0 ? (int)l->conversation_id : 0;
}

static int
make_row(struct sql *db, struct store_load *l)
{
	int r = l->from_me
			? 0
			: outbox_replied(db, tenant_id(l->tenant), l->conversation_id);

	if (r >= 0 && !l->from_me) {
		r = window_opened(db, tenant_id(l->tenant), l->conversation_id);
		l->released = r;
	}
	if (r >= 0)
		r = l->debounce_ms > 0 && wants_answer(l) ? join_turn(db, l) : 0;
	if (r == 0)
		r = insert_turn(db, l);
	if (r >= 0)
		r = insert_row(db, l);
	if (r >= 0 && wants_answer(l))
		r = session_touch(db, tenant_id(l->tenant), l->conversation_id);
	return r < 0 ? r : silence_heed(db, l);
}

/* In a group each line begins with the name of who wrote it, which is kept in raw. */
#define SAID_BY                                                              \
	"iif(m.participant IS NULL OR m.direction = 'out', '', ifnull("      \
	" nullif(iif(json_valid(m.raw), trim(substr(m.raw ->> '$.pushName'," \
	"  1, 60)), ''), ''), 'Somebody') || ': ')"

static void
reverse(struct store_history *h, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct store_history last = h[count - 1 - i];

		h[count - 1 - i] = h[i];
		h[i] = last;
	}
}

/* What was really said: what the customer wrote and what reached him, as it reads now:
 * an edit stands where the message stands that it changed. */
static int
read_history(struct sql *db, struct store_load *l)
{
	int64_t max = l->history_max < HISTORY_MAX ? l->history_max : HISTORY_MAX;

	if (max <= 0)
		return 0;
	int r = sql_row(db,
		"SELECT direction, " SAID_BY " || body FROM messages AS m"
		" WHERE conversation_id = ?2 AND tenant_id = ?1 AND turn_id <> ?3 AND "
		"body <> '' AND kind <> 'command'"
		" AND (kind <> 'edit' OR reply_to IS NULL)"
		" AND (direction = 'in' OR status IN ('sent', 'delivered', 'read'))"
		" ORDER BY id DESC LIMIT ?4",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id),
		SQL_NUMBER(l->turn_id), SQL_NUMBER(max));
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

enum { TEXTS_MAX = 200 }; /* of a turn; who writes more in one is not read to the end */

static struct str
last_bytes(struct str s, int64_t n)
{
	size_t all = n < 0 || (size_t)n > s.n ? s.n : (size_t)n;

	return (struct str){s.p + s.n - all, all};
}

static int
read_texts(struct sql *db, struct store_load *l, int64_t turn)
{
	int r = sql_row(db,
		"SELECT " SAID_BY " || m.body,"
		" iif(q.id IS NULL, m.quoted_text, q.body), min(?3, count(*) OVER ()),"
		" ifnull(m.spoken, length(CAST(m.body AS BLOB)))"
		" FROM messages AS m LEFT JOIN messages AS q ON q.id = m.reply_to"
		" WHERE m.turn_id = ?2 AND m.tenant_id = ?1"
		" AND m.direction = 'in' AND m.body <> '' AND m.twin_of IS NULL"
		" ORDER BY m.id LIMIT ?3",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(turn),
		SQL_NUMBER(TEXTS_MAX));
	if (r > 0)
		l->texts = arena_alloc(
			l->op.arena, (size_t)sql_col_number(db, 2) * sizeof(*l->texts));
	for (; r > 0; r = sql_next(db)) {
		struct str text = sql_col_text(db, 0, l->op.arena);

		l->texts[l->text_count++] = (struct store_text){
			.text = text,
			.words = last_bytes(text, sql_col_number(db, 3)),
			.quoted = sql_col_text(db, 1, l->op.arena),
		};
	}
	return r;
}

/* What an edit or a revoke has left of a turn that somebody is about to answer. */
static int
read_changed(struct sql *db, struct store_load *l)
{
	int r = turn_changed(db, l, &l->changed_turn);

	return r > 0 ? read_texts(db, l, l->changed_turn) : r;
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
	if (l->found.debounce_ms >= 0)
		l->debounce_ms = l->found.debounce_ms;
	if (l->found.human_pause_min >= 0)
		l->human_pause_min = l->found.human_pause_min;
	if (l->found.ai_history >= 0 && l->history_max >= 0)
		l->history_max = l->found.ai_history;
	r = find_conversation(db, l);
	if (r >= 0 && l->in_group)
		r = group_hears(db, l);
	if (r >= 0)
		r = find_row(db, l, &row);
	if (r >= 0)
		r = r > 0 ? take_over(db, l, &row) : make_row(db, l);
	if (r >= 0 && l->known)
		r = turn_replies(
			db, op->arena, tenant_id(l->tenant), l->turn_id, &l->reply);
	if (r < 0)
		return r;
	if (l->state == TURN_DONE) /* nobody will ask */
		return read_changed(db, l);
	r = silence_read(db, l);
	if (r >= 0)
		r = read_texts(db, l, l->turn_id);
	if (r >= 0 && l->found.ai_daily_budget > 0)
		r = usage_today(db, tenant_id(l->tenant), l->found.time_zone,
			&l->ai_spent_micros);
	if (r >= 0 && l->history_max >= 0)
		r = session_recall(db, l);
	return r < 0 ? r : read_history(db, l);
}

void
store_load(struct store *s, struct store_load *op, struct flow *f)
{
	op->known = false;
	op->released = 0;
	op->reply = (struct store_replies){0};
	op->silence = SILENCE_NONE;
	op->closed_said = false;
	op->says = SAYS_ANSWER;
	op->did = NULL;
	op->changed_turn = 0;
	op->texts = NULL;
	op->text_count = 0;
	op->history = NULL;
	op->history_count = 0;
	op->ai_spent_micros = 0;
	op->facts = op->summary = (struct str){0};
	op->fell_back = false;
	store_start(s, &op->op, load, f);
}
