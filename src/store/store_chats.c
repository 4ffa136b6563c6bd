/* SPDX-License-Identifier: MIT */
/* store_chats.c: the chats of a tenant, and who answers there.
 *
 *   who --> an address --> conversation_find ---.
 *    |----> a phone -----> contact_of_phone ----+--> the conversation
 *    `----> its id ----------------------------'
 *
 * What silences a chat is read here from the same columns as in store_silence.c, but
 * without a turn: what the bot finds out from the words (loops, echoes) is not shown.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "codec/jid.h"
#include "codec/phone.h"
#include "store/store_priv.h"

enum { LIMIT_MAX = 10000 };

/* --- which ------------------------------------------------------------------ */

/* "#7"; also "7", which is too short for a phone.  A merged contact's is empty, and
 * none of his. */
static int64_t
conversation_by_id(struct sql *db, struct str tenant, int64_t id)
{
	int r = sql_row(db,
		"SELECT c.id FROM conversations AS c JOIN contacts AS p"
		" ON p.id = c.contact_id WHERE c.id = ?2 AND c.tenant_id = ?1"
		" AND p.merged_into IS NULL",
		SQL_TEXT(tenant), SQL_NUMBER(id));
	return r > 0 ? id : r;
}

/* The id, 0 for none, or negative. */
static int64_t
conversation_of(
	struct sql *db, struct store_op *op, const struct tenant *t, struct str who)
{
	char phone[PHONE_SIZE];
	struct str number =
		who.n > 0 && who.p[0] == '#' ? (struct str){who.p + 1, who.n - 1} : who;
	bool is_phone = phone_read(who, t->country, phone) == 0;
	struct jid j;
	int64_t id;

	if (jid_parse(who, &j) == 0)
		return conversation_find(db, op->arena, t->id, who);
	if (!is_phone && str_int(number, &id) == 0)
		return conversation_by_id(db, t->id, id);
	if (!is_phone)
		return store_fail(op, ERR_SHAPE,
			"that is no address (972501234567@s.whatsapp.net, ...@lid, "
			"...@g.us), no id (#7) and no phone%s",
			t->country.n ? ""
				     : " with its country code (the tenant has no "
				       "country)");
	int64_t contact = contact_of_phone(db, t->id, str_of(phone));
	return contact > 0 ? conversation_of_contact(db, t->id, contact) : contact;
}

static int
must_find(struct sql *db, struct store_op *op, struct str tenant, struct str who,
	struct tenant *ret_tenant, int64_t *ret)
{
	*ret = 0;
	int r = tenant_must(db, op, tenant, ret_tenant);
	if (r < 0 || !who.p)
		return r;
	*ret = conversation_of(db, op, ret_tenant, who);
	if (*ret == 0)
		return store_fail(op, ERR_NOT_FOUND, "no chat of that name is known");
	return *ret < 0 ? (int)*ret : 0;
}

/* --- list ------------------------------------------------------------------- */

/* Until when the tenant is closed; 0: it is open. */
static int64_t
closed_until(const struct tenant *t)
{
	struct silence_closed closed;

	return silence_closed(t, clock_wall_us() / 1000000, &closed) ? closed.until_s
								     : 0;
}

static void
set_silence(struct store_chat *c, bool opted_out, bool muted, int64_t human_until_us,
	int64_t closed_until_s)
{
	if (opted_out) {
		c->silence = SILENCE_OPTED_OUT;
	} else if (muted) {
		c->silence = SILENCE_MUTED;
	} else if (human_until_us > clock_wall_us()) {
		c->silence = SILENCE_HUMAN;
		c->until_us = human_until_us;
	} else if (closed_until_s > 0) {
		c->silence = SILENCE_CLOSED;
		c->until_us = closed_until_s < INT64_MAX ? closed_until_s * 1000000 : 0;
	}
}

static void
read_chat(
	struct sql *db, struct arena *a, int64_t closed_until_s, struct store_chat *ret)
{
	*ret = (struct store_chat){.conversation_id = sql_col_number(db, 0),
		.chat = sql_col_text(db, 1, a),
		.name = sql_col_text(db, 2, a),
		.phone = sql_col_text(db, 3, a),
		.last_in_us = sql_col_number(db, 4),
		.last_out_us = sql_col_number(db, 5)};
	ret->last_read_us = sql_col_number(db, 9);
	ret->unread = ret->last_in_us > ret->last_read_us;
	set_silence(ret, sql_col_number(db, 6), sql_col_number(db, 7),
		sql_col_number(db, 8), closed_until_s);
}

