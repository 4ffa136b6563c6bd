/* SPDX-License-Identifier: MIT */
/* store_window.c: WhatsApp's window, in which a business may write as it likes.
 *
 *   mark "sending":  window_open? --- no ---> closed: nothing is marked
 *   mark "held":     window_hold ---> its row of the outbox waits; an answer gets one
 *   load:            the customer writes ---> window_opened ---> they are due now
 *
 * A message that is held is "pending", and so is its turn: it is not over.  Its row in
 * scheduled_messages is what will send it, like any message that is no answer: when the
 * customer has written; or, when its time is up, to be told that it can't be.  Nobody
 * leads the turn meanwhile (attempt 0, no job): whoever comes with that row may. */
#include "base/clock.h"
#include "base/err.h"
#include "store/store_outbox_priv.h"

/* The time that the customer's message names counts, but not one that lies ahead.  What
 * he wrote by another way, before the tenant was moved, opens no window here. */
int
window_open(struct sql *db, struct str tenant, int64_t turn, int64_t window_us)
{
	if (window_us <= 0)
		return 1;
	int r = sql_row(db,
		"SELECT min(created_us, ifnull(sent_us, created_us)) > ?3"
		" FROM messages WHERE tenant_id = ?1 AND conversation_id ="
		" (SELECT conversation_id FROM turns WHERE id = ?2 AND tenant_id = ?1)"
		" AND direction = 'in' AND provider ="
		" (SELECT gateway FROM tenants WHERE id = ?1)"
		" ORDER BY id DESC LIMIT 1",
		SQL_TEXT(tenant), SQL_NUMBER(turn),
		SQL_NUMBER(clock_wall_us() - window_us));
	return r > 0 ? (int)sql_col_number(db, 0) : r;
}

/* --- hold ------------------------------------------------------------------- */

/* The first time counts: until when it is held does not move. */
static int
hold_row(struct sql *db, struct str tenant, int64_t message, int64_t hold_us)
{
	return sql_do(db,
		"UPDATE scheduled_messages SET status = 'waiting', reason = 'window',"
		" held_us = iif(held_us > 0, held_us, ?3),"
		" due_us = iif(held_us > 0, held_us, ?3) + ?4, round = round + 1,"
		" updated_us = ?3 WHERE message_id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(message), SQL_NUMBER(clock_wall_us()),
		SQL_NUMBER(hold_us));
}

/* Of an answer each part that is left, in order.  Who it is for is one of the names of
 * the contact, a phone if there is one. */
static int
add_rows(struct sql *db, struct str tenant, int64_t turn, int64_t hold_us)
{
	return sql_do(db,
		"INSERT INTO scheduled_messages (tenant_id, chat, who, body, slot_us,"
		" due_us, status, reason, held_us, message_id, created_us, updated_us)"
		" SELECT m.tenant_id, m.chat, ifnull((SELECT i.value FROM"
		"  contact_identities AS i JOIN conversations AS c"
		"  ON c.contact_id = i.contact_id WHERE c.id = m.conversation_id"
		"  AND c.tenant_id = ?1"
		"  AND i.tenant_id = ?1"
		"  ORDER BY i.kind = 'phone' DESC, i.value LIMIT 1), m.chat),"
		" m.body, ?3, ?3 + ?4, 'waiting', 'window', ?3, m.id, ?3, ?3"
		" FROM messages AS m WHERE m.turn_id = ?2 AND m.tenant_id = ?1"
		" AND m.status IN ('pending', 'sending') AND m." BY_US
		" AND NOT EXISTS (SELECT 1 FROM scheduled_messages AS s"
		"  WHERE s.message_id = m.id AND s.tenant_id = ?1) ORDER BY m.part",
		SQL_TEXT(tenant), SQL_NUMBER(turn), SQL_NUMBER(clock_wall_us()),
		SQL_NUMBER(hold_us));
}

/* All of the turn that has a row which waits for the customer, and is not over. */
static int
rest(struct sql *db, struct str tenant, int64_t turn)
{
	int r = sql_do(db,
		"UPDATE messages SET status = 'pending', reason = 'window',"
		" updated_us = ?3 WHERE turn_id = ?2 AND tenant_id = ?1"
		" AND status IN ('pending', 'sending') AND id IN"
		" (SELECT message_id FROM scheduled_messages WHERE tenant_id = ?1"
		"  AND held_us > 0)",
		SQL_TEXT(tenant), SQL_NUMBER(turn), SQL_NUMBER(clock_wall_us()));
	if (r < 0)
		return r;
	return sql_do(db,
		"UPDATE turns SET state = 'kept', attempt = 0, job_id = NULL,"
		" updated_us = ?3 WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(turn), SQL_NUMBER(clock_wall_us()));
}

int
window_hold(struct sql *db, struct str tenant, int64_t turn, int64_t message,
	int64_t hold_us)
{
	int r = hold_row(db, tenant, message, hold_us);

	if (r == 0)
		r = add_rows(db, tenant, turn, hold_us);
	return r < 0 ? r : rest(db, tenant, turn);
}

/* --- the customer writes ------------------------------------------------------ */

#define HELD_FOR_CUSTOMER                                            \
	" tenant_id = ?1 AND held_us > 0 AND who IN (SELECT i.value" \
	"  FROM conversations AS c JOIN contact_identities AS i"     \
	"  ON i.contact_id = c.contact_id WHERE c.id = ?2"           \
	"  AND c.tenant_id = ?1 AND i.tenant_id = ?1)"

/* What was only for the case that he does not write. */
static int
call_off(struct sql *db, struct str tenant, int64_t conversation)
{
	for (;;) {
		int r = sql_row(db,
			"SELECT id FROM scheduled_messages WHERE unless_reply = 1"
			" AND status IN ('waiting', 'queued') AND" HELD_FOR_CUSTOMER
			" LIMIT 1",
			SQL_TEXT(tenant), SQL_NUMBER(conversation));
		if (r > 0)
			r = outbox_withdraw(
				db, tenant, sql_col_number(db, 0), STR("reply"));
		if (r <= 0) /* none, or it is being sent just now */
			return r;
	}
}

int
window_opened(struct sql *db, struct str tenant, int64_t conversation)
{
	int r = call_off(db, tenant, conversation);

	if (r < 0)
		return r;
	return sql_do(db,
		"UPDATE scheduled_messages SET due_us = ?3, reason = NULL, held_us = 0,"
		" round = round + 1, status = 'waiting', updated_us = ?3"
		" WHERE status IN ('waiting', 'queued') AND" HELD_FOR_CUSTOMER,
		SQL_TEXT(tenant), SQL_NUMBER(conversation),
		SQL_NUMBER(clock_wall_us()));
}
