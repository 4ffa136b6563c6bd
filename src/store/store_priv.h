/* SPDX-License-Identifier: MIT */
/* store_priv.h: what the files of this folder share. */
#ifndef STORE_STORE_PRIV_H
#define STORE_STORE_PRIV_H

#include "codec/name.h"
#include "codec/tenant.h"
#include "store/sql.h"
#include "store/store.h"

/* The body of an operation.  It runs on the store's thread, inside a transaction
 * that is rolled back to where it began when it returns an error.  ERR_STORE needs
 * no words: they are the database's. */
typedef int store_run_fn(struct store *s, struct store_op *op);

/* store_start queues op for the thread; with f NULL it waits for store_run(). */
void
store_start(struct store *s, struct store_op *op, store_run_fn *run, struct flow *f);

/* store_fail leaves words for the operator and returns err. */
int store_fail(struct store_op *op, int err, const char *fmt, ...) PRINTF(3, 4);

/* store_db is the connection, for the body of an operation. */
struct sql *store_db(struct store *s);

/* schema_open opens the database and checks its version; NULL with words. */
struct sql *schema_open(const char *database_url, char err[256]);

/* tenant_find reads a tenant into the arena: 1, 0 when there is none, or negative. */
int tenant_find(
	struct sql *db, struct str id, struct arena *a, struct tenant *ret) MUSTCHECK;

/* tenant_must does the same for a command: 0, or ERR_NOT_FOUND with words. */
int tenant_must(struct sql *db, struct store_op *op, struct str id,
	struct tenant *ret) MUSTCHECK;

/* audit_note writes a row of the audit and returns its id, or negative. */
struct audit_entry {
	struct str tenant, action, actor, detail; /* the last two may be absent */
	int64_t contact_id, other_id, conversation_id, broadcast_id; /* 0: none */
};
int64_t audit_note(struct sql *db, const struct audit_entry *e) MUSTCHECK;

/* In SQL: what follows the user of an address. */
#define SERVER_OF(address) "substr(" address ", instr(" address ", '@'))"

/* Other names of a chat that a message carries: addresses, or in phone a number as
 * people write it.  Each may be absent; all are ignored where the chat is not one
 * person.  country is that of numbers without +. */
struct chat_alias {
	struct str lid, phone, country;
	int64_t merge_id; /* result: the last merge that they led to, or 0 */
};

/* conversation_find returns the id of the conversation that chat belongs to, 0 for
 * none, or negative. */
int64_t conversation_find(
	struct sql *db, struct arena *a, struct str tenant, struct str chat) MUSTCHECK;

/* conversation_make does the same and makes it, its contact and the contact's
 * identities when missing; alias (may be NULL) adds identities, and may show that
 * two contacts are one: they are merged.  called (may be NULL) is what somebody says
 * the contact's name is (below). */
struct called;
int64_t
conversation_make(struct sql *db, struct arena *a, struct str tenant, struct str chat,
	const struct called *called, struct chat_alias *alias) MUSTCHECK;

/* contact_call: somebody says what a contact is called.  1 when that is its name from
 * now on, 0 when it is no name, or one that can't replace what is known. */
struct called {
	struct str name; /* as it came; may be absent */
	enum name_source source;
	double confidence; /* of the AI */
};
int contact_call(struct sql *db, struct arena *a, struct str tenant, int64_t contact,
	const struct called *c) MUSTCHECK;

/* store_person.c: person_look_up fills p->who. */
int person_look_up(struct sql *db, struct store_person *p) MUSTCHECK;

/* contact_of_phone finds the contact that has this phone (E.164): its id, 0 for none,
 * or negative. */
int64_t contact_of_phone(struct sql *db, struct str tenant, struct str phone) MUSTCHECK;

/* contact_of_chat and conversation_of_contact: an id, 0 for none, or negative. */
int64_t contact_of_chat(
	struct sql *db, struct arena *a, struct str tenant, struct str chat) MUSTCHECK;
int64_t
conversation_of_contact(struct sql *db, struct str tenant, int64_t contact) MUSTCHECK;

/* contact_merge makes one of two contacts.  1 and which of them is kept, or 0 when
 * that can't be: their names contradict it, or a person has parted them. */
struct merge {
	int64_t kept, gone; /* the two, in any order; then which is which */
	int64_t audit_id;   /* result, with 1 */
};
int contact_merge(struct sql *db, struct str tenant, struct merge *m) MUSTCHECK;

/* store_turns.c: what keep and mark share with load. */
struct str turn_state_name(enum turn_state state);
enum turn_state turn_state_of(struct str name);
int turn_set_state(struct sql *db, struct str tenant, int64_t turn,
	enum turn_state state) MUSTCHECK;
int turn_fenced(struct store_op *op, int64_t attempt, int64_t held) MUSTCHECK;

/* A turn that begins.  turn_insert returns its id, or negative. */
struct turn {
	struct str tenant, job_id;
	int64_t conversation_id, attempt;
	enum turn_state state;
};
int64_t turn_insert(struct sql *db, const struct turn *t) MUSTCHECK;

/* Messages of ours that a program wrote, not a person on the phone: replies, and what
 * is no answer. */
#define BY_US "source IN ('bot', 'system')"

/* turn_end: the turn is done, unless a message of ours in it is still to be sent. */
int turn_end(struct sql *db, struct str tenant, int64_t turn) MUSTCHECK;

