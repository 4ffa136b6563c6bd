/* SPDX-License-Identifier: MIT */
/* store_outbox.c: messages that are no answer: written down, listed, called off.
 *
 *   add:      tenant ---> key known? ---> address ---> insert
 *   cancel:   row ---> message pending? ---> failed, its turn done ---> row cancelled
 *
 * Who a row is for is a value of contact_identities, not a contact: contacts are merged
 * and made by messages, and a row that is never sent should make none. */
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "codec/jid.h"
#include "codec/phone.h"
#include "codec/placeholder.h"
#include "store/store_outbox_priv.h"

enum { LIMIT_MAX = 500, TEXT_MAX = 65536, CONTENT_MAX = 16384 };

void
outbox_read(struct sql *db, struct arena *a, struct outbox_row *ret)
{
	*ret = (struct outbox_row){
		.id = sql_col_number(db, 0),
		.broadcast_id = sql_col_number(db, 1),
		.message_id = sql_col_number(db, 2),
		.tenant = sql_col_text(db, 3, a),
		.key = sql_col_text(db, 4, a),
		.chat = sql_col_text(db, 5, a),
		.name = sql_col_text(db, 6, a),
		.text = sql_col_text(db, 7, a),
		.schedule = sql_col_text(db, 8, a),
		.zone = sql_col_text(db, 9, a),
		.status = sql_col_text(db, 10, a),
		.reason = sql_col_text(db, 11, a),
		.unless_reply = sql_col_number(db, 12),
		.slot_us = sql_col_number(db, 13),
		.due_us = sql_col_number(db, 14),
		.round = sql_col_number(db, 15),
		.sent_count = sql_col_number(db, 16),
		.sent_us = sql_col_number(db, 17),
		.created_us = sql_col_number(db, 18),
		.held_us = sql_col_number(db, 19),
		.content = sql_col_text(db, 20, a),
	};
}

int
outbox_find(struct sql *db, struct arena *a, struct str tenant, int64_t id,
	struct outbox_row *ret)
{
	int r = sql_row(db, OUTBOX_SELECT "WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(id));

	if (r > 0)
		outbox_read(db, a, ret);
	return r;
}

bool
outbox_open(const struct outbox_row *row)
{
	return str_eqz(row->status, "waiting") || str_eqz(row->status, "queued");
}

/* --- who it is for ---------------------------------------------------------- */

static int
read_address(struct arena *a, const struct tenant *t, struct str to,
	struct outbox_address *ret, char why[128])
{
	char phone[PHONE_SIZE];
	struct jid j;

	if (!memchr(to.p, '@', to.n)) {
		if (phone_read(to, t->country, phone) < 0) {
			snprintf(why, 128, "no phone number%s",
				t->country.n ? "" : " (without +: set country)");
			return ERR_SHAPE;
		}
		ret->chat = arena_printf(a, "%s@s.whatsapp.net", phone + 1);
		ret->who = arena_str(a, str_of(phone));
		return 0;
	}
	if (jid_parse(to, &j) < 0 || !(jid_has_lid(&j) || jid_has_phone(&j)) ||
		(jid_has_phone(&j) && phone_of_user(j.user, phone) < 0)) {
		snprintf(why, 128, "not the address of one person");
		return ERR_SHAPE;
	}
	ret->chat = arena_str(a, to);
	ret->who = jid_has_lid(&j) ? jid_text(a, &j) : arena_str(a, str_of(phone));
	return 0;
}

/* One name for all who are the same: a phone, if the contact has any. */
static int
main_name(struct sql *db, struct arena *a, struct str tenant, int64_t contact,
	struct str *ret)
{
	int r = sql_row(db,
		"SELECT value FROM contact_identities WHERE tenant_id = ?1"
		" AND contact_id = ?2 AND kind <> 'jid'"
		" ORDER BY kind = 'phone' DESC, value LIMIT 1",
		SQL_TEXT(tenant), SQL_NUMBER(contact));

	if (r > 0)
		*ret = sql_col_text(db, 0, a);
	return r;
}

/* A phone's owner is written to where he wrote from: his lane, and the address that
 * WhatsApp knows (numbers of Mexico and Brazil have an old form there). */
static int
last_address(struct sql *db, struct arena *a, struct str tenant, int64_t contact,
	struct str *ret)
{
	int r = sql_row(db,
		"SELECT m.chat FROM conversations AS c JOIN messages AS m"
		" ON m.tenant_id = c.tenant_id AND m.conversation_id = c.id"
		" WHERE c.tenant_id = ?1 AND c.contact_id = ?2 AND m.direction = 'in'"
		" ORDER BY m.id DESC LIMIT 1",
		SQL_TEXT(tenant), SQL_NUMBER(contact));

