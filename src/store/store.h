/* SPDX-License-Identifier: MIT */
/* store.h: the database, as operations.
 *
 * One thread owns the database.  It takes whatever operations wait and runs them
 * as ONE transaction (group commit), each in a savepoint of its own: an operation
 * that fails undoes itself only.  When the commit is on disk (synchronous FULL)
 * the loop is told and wakes each operation's flow.  So a flow that was woken
 * without error knows that its rows survive a power cut.
 *
 * Embed the operation's struct in your own, fill its upper part, start it from a
 * step, wait.  Until it completes, operation, arena and slices belong to the
 * store's thread: do not touch them.  Results are copied into op.arena.
 *
 * Commands have no loop: they start with a NULL flow, which only fills the
 * operation, and then run it with store_run().
 *
 * What makes replies happen once:
 *   messages: unique (tenant, provider, chat, provider_message_id) for inbound rows
 *   messages: unique outbound_key
 *   turns.job_id, attempt: keep and mark from another job or a lower attempt are
 *   refused (ERR_FENCED) */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defs.h"
#include "base/str.h"

struct arena;
struct buf;
struct flow;
struct loop;
struct settings;
struct store;

struct store_op {
	struct arena *arena; /* results go here */
	int err;             /* when it is over: 0 or negative */
	char words[640];     /* for the operator, when err is set */
	/* private */
	struct store_op *next;
	struct flow *flow;
	int (*run)(struct store *, struct store_op *);
	int64_t commit_us; /* in the first of a batch: how long it took; else -1 */
	int64_t batch_ops; /* there too: how many it has */
};

/* A tenant: a business with one WhatsApp number.  To add a property: one row
 * here and a migration that adds the column.  Kinds: TEXT is a struct str (absent
 * = NULL), SECRET the same, but never shown, NUMBER int64_t, REAL double. */
