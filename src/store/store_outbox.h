/* SPDX-License-Identifier: MIT */
/* store_outbox.h: messages that are no answer, as operations (store.h says how).
 *
 *              add                due             keep            mark           end
 *   (nothing) ----> waiting ----------> queued ---------> (turn kept) ---> ... ------>
 * sent ^  ^    queued       | take: not now      |                   |    failed |
 * '-----------------'  (move)            | cancel, while     | | | pending           |
 *                    '------- the next slot of a schedule <----+-------------------'
 *
 *   cancelled   by a person, or by the customer's reply (unless_reply)
 *   skipped     the customer has opted out
 *
 *   held        status "waiting", reason "window": until the customer writes, or
 *               due_us, when it is given up (store_window.c); its message is there
 *
 * A row is one message to one person, at due_us.  It has a job, prosaas.send, once it
 * is near; `round` says which: it rises each time that the row waits anew, and a job
 * of an earlier round finds nothing to do.  keep makes a turn and a message row of
 * source "system" out of it, in one transaction; from there store_mark takes it like a
 * reply.  Until the message is "sending" a person can still cancel it. */
#ifndef STORE_STORE_OUTBOX_H
#define STORE_STORE_OUTBOX_H

#include "store/store.h"

struct outbox_row {
	int64_t id, broadcast_id, message_id; /* 0: none */
	struct str tenant, key, chat, name, text, schedule, zone, status, reason;
	struct str content; /* what it is instead of a text, as JSON (docs/sending.md);
			       may be absent; text is then what the history shows */
	bool unless_reply;
	int64_t slot_us, due_us, round, sent_count, sent_us, created_us;
	int64_t held_us; /* since when it waits for the customer to write; 0: it does
			    not */
};

/* --- for people ------------------------------------------------------------- */

/* store_outbox_add: `to` is an address of one person or a phone, which is read by the
 * tenant's country and goes to the address that its owner last wrote from.  With a key
 * that is there already nothing is added: that row is the result, and known is set.
 * ERR_NOT_FOUND (tenant), ERR_SHAPE with words (`to`, an unknown placeholder, no text,
 * a content without type).
 */
struct store_outbox_add {
	struct store_op op;
	struct str tenant, to, text, name, key; /* name, key: may be absent */
	struct str content;                     /* likewise */
	struct str schedule, zone;              /* both or neither */
	bool unless_reply;
	int64_t due_us;

	bool known;
	struct outbox_row row;
};
void store_outbox_add(struct store *s, struct store_outbox_add *op, struct flow *f);

/* store_outbox_list: the newest first, at most limit (1 to 500).  Those of broadcasts
 * only when asked for one. */
struct store_outbox_list {
	struct store_op op;
	struct str tenant, status; /* status: absent for all */
	int64_t broadcast_id;      /* 0: those of none */
	int64_t limit;

	struct outbox_row *rows;
	size_t count;
};
void store_outbox_list(struct store *s, struct store_outbox_list *op, struct flow *f);

struct store_outbox_get {
	struct store_op op;
	struct str tenant;
	int64_t id;
	struct outbox_row row; /* ERR_NOT_FOUND */
};
void store_outbox_get(struct store *s, struct store_outbox_get *op, struct flow *f);

/* store_outbox_cancel: ERR_NOT_FOUND; ERR_EXISTS with words when it is over, or just
 * being sent. */
struct store_outbox_cancel {
	struct store_op op;
	struct str tenant;
	int64_t id;
};
void
store_outbox_cancel(struct store *s, struct store_outbox_cancel *op, struct flow *f);

/* --- the job prosaas.outbox ------------------------------------------------- */

/* store_outbox_due: gives running broadcasts' next recipients their messages, as many
 * as their rate allows until then; then the rows that wait and are due until then
 * (stale false), and those that are queued and were not looked at for a while: perhaps
 * their job is lost (stale true).  Of all tenants; at most limit. */
struct outbox_due {
	struct outbox_row row;
	bool stale;
};
struct store_outbox_due {
	struct store_op op;
	int64_t until_us, limit;

	struct outbox_due *rows;
	size_t count;
};
void store_outbox_due(struct store *s, struct store_outbox_due *op, struct flow *f);

/* store_outbox_queued: these rows have a job now, if they are still of that round. */
struct store_outbox_queued {
	struct store_op op;
	const struct outbox_due *rows;
	size_t count;
};
void
store_outbox_queued(struct store *s, struct store_outbox_queued *op, struct flow *f);

/* --- the job prosaas.send --------------------------------------------------- */

/* store_outbox_take: what is to be done with a row in a round.  It is decided here
 * when the customer has opted out or replied.  Over: nothing (any more). */
struct store_outbox_take {
	struct store_op op;
	struct str tenant;
	int64_t id, round;

	bool over;
	const char *why; /* over: for the log */
	struct tenant found;
	struct outbox_row row;
	struct str name; /* the row's, else the contact's; may be absent */
};
void store_outbox_take(struct store *s, struct store_outbox_take *op, struct flow *f);

/* store_outbox_move: it waits again, until due_us, if nothing was kept. */
struct store_outbox_move {
	struct store_op op;
	struct str tenant;
	int64_t id, round, due_us;
};
void store_outbox_move(struct store *s, struct store_outbox_move *op, struct flow *f);

/* store_outbox_keep: the turn and the message, status "pending"; when the row has one
 * already that one, led by this job and attempt from now on (ERR_FENCED when a later
 * attempt of this job has it; another job is over: this one holds the chat).  A message
 * that was failed is opened again, as store_load does with a reply.  over: it was
 * cancelled meanwhile. */
struct store_outbox_keep {
	struct store_op op;
	struct str tenant, job_id;
	int64_t id, round, attempt;
	struct str text, key; /* outbound key */

	bool over;
	int64_t turn_id;
	struct store_reply message;
};
void store_outbox_keep(struct store *s, struct store_outbox_keep *op, struct flow *f);

/* store_outbox_end: the round is over: "sent", "failed" or "skipped".  With next_us
 * above 0 the row waits for that slot, in the next round. */
struct store_outbox_end {
	struct store_op op;
	struct str tenant, status, reason;
	int64_t id, round, next_us;
};
void store_outbox_end(struct store *s, struct store_outbox_end *op, struct flow *f);

#endif