	if (r > 0)
		*ret = sql_col_text(db, 0, a);
	return r;
}

int
outbox_address(struct sql *db, struct arena *a, const struct tenant *t, struct str to,
	struct outbox_address *ret, char why[128])
{
	to = str_trim(to);
	if (to.n == 0) {
		snprintf(why, 128, "nobody is named");
		return ERR_SHAPE;
	}
	int r = read_address(a, t, to, ret, why);
	int64_t contact = r < 0 ? r : contact_of_chat(db, a, t->id, ret->chat);
	if (contact <= 0)
		return (int)contact;
	r = main_name(db, a, t->id, contact, &ret->who);
	if (r >= 0 && !memchr(to.p, '@', to.n))
		r = last_address(db, a, t->id, contact, &ret->chat);
	return r < 0 ? r : 0;
}

int
outbox_text_check(struct store_op *op, struct str text)
{
	struct str wrong;

	if (str_trim(text).n == 0 || text.n > TEXT_MAX)
		return store_fail(op, ERR_SHAPE, "a text has 1 to %d bytes", TEXT_MAX);
	if (placeholder_check(text, &wrong) < 0)
		return store_fail(op, ERR_SHAPE,
			"no placeholder %.*s; there are {name}, {first_name} and "
			"{last_name}",
			wrong.n < 40 ? (int)wrong.n : 40, wrong.p);
	return 0;
}

/* A type that is sent like any other, and what it is.  CASE, because AND promises no
 * order. */
int
outbox_content_check(struct sql *db, struct store_op *op, struct str content)
{
	if (!content.p)
		return 0;
	int r = sql_row(db,
		"SELECT CASE WHEN NOT json_valid(?1) OR length(?1) > ?2 THEN 0"
		" WHEN ifnull(?1 ->> '$.type', '') NOT IN ('template', 'image',"
		"  'video', 'audio', 'document', 'sticker', 'location', 'contacts',"
		"  'interactive', 'reaction') THEN 0"
		" ELSE ifnull(json_type(?1, '$.' || (?1 ->> '$.type')), '')"
		"  IN ('object', 'array') END",
		SQL_TEXT(content), SQL_NUMBER(CONTENT_MAX));
	if (r < 0)
		return r;
	if (r > 0 && sql_col_number(db, 0))
		return 0;
	return store_fail(op, ERR_SHAPE,
		"a content is {\"type\":\"image\",\"image\":{...}}: template, image, "
		"video, audio, document, sticker, location, contacts, interactive or "
		"reaction");
}

/* --- add -------------------------------------------------------------------- */

static int
find_key(struct sql *db, struct store_outbox_add *add, struct str tenant)
{
	if (!add->key.p)
		return 0;
	int r = sql_row(db, OUTBOX_SELECT "WHERE tenant_id = ?1 AND key = ?2",
		SQL_TEXT(tenant), SQL_TEXT(add->key));
	if (r > 0)
		outbox_read(db, add->op.arena, &add->row);
	return r;
}

static int
insert(struct sql *db, const struct store_outbox_add *add, struct str tenant,
	const struct outbox_address *to)
{
	return sql_do(db,
		"INSERT INTO scheduled_messages (tenant_id, key, chat, who, name, "
		"body,"
		" schedule, zone, unless_reply, slot_us, due_us, created_us, "
		"updated_us, content)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?11, "
		"json(?12))",
		SQL_TEXT(tenant), SQL_TEXT(add->key), SQL_TEXT(to->chat),
		SQL_TEXT(to->who), SQL_TEXT(add->name), SQL_TEXT(add->text),
		SQL_TEXT(add->schedule), SQL_TEXT(add->zone),
		SQL_NUMBER(add->unless_reply), SQL_NUMBER(add->due_us),
		SQL_NUMBER(clock_wall_us()), SQL_TEXT(add->content));
}

static int
add_new(struct sql *db, struct store_outbox_add *add, const struct tenant *t)
{
	struct outbox_address to;
	char why[128];

	int r = outbox_text_check(&add->op, add->text);
	if (r >= 0)
		r = outbox_content_check(db, &add->op, add->content);
	if (r < 0)
		return r;
	r = outbox_address(db, add->op.arena, t, add->to, &to, why);
	if (r == ERR_SHAPE)
		return store_fail(&add->op, r, "%.*s: %s",
			add->to.n < 60 ? (int)add->to.n : 60, add->to.p, why);
	if (r >= 0)
		r = insert(db, add, t->id, &to);
	if (r < 0)
		return r;
	return outbox_find(db, add->op.arena, t->id, sql_inserted(db), &add->row);
}

static int
add(struct store *s, struct store_op *op)
{
	struct store_outbox_add *a = container_of(op, struct store_outbox_add, op);
	struct sql *db = store_db(s);
	struct tenant t;

	int r = tenant_must(db, op, tenant_id(a->tenant), &t);
	if (r < 0)
		return r;
	r = find_key(db, a, t.id);
	a->known = r > 0;
	return r != 0 ? r : add_new(db, a, &t);
}

void
store_outbox_add(struct store *s, struct store_outbox_add *op, struct flow *f)
{
	op->known = false;
	store_start(s, &op->op, add, f);
}

/* --- list, get -------------------------------------------------------------- */

static int
list(struct store *s, struct store_op *op)
{
	struct store_outbox_list *l = container_of(op, struct store_outbox_list, op);
	struct sql *db = store_db(s);

	if (l->limit < 1 || l->limit > LIMIT_MAX)
		return store_fail(
			op, ERR_SHAPE, "limit must be from 1 to %d", LIMIT_MAX);
	l->rows = arena_zalloc(op->arena, (size_t)l->limit * sizeof(*l->rows));
	l->count = 0;
	int r = sql_row(db,
		OUTBOX_SELECT
		"WHERE tenant_id = ?1 AND broadcast_id IS nullif(?2, 0)"
		" AND (?3 IS NULL OR status = ?3) ORDER BY id DESC LIMIT ?4",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->broadcast_id),
		SQL_TEXT(l->status), SQL_NUMBER(l->limit));
	for (; r > 0; r = sql_next(db))
		outbox_read(db, op->arena, &l->rows[l->count++]);
	return r;
}