/* clang-format off */
#define TENANT_FIELDS(X) \
	X(TEXT, name, "Name of the business") \
	X(TEXT, status, \
		"active or paused: a paused tenant's messages are stored, not " \
		"answered") \
	X(TEXT, country, \
		"Country of phones written without +: IL or 972; empty: none") \
	X(TEXT, time_zone, "Its clock, like Europe/Berlin; empty: UTC") \
	X(TEXT, hours, \
		"When it is open, on its clock: Mon-Fri 09:00-18:00; Sat " \
		"10:00-14:00; empty: always") \
	X(TEXT, closed_text, \
		"Said once while it is closed; empty: nothing") \
	X(TEXT, stop_words, \
		"Messages that are nothing but one of these end all messages to " \
		"their writer, comma separated; empty: none do") \
	X(TEXT, start_words, "Likewise, and begin them again") \
	X(TEXT, stop_text, "Answer to a stop word; empty: nothing") \
	X(TEXT, start_text, \
		"Answer to a start word; empty: what else would be answered") \
	X(TEXT, groups, \
		"never or mentioned: which messages of groups are answered") \
	X(TEXT, own_number, \
		"Its phone, +972501234567: who mentions it in a group is answered") \
	X(TEXT, language, "Language of answers; empty: the customer's") \
	X(TEXT, gateway, "baileys or meta: its way to WhatsApp") \
	X(TEXT, meta_phone_number_id, \
		"Its phone at the Cloud API; empty: META_WA_PHONE_NUMBER_ID") \
	X(SECRET, meta_access_token, \
		"Key for it; empty: META_WA_ACCESS_TOKEN") \
	X(SECRET, meta_app_secret, \
		"Signs its webhooks; empty: META_WA_APP_SECRET") \
	X(SECRET, meta_verify_token, \
		"Proves its webhook URL; empty: META_WA_VERIFY_TOKEN") \
	X(TEXT, meta_template, \
		"Approved template that carries messages outside the 24-hour " \
		"window, its one parameter is the text; empty: they are held") \
	X(TEXT, meta_template_language, \
		"Language code of that template; empty: en") \
	X(TEXT, gateway_url, \
		"Baileys gateway of this tenant; empty: BAILEYS_BASE_URL") \
	X(TEXT, ai_provider, "builtin or openai; empty: AI_PROVIDER") \
	X(TEXT, ai_model, "Model; empty: OPENAI_MODEL") \
	X(TEXT, ai_base_url, "Base URL of its AI; empty: OPENAI_BASE_URL") \
	X(SECRET, ai_api_key, "Key for it; empty: OPENAI_API_KEY") \
	X(TEXT, ai_fallbacks, \
		"Models to ask when the first fails, comma separated; empty: " \
		"OPENAI_MODEL_FALLBACKS") \
	X(TEXT, prompt, "System prompt for the AI") \
	X(REAL, ai_temperature, "Sampling temperature; -1: AI_TEMPERATURE") \
	X(NUMBER, ai_max_tokens, "Longest answer in tokens; 0: AI_MAX_TOKENS") \
	X(NUMBER, ai_input_tokens, \
		"What one question may cost, in tokens; 0: AI_INPUT_TOKENS") \
	X(NUMBER, ai_history, "Earlier messages sent along; -1: AI_HISTORY") \
	X(REAL, ai_daily_budget, \
		"What the AI may cost a day, in the currency of AI_PRICES; 0: " \
		"no limit") \
	X(TEXT, tools,                                                          \
		"What the AI may call: JSON list of {\"name\",\"description\"," \
		"\"parameters\",\"url\",\"timeout_ms\"} (docs/ai.md)")        \
	X(SECRET, tools_secret, "Signs those calls (X-Prosaas-Signature)")      \
	X(TEXT, fallback_text, \
		"Said once when the AI fails for good; empty: nothing") \
	X(TEXT, default_text, \
		"Built-in answer when no rule matches; empty: no answer") \
	X(TEXT, rules, \
		"Built-in answers: JSON list of " \
		"{\"match\":\"word\",\"reply\":\"text\"}") \
	X(NUMBER, debounce_ms, \
		"Quiet in a chat before it is answered, ms; -1: " \
		"REPLY_DEBOUNCE_MS") \
	X(NUMBER, human_pause_min, \
		"Minutes a person on the phone silences the bot in a chat; " \
		"-1: HUMAN_PAUSE_MIN") \
	X(NUMBER, retain_messages_days, \
		"Days after which what was said is blanked; 0: never; -1: " \
		"RETAIN_MESSAGES_DAYS") \
	X(NUMBER, retain_raw_days, \
		"Days after which the message as it came is blanked; 0: " \
		"never; -1: RETAIN_RAW_DAYS") \
	X(NUMBER, session_idle_min, \
		"Minutes of silence that end a session; 0: none ends; -1: " \
		"SESSION_IDLE_MIN") \
	X(NUMBER, reply_part_chars, \
		"Longer answers are sent in parts, characters; -1: " \
		"REPLY_PART_CHARS") \
	X(TEXT, quiet_hours, \
		"When no message of ours that is no answer is sent: " \
		"22:00-08:00; empty: never") \
	X(TEXT, customer_name, \
		"What {name} says of a contact without one; empty: Customer") \
	X(TEXT, ambiguous, \
		"dead or resend: what becomes of a message that was sent perhaps")
/* clang-format on */

#define TENANT_C_TEXT   struct str
#define TENANT_C_SECRET struct str
#define TENANT_C_NUMBER int64_t
#define TENANT_C_REAL   double

struct tenant {
	struct str id;
#define TENANT_FIELD_(kind, name, help) TENANT_C_##kind name;
	TENANT_FIELDS(TENANT_FIELD_)
#undef TENANT_FIELD_
	int64_t created_us;
	int64_t prompt_version; /* of prompt; 0: it never had one */
};

/* store_url is the effective DATABASE_URL: the setting, else prosaas.db in DATA_DIR.
 * "sqlite:///path" is relative, "sqlite:////path" absolute, as in SQLAlchemy. */
const char *store_url(const struct settings *s, struct arena *a);

/* store_open opens DATABASE_URL.  wake_loop may be NULL for commands.  It does not
 * migrate: NULL with words in err when the schema is older (naming `prosaas
 * migrate`), newer and not for this program, or the file can't be opened. */