/* A conversation of a contact that was merged into another is empty. */
static int
read_chats(
	struct sql *db, struct store_chat_list *l, int64_t only, int64_t closed_until_s)
{
	int r = sql_row(db,
		"SELECT c.id, c.canonical_key, p.name, (SELECT value FROM"
		"  contact_identities WHERE contact_id = p.id AND tenant_id = ?1"
		"  AND kind = 'phone' LIMIT 1),"
		" (SELECT created_us FROM messages WHERE conversation_id = c.id"
		"  AND tenant_id = ?1 AND direction = 'in' ORDER BY id DESC LIMIT 1)"
		"  AS last_in,"
		" (SELECT created_us FROM messages WHERE conversation_id = c.id"
		"  AND tenant_id = ?1 AND direction = 'out' ORDER BY id DESC LIMIT 1)"
		"  AS last_out,"
		" p.opted_out_us IS NOT NULL, c.muted_us > 0, c.human_until_us,"
		" c.last_read_us"
		" FROM conversations AS c JOIN contacts AS p ON p.id = c.contact_id"
		" WHERE c.tenant_id = ?1 AND p.merged_into IS NULL"
		" AND (?2 = 0 OR c.id = ?2)"
		" ORDER BY max(ifnull(last_in, 0), ifnull(last_out, 0)) DESC LIMIT ?3",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(only), SQL_NUMBER(l->limit));

	l->chats = arena_zalloc(l->op.arena, (size_t)l->limit * sizeof(*l->chats));
	l->count = 0;
	for (; r > 0 && l->count < (size_t)l->limit; r = sql_next(db))
		read_chat(db, l->op.arena, closed_until_s, &l->chats[l->count++]);
	return r < 0 ? r : 0;
}

static int
list(struct store *s, struct store_op *op)
{
	struct store_chat_list *l = container_of(op, struct store_chat_list, op);
	struct sql *db = store_db(s);
	struct tenant t;
	int64_t only = 0;

	if (l->limit < 1 || l->limit > LIMIT_MAX)
		return store_fail(
			op, ERR_SHAPE, "limit must be from 1 to %d", LIMIT_MAX);
	int r = must_find(db, op, tenant_id(l->tenant), l->who, &t, &only);
	return r < 0 ? r : read_chats(db, l, only, closed_until(&t));
}

void
store_chat_list(struct store *s, struct store_chat_list *op, struct flow *f)
{
	store_start(s, &op->op, list, f);
}

/* --- pause, resume ------------------------------------------------------------ */

static int
pause_chat(struct store *s, struct store_op *op)
{
	struct store_chat_pause *p = container_of(op, struct store_chat_pause, op);
	struct sql *db = store_db(s);
	int64_t conversation = 0, now = clock_wall_us();
	struct tenant t;

	int r = must_find(db, op, tenant_id(p->tenant), p->who, &t, &conversation);
	if (r < 0)
		return r;
	r = silence_pause(db, op->arena, t.id, conversation,
		p->minutes > 0 ? now + p->minutes * 60000000 : 0, p->actor);
	p->changed = r > 0;
	return r < 0 ? r : 0;
}

void
store_chat_pause(struct store *s, struct store_chat_pause *op, struct flow *f)
{
	store_start(s, &op->op, pause_chat, f);
}

static int
resume_chat(struct store *s, struct store_op *op)
{
	struct store_chat_pause *p = container_of(op, struct store_chat_pause, op);
	struct sql *db = store_db(s);
	int64_t conversation = 0;
	struct tenant t;

	int r = must_find(db, op, tenant_id(p->tenant), p->who, &t, &conversation);
	if (r >= 0)
		r = silence_resume(db, t.id, conversation, p->actor);
	p->changed = r > 0;
	return r < 0 ? r : 0;
}

void
store_chat_resume(struct store *s, struct store_chat_pause *op, struct flow *f)
{
	store_start(s, &op->op, resume_chat, f);
}

/* --- read --------------------------------------------------------------------- */

static int
read_all(struct store *s, struct store_op *op)
{
	struct store_chat_read *c = container_of(op, struct store_chat_read, op);
	struct sql *db = store_db(s);
	struct tenant t;

	int r = must_find(
		db, op, tenant_id(c->tenant), c->who, &t, &c->conversation_id);
	if (r < 0)
		return r;
	c->read_us = clock_wall_us();
	r = sql_do(db,
		"UPDATE conversations SET last_read_us = ?3 WHERE id = ?2"
		" AND tenant_id = ?1",
		SQL_TEXT(t.id), SQL_NUMBER(c->conversation_id), SQL_NUMBER(c->read_us));
	return r < 0 ? r : 0;
}

void
store_chat_read(struct store *s, struct store_chat_read *op, struct flow *f)
{
	store_start(s, &op->op, read_all, f);
}