void
store_outbox_list(struct store *s, struct store_outbox_list *op, struct flow *f)
{
	store_start(s, &op->op, list, f);
}

static int
get(struct store *s, struct store_op *op)
{
	struct store_outbox_get *g = container_of(op, struct store_outbox_get, op);
	int r = outbox_find(
		store_db(s), op->arena, tenant_id(g->tenant), g->id, &g->row);

	return r == 0 ? store_fail(op, ERR_NOT_FOUND, "no such message") : r;
}

void
store_outbox_get(struct store *s, struct store_outbox_get *op, struct flow *f)
{
	store_start(s, &op->op, get, f);
}

/* --- cancel ----------------------------------------------------------------- */

/* A message that is "pending" was posted by nobody, and with this by nobody will be:
 * store_mark refuses it.  1, or 0 when it is past that. */
static int
fail_pending(struct sql *db, struct str tenant, int64_t message, int64_t turn,
	struct str reason)
{
	int r = sql_do(db,
		"UPDATE messages SET status = 'failed', reason = ?3, updated_us = ?4"
		" WHERE id = ?2 AND tenant_id = ?1 AND status = 'pending'",
		SQL_TEXT(tenant), SQL_NUMBER(message), SQL_TEXT(reason),
		SQL_NUMBER(clock_wall_us()));
	if (r <= 0)
		return r;
	r = turn_end(db, tenant, turn);
	return r < 0 ? r : 1;
}

int
outbox_withdraw(struct sql *db, struct str tenant, int64_t id, struct str reason)
{
	int r = sql_row(db,
		"SELECT message_id, (SELECT turn_id FROM messages WHERE id ="
		" message_id) FROM scheduled_messages WHERE id = ?2"
		" AND tenant_id = ?1 AND status IN ('waiting', 'queued')",
		SQL_TEXT(tenant), SQL_NUMBER(id));
	int64_t message = r > 0 ? sql_col_number(db, 0) : 0;

	if (r > 0 && message > 0)
		r = fail_pending(db, tenant, message, sql_col_number(db, 1), reason);
	if (r <= 0)
		return r;
	return sql_do(db,
		"UPDATE scheduled_messages SET status = 'cancelled', reason = ?3,"
		" held_us = 0, updated_us = ?4 WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(id), SQL_TEXT(reason),
		SQL_NUMBER(clock_wall_us()));
}

static int
cancel(struct store *s, struct store_op *op)
{
	struct store_outbox_cancel *c =
		container_of(op, struct store_outbox_cancel, op);
	struct str tenant = tenant_id(c->tenant);
	struct sql *db = store_db(s);
	struct outbox_row row;

	int r = outbox_find(db, op->arena, tenant, c->id, &row);
	if (r <= 0)
		return r < 0 ? r : store_fail(op, ERR_NOT_FOUND, "no such message");
	r = outbox_withdraw(db, tenant, c->id, STR("by hand"));
	if (r < 0)
		return r;
	if (r == 0)
		return store_fail(op, ERR_EXISTS, "message %lld is %s",
			(long long)c->id,
			outbox_open(&row) ? "being sent" : row.status.p);
	return row.broadcast_id ? broadcast_settle(db, tenant, row.broadcast_id) : 0;
}

void
store_outbox_cancel(struct store *s, struct store_outbox_cancel *op, struct flow *f)
{
	store_start(s, &op->op, cancel, f);
}

/* What was kept already goes: it is as good as sent. */
int
outbox_replied(struct sql *db, struct str tenant, int64_t conversation)
{
	return sql_do(db,
		"UPDATE scheduled_messages SET status = 'cancelled', reason = 'reply',"
		" updated_us = ?3 WHERE tenant_id = ?1 AND unless_reply = 1"
		" AND status IN ('waiting', 'queued') AND message_id IS NULL"
		" AND who IN (SELECT i.value FROM conversations AS c"
		"  JOIN contact_identities AS i ON i.contact_id = c.contact_id"
		"  WHERE c.id = ?2 AND c.tenant_id = ?1 AND i.tenant_id = ?1)",
		SQL_TEXT(tenant), SQL_NUMBER(conversation),
		SQL_NUMBER(clock_wall_us()));
}