struct store *
store_open(struct loop *wake_loop, const char *database_url, char err[256]);

/* store_migrate brings the schema of database_url to this version; creates the
 * file and its directory (0700) when missing.  0, or negative with words. */
int store_migrate(
	const char *database_url, int *ret_from, int *ret_to, char err[256]) MUSTCHECK;

/* store_close waits for what was started, and for what that starts when it is
 * woken, then closes.  Call it on the loop's thread, outside of any flow. */
void store_close(struct store *s);

/* store_run runs an operation that was started with a NULL flow, in a transaction of
 * its own, on a store opened without a loop.  Returns op->err.
 *
 *   store_tenant_get(s, &get, NULL);
 *   err = store_run(s, &get.op); */
int store_run(struct store *s, struct store_op *op) MUSTCHECK;

/* --- the inbound job ------------------------------------------------------ */

enum turn_state { TURN_OPEN, TURN_ASKED, TURN_KEPT, TURN_SENDING, TURN_DONE };

/* Why the bot does not answer in a conversation now; the first that holds counts.
 * SILENCE_MAP(X): name in C, name elsewhere, words for the log, how loud, metric. */
/* clang-format off */
#define SILENCE_MAP(X) \
	X(OPTED_OUT, "opted_out", "its customer has written a stop word", LOG_INFO, M_SILENCED_OPTED_OUT) \
	X(MUTED, "muted", "it is muted", LOG_INFO, M_SILENCED_MUTED) \
	X(HUMAN, "human", "a person answers there", LOG_INFO, M_SILENCED_HUMAN) \
	X(LOOP, "loop", "REPLIES_MAX_HOUR is reached: two bots?", LOG_WARN, M_SILENCED_LOOP) \
	X(REPEAT, "repeat", "it says the same after each reply: another bot?", LOG_WARN, M_SILENCED_REPEAT) \
	X(ECHO, "echo", "its words are our last reply: another bot?", LOG_WARN, M_SILENCED_ECHO) \
	X(CLOSED, "closed", "the business is closed", LOG_INFO, M_SILENCED_CLOSED)
/* clang-format on */

enum silence {
	SILENCE_NONE,
#define SILENCE_ENUM_(id, ...) SILENCE_##id,
	SILENCE_MAP(SILENCE_ENUM_)
#undef SILENCE_ENUM_
};

/* silence_name: "" for none. */
const char *silence_name(enum silence why);

enum turn_says { SAYS_ANSWER, SAYS_STOP, SAYS_START }; /* what the answer is */

struct store_reply { /* a reply to a turn, or one part of it */
	int64_t id;
	struct str text, key, status; /* key: outbound key */
	int64_t changed_us;           /* since when it has that status */
	struct str content;           /* what it is instead of a text; absent: a text */
	bool is_template;             /* that is a template: it needs no window */
};

/* It was sent, or will not be. */
static inline bool
store_reply_is_over(const struct store_reply *r)
{
	return !str_eqz(r->status, "pending") && !str_eqz(r->status, "sending");
}

struct store_replies { /* in the order in which they are sent */
	struct store_reply *parts;
	size_t count;
};

/* What one request to the AI cost. */
struct store_usage {
	struct str model;
	int64_t tokens_in, tokens_out;
	int64_t cost_micros;
	bool estimated; /* by us: the server did not say */
};

struct store_history {
	bool from_customer;
	struct str text;
};

struct store_text { /* a line of what the customer says now */
	struct str text;
	struct str words;  /* the end of it: what the person wrote himself */
	struct str quoted; /* what it answers, as that reads now; absent: nothing */
};

/* How a message came to us (docs/tracing.md); what is absent or 0 is not known. */
struct store_origin {
	struct str job_id; /* that carried it: a burst has one for each message */
	struct str trace;
	int64_t queued_us, claimed_us;
};