/* turn_reopen: messages of ours that failed are to be sent again, a doubtful one after
 * asking ("sending"): how many, or negative. */
int turn_reopen(struct sql *db, struct str tenant, int64_t turn) MUSTCHECK;

/* turn_replies reads the parts of the turn's reply: how many, or negative. */
int turn_replies(struct sql *db, struct arena *a, struct str tenant, int64_t turn,
	struct store_replies *ret) MUSTCHECK;

/* --- store_silence.c -------------------------------------------------------- */

/* silence_heed does what a new message asks for: a person's answer and the commands of
 * the phone, stop and start words. */
int silence_heed(struct sql *db, struct store_load *l) MUSTCHECK;

/* silence_read fills says, silence, closed_said and fell_back. */
int silence_read(struct sql *db, struct store_load *l) MUSTCHECK;

/* silence_held returns what people's words silence a turn with: opted out, muted,
 * human, none; or negative. */
int silence_held(struct sql *db, struct str tenant, int64_t turn) MUSTCHECK;

/* silence_closed: false when the tenant is open now; else since and until when it is
 * not (INT64_MIN, INT64_MAX: for ever). */
struct silence_closed {
	int64_t since_s, until_s;
};
bool silence_closed(const struct tenant *t, int64_t now_s, struct silence_closed *ret);

/* silence_pause and silence_resume: 1, or 0 when that is so already; a row of the audit
 * with 1.  until_us 0: until it is resumed. */
int silence_pause(struct sql *db, struct arena *a, struct str tenant,
	int64_t conversation, int64_t until_us, struct str actor) MUSTCHECK;
int silence_resume(struct sql *db, struct str tenant, int64_t conversation,
	struct str actor) MUSTCHECK;

/* --- store_groups.c --------------------------------------------------------- */

/* group_hears learns our own names from a message of ours in a group; of another's it
 * says in answerable whether it is for us. */
int group_hears(struct sql *db, struct store_load *l) MUSTCHECK;

/* store_sessions.c: session_touch: the customer wrote; the conversation's session goes
 * on, or begins.  session_recall reads facts and summary for who will ask the AI.
 * sessions_merge: the kept contact knows what was known of the other as well. */
int session_touch(struct sql *db, struct str tenant, int64_t conversation) MUSTCHECK;
int session_recall(struct sql *db, struct store_load *l) MUSTCHECK;
int sessions_merge(struct sql *db, struct str tenant, const struct merge *contacts,
	int64_t kept_conv, int64_t gone_conv) MUSTCHECK;

/* store_ai.c: prompt_number gives a tenant's prompt a version when it is new.
 * usage_add counts requests of today and says what share of the budget (0: none) they
 * reached: 80, 100 (percent), or 0.  usage_today: what was spent. */
int prompt_number(struct sql *db, struct str tenant) MUSTCHECK;
int usage_add(struct sql *db, struct arena *a, struct str tenant,
	const struct store_usage *usage, size_t count, double budget,
	int *ret_crossed) MUSTCHECK;
int
usage_today(struct sql *db, struct str tenant, struct str zone, int64_t *ret) MUSTCHECK;

/* --- store_receipts.c ------------------------------------------------------- */

/* message_seen raises the status of a message of ours ("sent", "delivered", "read",
 * "failed"; at_us 0: now) and ends a turn that had only that to wait for.  1, or 0 when
 * it says nothing new. */
int message_seen(struct sql *db, struct str tenant, int64_t row, struct str status,
	struct str reason, int64_t at_us) MUSTCHECK;

/* message_note_id keeps the provider's id of a message that has none yet, unless
 * another message has it (a gateway that repeats its ids). */
int message_note_id(
	struct sql *db, struct str tenant, int64_t row, struct str id) MUSTCHECK;

/* sent_find returns the id of our row that WhatsApp knows by this id, by the provider's
 * or by our outbound key; 0 for none, or negative. */
int64_t sent_find(struct sql *db, struct str tenant, struct str provider,
	int64_t conversation, struct str id) MUSTCHECK;

/* --- store_window.c ---------------------------------------------------------- */

/* window_open: 1 when the customer of the turn has written within window_us (0: any
 * time will do), else 0, or negative. */
int window_open(
	struct sql *db, struct str tenant, int64_t turn, int64_t window_us) MUSTCHECK;

/* window_hold: the message, and of an answer the parts after it, wait for the customer
 * to write, for hold_us at most. */
int window_hold(struct sql *db, struct str tenant, int64_t turn, int64_t message,
	int64_t hold_us) MUSTCHECK;

/* window_opened: the customer wrote: what waited for that is due.  How many, or
 * negative. */
int window_opened(struct sql *db, struct str tenant, int64_t conversation) MUSTCHECK;

/* --- store_updates.c -------------------------------------------------------- */

/* links_make ties a row that is new, or has just got its content, to the message it is
 * about, and to the earlier rows that are about it. */
int links_make(struct sql *db, const struct store_load *l) MUSTCHECK;

/* turn_changed: 1 and the turn, not answered yet, of which this edit or revoke changed
 * a message; else 0 or negative. */
int
turn_changed(struct sql *db, const struct store_load *l, int64_t *ret_turn) MUSTCHECK;

/* turn_is_withdrawn: 1 when all that the customer said in it was taken back. */
int turn_is_withdrawn(struct sql *db, struct str tenant, int64_t turn) MUSTCHECK;

#endif