/* store_load: one transaction that finds the tenant (ERR_NO_TENANT), makes or
 * finds contact, identity and conversation, makes or finds the inbound row and its
 * turn, and says where that turn stands.  A second call with the same message
 * changes nothing but the turn's attempt, which rises to `attempt`; a lower one than
 * the turn's is ERR_FENCED, unless the turn is done: then nothing is left to guard.
 * With a debounce above 0 an open turn of the conversation takes the message in.
 *
 * A new message may change who is answered (docs/answering.md): one from_me silences
 * the bot in the conversation for the pause, or is a command; a stop word opts the
 * contact out.  `did` says so.
 *
 * A turn is led by the job that loaded it last; another job may take an open one over,
 * since only the holder of the chat's lane comes here.
 * A higher one opens a turn again whose reply was failed: the reply is "sending" when
 * it was failed as ambiguous, else "pending" (a dead letter that is replayed).
 *
 * Two kinds of message meet a row that another job made, and leave its fence alone:
 * an echo (from_me) of a reply of ours finds the reply's row, by its id or by its
 * outbound key, with state TURN_DONE.  A message whose undecryptable stub (kind
 * "undecrypted", not answerable) came first takes over the stub's row and opens its
 * turn (known stays false); a stub that comes second finds TURN_DONE.
 * An echo of a reply that is still "sending" shows that it was sent, as a receipt does.
 *
 * A message may be about another one: its kind says how.  An edit or a revoke changes
 * the body of a message of the same side (and in a group, an edit, of the same person),
 * a reaction ends that person's earlier one.  Either may come first.  The message
 * itself stays in raw. */
struct store_load {
	struct store_op op;
	struct str tenant, provider, chat, message_id, job_id;
	bool from_me; /* stored as direction "out", source "human"; its turn is done at
			 once */
	bool answerable; /* false: stored only; its turn is done at once */
	bool in_group;   /* then only what is for us is answerable, and only where the
			    tenant wants it: */
	const struct str *mentions; /* whom it mentions, */
	size_t mention_count;
	struct str quoted_by; /* and who wrote what it quotes; may be absent */
	struct str
		own_alt; /* of a message from_me in a group: participant's other name */
	bool is_plain;   /* words that may be a command: no reaction, no edit */
	int64_t debounce_ms; /* the setting; then what counts, the tenant's word first
			      */
	int64_t human_pause_min; /* likewise */
	int64_t replies_max;     /* an hour in this conversation; 0: no limit */
	struct str lid, phone;   /* other names of the chat that the message carries, as
				    they came (remoteJidAlt, senderPn ...); may be absent;
				    ignored with from_me, when they may be ours */
	struct str kind; /* "text", "image", "unknown", ...; "undecrypted": see below */
	struct str text; /* canonical text; may be absent */
	struct str words; /* the end of text: what the person wrote; may be absent */
	struct str raw;   /* JSON */
	struct str push_name;
	struct str verified_name; /* of a business, as WhatsApp checked it; or absent */
	struct str participant;   /* who wrote it, in a group; absent elsewhere */
	struct str target; /* provider's id of the message that it edits, revokes,
			      reacts      to or quotes; may be absent */
	struct str quoted; /* what it quotes: kept while that message is not known */
	struct str emoji;  /* of a reaction; empty: it was taken back */
	int64_t sent_us;   /* the customer's clock; 0: unknown */
	struct store_origin from;
	int64_t attempt;
	int64_t history_max; /* the setting; the tenant's word first; below 0: nobody
				asks, so neither history, facts nor summary are read */

	/* results */
	struct tenant found;
	int64_t conversation_id, inbound_id, turn_id;
	int64_t merge_id; /* the message showed that two contacts are one: the audit
			     row of their merge (store_unmerge); else 0 */
	enum turn_state state;
	bool known;       /* the inbound row was there before */
	int64_t released; /* messages that waited for the customer to write: due now */
	const char *did;  /* "contact.opt_out", "chat.pause"...; NULL: nothing */
	struct store_replies reply; /* none: not decided yet */
	/* of a turn that is not done: */
	enum silence silence;
	bool closed_said;    /* with SILENCE_CLOSED: closed_text was said already */
	enum turn_says says; /* a stop or start word was in it: its answer is fixed */
	struct store_text *texts; /* what the customer says in this turn, in order */
	size_t text_count;
	struct store_history *history; /* oldest first, without this turn */
	size_t history_count;
	struct str facts, summary; /* of the customer, of earlier talk; may be absent */
	int64_t ai_spent_micros;   /* today, of this tenant, where it has a budget */
	bool fell_back;            /* the AI has failed here and not answered since */
	/* of an edit or a revoke, whose own turn is done: */
	int64_t changed_turn; /* not answered yet; texts are what is left of it; 0: none
			       */
};
void store_load(struct store *s, struct store_load *op, struct flow *f);

/* store_keep: the answer is decided; a row for each of its parts is written (status
 * "pending") and the turn is kept.  When the turn has a reply already, that one is
 * returned.  Without parts, or when all that the customer said was taken back, the turn
 * is done without a reply; a turn that is done stays so, and reply has none.  What was
 * asked is counted in each of these cases, but not with an error (store_spend).  A key
 * that another reply has is ERR_EXISTS. */
struct store_keep {
	struct store_op op;
	int64_t turn_id, attempt, inbound_id;
	struct str tenant, job_id;
	struct store_replies answer; /* text and key of each part; none: no reply */
	/* What was asked for it, each request; the last is the one that answered. */
	const struct store_usage *usage;
	size_t usage_count;
	int64_t prompt_version; /* 0: nobody was asked */
	double budget;          /* a day: to tell when this crosses it; 0: none */
	bool fell_back;         /* the answer is the fallback text */
	bool closed;            /* the answer is closed_text */
	int64_t asked_us, answered_us; /* the AI; 0: it was not */

	int budget_crossed;    /* percent: 80 or 100 when this turn has reached them */
	enum silence silenced; /* meanwhile, by a person: done, without a reply */
	struct store_replies reply;
};
void store_keep(struct store *s, struct store_keep *op, struct flow *f);

/* store_mark: a part of the reply is about to be posted ("sending"), was taken ("sent")
 * or can't be ("failed": then the parts after it are failed too, reason "unsent"). With
 * the last part the turn is done.  A part that is sent or failed stays so, and
 * "sending" it again is ERR_FENCED, for then it must not be posted.  "pending" takes a
 * "sending" back whose post is known not to have left; "held" likewise, and the part
 * and those after it wait for the customer to write (store_window.c).
 *
 * An echo that came before "sent" and was stored as a human's message is dropped for
 * the reply it echoes.  A provider_message_id that another reply has is not stored.
 *
 * A receipt or an echo may have shown meanwhile that the reply was sent: then it stays
 * so, and proven says it, whatever the gateway said or did not say. */
struct store_mark {
	struct store_op op;
	int64_t turn_id, reply_id, attempt;
	struct str tenant, job_id;
	struct str status;
	struct str provider_message_id; /* with "sent" */
	struct str reason;              /* with "failed" */
	int64_t window_us; /* with "sending": only so long after the customer's last
			      message; 0: at any time */
	int64_t hold_us;   /* with "held": for so long at most */

	bool closed; /* with "sending": it is too late for that; nothing is marked */
	enum silence silenced; /* with "sending": meanwhile, by a person; the message is
				  failed, the reason is the silence's name, and it must
				  not be posted */
	bool proven; /* with "failed", "pending" or "held": it was sent all the same */
};
void store_mark(struct store *s, struct store_mark *op, struct flow *f);

/* store_receipt: what became of a message that we sent: "sent" (WhatsApp has it),
 * "delivered", "read", or "failed" with a reason, which begins with "whatsapp".  A
 * status only rises, in whatever order they come (store_receipts.c).  Known is the
 * message by the provider's id or by our outbound key. */
struct store_receipt {
	struct store_op op;
	struct str tenant, provider, chat, message_id;
	struct str key; /* our outbound key, where the provider sends it along; may be
			   absent */
	struct str status, reason;
	int64_t at_us; /* 0: now */

	int64_t row_id; /* 0: no message of ours */
	bool changed;   /* it said something new */
};
void store_receipt(struct store *s, struct store_receipt *op, struct flow *f);

/* --- identity --------------------------------------------------------------- */

/* store_unmerge parts two contacts that were merged: what was moved goes back, and so
 * does what came since under the names that go back.  They are not merged again,
 * whatever messages say.  What the merge ended (the turn of a message that had been
 * stored twice) stays ended.  ERR_NOT_FOUND; ERR_EXISTS when it is undone already, or
 * a later merge has to be undone first (words name it). */
struct store_unmerge {
	struct store_op op;
	struct str tenant;
	int64_t merge_id;

	int64_t contact_id, conversation_id; /* results: of the contact that is back;
						conversation_id 0: it has none */
};
void store_unmerge(struct store *s, struct store_unmerge *op, struct flow *f);

/* --- chats, and who answers there ------------------------------------------- */

struct store_chat {
	int64_t conversation_id;
	struct str chat,
		name;     /* canonical address; the contact's name, may be absent */
	struct str phone; /* may be absent */
	int64_t last_in_us, last_out_us; /* 0: none */
	int64_t last_read_us;            /* 0: never */
	bool unread;          /* the customer has written since, or it was never read */
	enum silence silence; /* what people or hours silence the bot with there */
	int64_t until_us;     /* 0: until somebody says so */
};

/* store_chat_list: those where something was said last come first; limit is 1 to
 * 10000.  With `who` (a phone, JID, LID, group, or the
 * conversation's id, "#7" or "7") that chat alone: ERR_NOT_FOUND
 * without it, ERR_SHAPE for what is no name. */
struct store_chat_list {
	struct store_op op;
	struct str tenant, who; /* who: absent for all */
	int64_t limit;

	struct store_chat *chats;
	size_t count;
};
void store_chat_list(struct store *s, struct store_chat_list *op, struct flow *f);

/* store_chat_pause and store_chat_resume: as if from the phone, but noted in the audit
 * as the actor's.  minutes 0: until it is resumed. */
struct store_chat_pause {
	struct store_op op;
	struct str tenant, who, actor;
	int64_t minutes;

	bool changed; /* false: it was so already */
};
void store_chat_pause(struct store *s, struct store_chat_pause *op, struct flow *f);
void store_chat_resume(struct store *s, struct store_chat_pause *op, struct flow *f);

/* store_chat_read: a person has read the chat, all that is in it now.  ERR_NOT_FOUND,
 * ERR_SHAPE as store_chat_list. */
struct store_chat_read {
	struct store_op op;
	struct str tenant, who;

	int64_t conversation_id, read_us;
};
void store_chat_read(struct store *s, struct store_chat_read *op, struct flow *f);

/* --- data about people ------------------------------------------------------ */

/* store_person: who is it, by phone (read by the tenant's country), JID or LID.
 * ERR_NOT_FOUND without such a tenant, ERR_SHAPE for what is no name.  Nobody of that
 * name is no error: Redis may know him, or a list of those to be written to. */
struct store_name {
	struct str kind, value; /* "lid", "jid", "phone"; "chat" is an address that a
				   message came under or went to */
};
struct store_who { /* contact_id 0: nobody wrote under the name that was given */
	int64_t contact_id;
	struct str address, phone; /* that name; one may be absent */
};
struct store_person {
	struct store_op op;
	struct str tenant, name;

	struct store_who who;
	struct str called, name_source; /* codec/name.h; absent: it has no name */
	struct store_name *names;
	size_t name_count;
	int64_t conversations, turns, received, sent;
	int64_t first_us, last_us; /* of the messages; 0: none */
};
void store_person(struct store *s, struct store_person *op, struct flow *f);

/* store_person_name: a person at the business says what somebody is called, whatever
 * others say; a blank name takes that back.  As store_person; ERR_NOT_FOUND also for
 * nobody of that name, ERR_SHAPE also for what is no name. */
struct store_person_name {
	struct store_person who; /* op, tenant and name: who it is about */
	struct str name, actor;

	bool changed; /* false: it was so already */
};
void store_person_name(struct store *s, struct store_person_name *op, struct flow *f);

/* store_export writes all that the tables hold of a person (personal.h) as one JSON
 * document, as it is at one moment; it is built in memory, so that whoever reads it
 * slowly holds up nobody.  buf_init() before, buf_done() after. */
struct store_export {
	struct store_op op;
	struct str tenant;
	struct store_who who;
	struct buf *out;

	int64_t rows;
};
void store_export(struct store *s, struct store_export *op, struct flow *f);

/* store_erase deletes all that the tables hold of a person.  What stays is one row of
 * the audit, if there was anything to erase, here or elsewhere: how much it was, and
 * hashes of the names, by which somebody who gives a name can be told when it was
 * erased. */
struct store_erased {
	const char *table;
	int64_t rows;
};
struct store_erase {
	struct store_op op;
	struct str tenant, actor;
	struct store_who who;
	bool elsewhere;

	struct store_erased *tables;
	size_t table_count;
	int64_t rows; /* of all tables */
};
void store_erase(struct store *s, struct store_erase *op, struct flow *f);

/* store_empty_log: what was erased is gone from the database's log as well.  For a
 * store without a loop, outside of operations.  0, or negative with words. */
int store_empty_log(struct store *s, char err[256]) MUSTCHECK;

/* store_retain blanks what a tenant keeps no longer: at most limit rows, the oldest
 * first, none of a turn that is not over.  Days: the settings; the tenant's word comes
 * first; 0 is for ever.  ERR_NOT_FOUND.  The rows stay, without what was said: they are
 * what knows a message that is delivered again. */
struct store_retain {
	struct store_op op;
	struct str tenant;
	int64_t messages_days, raw_days, limit;

	int64_t messages, raw; /* blanked */
};
void store_retain(struct store *s, struct store_retain *op, struct flow *f);

/* store_audit_list: the newest first; limit is 1 to 10000. */
struct store_audit {
	int64_t id, contact_id, other_id, conversation_id; /* 0: none */
	struct str action, actor, detail;
	int64_t created_us, undone_us;
};
struct store_audit_list {
	struct store_op op;
	struct str tenant;
	int64_t limit;
	struct store_audit *rows;
	size_t count;
};
void store_audit_list(struct store *s, struct store_audit_list *op, struct flow *f);

/* store_audit_add notes what was done elsewhere.  ERR_NOT_FOUND without the tenant. */
struct store_audit_add {
	struct store_op op;
	struct str tenant, action, actor, detail;
};
void store_audit_add(struct store *s, struct store_audit_add *op, struct flow *f);

/* --- sessions ----------------------------------------------------------------- */

/* store_sessions_due closes sessions that were idle for so long, ends those that need
 * no summary (no AI), and lists closed ones of the last day that want one. */
struct store_session {
	int64_t id;
	struct str tenant;
};

struct store_sessions_due {
	struct store_op op;
	int64_t idle_min; /* the setting; a tenant's word first; 0: never */
	bool ai;      /* the setting: tenants have an AI unless they say otherwise */
	size_t limit; /* of sessions closed, and of those listed */

	struct store_session *due;
	size_t count;
	int64_t closed;
};
void store_sessions_due(struct store *s, struct store_sessions_due *op, struct flow *f);

/* store_session_read: all that the summary of a session is made of: what was said since
 * the last one.  ERR_NOT_FOUND. */
struct store_session_read {
	struct store_op op;
	struct str tenant;
	int64_t id;

	struct tenant found;
	bool done;                  /* it has its summary */
	int64_t ai_spent_micros;    /* today, where there is a budget */
	struct str summary;         /* so far; may be absent */
	struct store_history *said; /* oldest first */
	size_t said_count;
};
void store_session_read(struct store *s, struct store_session_read *op, struct flow *f);

/* store_session_keep: the session has its summary.  An absent one leaves the summary so
 * far, and what was said to the next session.  Facts are added to those of the contact,
 * of the same key instead of them. */
struct store_session_keep {
	struct store_op op;
	struct str tenant;
	int64_t id;
	struct str summary;
	const struct str *keys, *values; /* facts */
	size_t fact_count;
	struct str name; /* what the customer is called; may be absent */
	double name_confidence;
	const struct store_usage *usage;
	size_t usage_count;
	double budget;

	int budget_crossed; /* as in store_keep */
};
void store_session_keep(struct store *s, struct store_session_keep *op, struct flow *f);

/* --- what the AI costs ------------------------------------------------------ */

/* store_spend counts what was paid for no answer: the job fails.  store_keep does it
 * for what it keeps.  ERR_NO_TENANT. */
struct store_spend {
	struct store_op op;
	struct str tenant;
	const struct store_usage *usage;
	size_t usage_count;
	double budget; /* a day: to tell when this crosses it; 0: none */

	int budget_crossed; /* percent: 80 or 100 when this has reached them */
};
void store_spend(struct store *s, struct store_spend *op, struct flow *f);

struct store_usage_day {
	struct str day, model; /* "2026-11-24" on the tenant's clock */
	int64_t requests, estimated, tokens_in, tokens_out, cost_micros;
};

/* store_usage_list: the newest first, of at most `days` days.  ERR_NO_TENANT. */
struct store_usage_list {
	struct store_op op;
	struct str tenant;
	int64_t days;
	struct store_usage_day *rows;
	size_t count;
};
void store_usage_list(struct store *s, struct store_usage_list *op, struct flow *f);

struct store_prompt {
	int64_t version, created_us;
	struct str text;
};

/* store_prompt_list: every text that the tenant's prompt has had, the newest first.
 * ERR_NO_TENANT. */
struct store_prompt_list {
	struct store_op op;
	struct str tenant;
	struct store_prompt *prompts;
	size_t count;
};
void store_prompt_list(struct store *s, struct store_prompt_list *op, struct flow *f);

/* --- tenants and lists, for commands and the admin role ------------------- */

struct store_tenant_get {
	struct store_op op;
	struct str id;
	struct tenant found; /* ERR_NOT_FOUND */
};
void store_tenant_get(struct store *s, struct store_tenant_get *op, struct flow *f);

struct store_tenant_list {
	struct store_op op;
	struct tenant *tenants;
	size_t count;
};
void store_tenant_list(struct store *s, struct store_tenant_list *op, struct flow *f);

/* store_tenant_put: with create, adds a tenant (ERR_EXISTS) whose other properties
 * are the schema's defaults; then sets the named properties.  ERR_SHAPE with words
 * that name the property and what is allowed. */
struct store_tenant_put {
	struct store_op op;
	struct str id; /* [A-Za-z0-9_-]{1,64}; "business_1" is "1" */
	bool create;
	const struct str *names, *values;
	size_t count;
	/* What else is asked of the tenant, by a rule of the caller's: 0, or negative
	 * with words; it runs on the store's thread.  What was wrong before may stay
	 * so. NULL: nothing. */
	int (*check)(const void *arg, const struct tenant *t, char words[256]);
	const void *check_arg;
};
void store_tenant_put(struct store *s, struct store_tenant_put *op, struct flow *f);

/* store_tenant_remove: ERR_NOT_FOUND; ERR_EXISTS while the tenant has messages
 * (pause it instead). */
struct store_tenant_remove {
	struct store_op op;
	struct str id;
};
void
store_tenant_remove(struct store *s, struct store_tenant_remove *op, struct flow *f);

struct store_message {
	int64_t id, conversation_id, turn_id, reply_to;
	struct str direction, source, chat, kind, text, status, provider_message_id,
		outbound_key, reason;
	int64_t created_us, sent_us, delivered_us, read_us, edited_us, revoked_us;
	int64_t attempts;
};

/* store_message_list: the newest first, older than before_id (0: from the newest),
 * of one chat or (absent) of all chats of the tenant; at most limit (1 to 500). */
struct store_message_list {
	struct store_op op;
	struct str tenant, chat;
	int64_t before_id, limit;
	struct store_message *messages;
	size_t count;
};
void store_message_list(struct store *s, struct store_message_list *op, struct flow *f);

#endif
