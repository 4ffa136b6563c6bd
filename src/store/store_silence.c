/* SPDX-License-Identifier: MIT */
/* store_silence.c: when the bot does not answer.
 *
 *   a new message ---> silence_heed   from the phone: /bot off, /bot on, or a pause;
 *                                     from the customer: a stop or a start word
 *   load -----------> silence_read    the first reason of SILENCE_MAP that holds
 *   keep, sending --> silence_held    once more those that people decide
 *
 * A stop or start word fixes what its turn says, whoever else silences the bot: it is
 * an answer to an order, not to a question.  Only the loop guard is above that. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hours.h"
#include "base/zone.h"
#include "codec/keyword.h"
#include "store/store_priv.h"

#define MINUTE_US INT64_C(60000000)

enum {
	REPEAT_MINUTES = 10,
	REPEAT_MIN = 16, /* bytes: a person says "yes" three times, a bot a sentence */
};

static const char *const names[] = {"",
#define SILENCE_NAME_(id, name, ...) name,
	SILENCE_MAP(SILENCE_NAME_)
#undef SILENCE_NAME_
};

const char *
silence_name(enum silence why)
{
	return names[why];
}

/* --- what people want ------------------------------------------------------- */

static int
note(struct sql *db, struct str tenant, int64_t conversation, const char *action,
	struct str actor, struct str detail)
{
	int r = sql_row(db,
		"SELECT contact_id FROM conversations WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(conversation));
	if (r < 0)
		return r;
	int64_t id =
		audit_note(db, &(struct audit_entry){.tenant = tenant,
				       .action = str_of(action),
				       .actor = actor,
				       .detail = detail,
				       .contact_id = r > 0 ? sql_col_number(db, 0) : 0,
				       .conversation_id = conversation});
	return id < 0 ? (int)id : 1;
}

int
silence_pause(struct sql *db, struct arena *a, struct str tenant, int64_t conversation,
	int64_t until_us, struct str actor)
{
	int64_t now = clock_wall_us(),
		minutes = (until_us - now + MINUTE_US - 1) / MINUTE_US;

	int r = sql_do(db,
		"UPDATE conversations SET human_until_us = ?3, muted_us = iif(?3, 0, "
		"?4)"
		" WHERE id = ?2 AND tenant_id = ?1 AND (?3 OR muted_us = 0)",
		SQL_TEXT(tenant), SQL_NUMBER(conversation), SQL_NUMBER(until_us),
		SQL_NUMBER(now));
	if (r <= 0)
		return r;
	return note(db, tenant, conversation, "chat.pause", actor,
		until_us ? arena_printf(a, "%lld min", (long long)minutes)
			 : STR("until resumed"));
}

int
silence_resume(
	struct sql *db, struct str tenant, int64_t conversation, struct str actor)
{
	int r = sql_do(db,
		"UPDATE conversations SET human_until_us = 0, muted_us = 0"
		" WHERE id = ?2 AND tenant_id = ?1"
		" AND (muted_us > 0 OR human_until_us > ?3)",
		SQL_TEXT(tenant), SQL_NUMBER(conversation),
		SQL_NUMBER(clock_wall_us()));

	if (r <= 0)
		return r;
	return note(
		db, tenant, conversation, "chat.resume", actor, (struct str){NULL, 0});
}

/* What a gateway echoes with an id of its own while our message is being sent looks
 * like a person's, and is not. */
static int
is_our_echo(struct sql *db, const struct store_load *l)
{
	return sql_row(db,
		"SELECT 1 FROM messages WHERE tenant_id = ?1 AND conversation_id = ?2"
		" AND " BY_US " AND status = 'sending' AND body = ?3"
		" LIMIT 1",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id),
		SQL_TEXT(l->text));
}

/* A longer pause, or none that ends, stays as it is.  The audit has when it began. */
static int
take_over_chat(struct sql *db, struct store_load *l)
{
	struct str tenant = tenant_id(l->tenant);
	int64_t now = clock_wall_us();
	int64_t until = now + l->human_pause_min * MINUTE_US;

	int r = is_our_echo(db, l);
	if (r != 0)
		return r < 0 ? r : 0;
	r = sql_row(db,
		"SELECT human_until_us > ?3, muted_us > 0 FROM conversations"
		" WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(l->conversation_id), SQL_NUMBER(now));
	if (r <= 0 || sql_col_number(db, 1))
		return r < 0 ? r : 0;
	if (sql_col_number(db, 0))
		return sql_do(db,
			"UPDATE conversations SET human_until_us = max(human_until_us, "
			"?3) WHERE id = ?2 AND tenant_id = ?1",
			SQL_TEXT(tenant), SQL_NUMBER(l->conversation_id),
			SQL_NUMBER(until));
	l->did = "chat.pause";
	return silence_pause(
		db, l->op.arena, tenant, l->conversation_id, until, STR("phone"));
}

/* --- orders ------------------------------------------------------------------- */

static int
mute(struct sql *db, struct store_load *l)
{
	return silence_pause(db, l->op.arena, tenant_id(l->tenant), l->conversation_id,
		0, STR("phone"));
}

static int
unmute(struct sql *db, struct store_load *l)
{
	return silence_resume(
		db, tenant_id(l->tenant), l->conversation_id, STR("phone"));
}

static const struct command {
	const char *text, *did;
	int (*run)(struct sql *db, struct store_load *l);
} commands[] = {
	{"/bot off", "chat.pause", mute},
	{"/bot on", "chat.resume", unmute},
};

static const struct command *
command_of(const struct store_load *l)
{
	struct str said = str_trim(l->words);

	for (size_t i = 0; l->is_plain && i < ARRAY_LEN(commands); i++)
		if (str_ieq(said, str_of(commands[i].text)))
			return &commands[i];
	return NULL;
}

/* It is no part of the conversation: the AI does not get to see it. */
static int
obey(struct sql *db, struct store_load *l, const struct command *c)
{
	int r = sql_do(db,
		"UPDATE messages SET kind = 'command' WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->inbound_id));
	if (r >= 0)
		r = c->run(db, l);
	if (r > 0)
		l->did = c->did;
	return r;
}

static int
heed_phone(struct sql *db, struct store_load *l)
{
	const struct command *c = command_of(l);

	if (c)
		return obey(db, l, c);
	return l->human_pause_min > 0 ? take_over_chat(db, l) : 0;
}

static int
set_says(struct sql *db, const struct store_load *l, struct str says)
{
	return sql_do(db, "UPDATE turns SET says = ?3 WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->turn_id), SQL_TEXT(says));
}

/* 1 when that is news. */
static int
set_opted_out(struct sql *db, const struct store_load *l, bool out)
{
	return sql_do(db,
		"UPDATE contacts SET opted_out_us = iif(?3, ?4, NULL)"
		" WHERE tenant_id = ?1 AND (opted_out_us IS NULL) = ?3 AND id ="
		" (SELECT contact_id FROM conversations WHERE id = ?2 AND tenant_id = "
		"?1)",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id),
		SQL_NUMBER(out), SQL_NUMBER(clock_wall_us()));
}

static int
heed_customer(struct sql *db, struct store_load *l)
{
	bool stop = keyword_is(l->words, l->found.stop_words);
	struct str nothing = {NULL, 0};

	if (!stop && !keyword_is(l->words, l->found.start_words))
		return 0;
	int r = set_opted_out(db, l, stop);
	if (r <= 0)
		return r;
	l->did = stop ? "contact.opt_out" : "contact.opt_in";
	r = note(db, tenant_id(l->tenant), l->conversation_id, l->did, STR("customer"),
		nothing);
	if (r < 0)
		return r;
	if (stop)
		return set_says(db, l, STR("stop"));
	return set_says(db, l, l->found.start_text.n ? STR("start") : nothing);
}

int
silence_heed(struct sql *db, struct store_load *l)
{
	if (l->from_me)
		return heed_phone(db, l);
	return l->is_plain && !l->in_group ? heed_customer(db, l) : 0;
}

/* --- why it is silent --------------------------------------------------------- */

/* What people want of a turn's chat, and what the turn says. */
struct held {
	enum silence silence;
	enum turn_says says;
	bool fell_back;
};

static int
read_held(struct sql *db, struct str tenant, int64_t turn, struct held *ret)
{
	*ret = (struct held){SILENCE_NONE, SAYS_ANSWER, false};
	int r = sql_row(db,
		"SELECT p.opted_out_us IS NOT NULL, c.muted_us > 0,"
		" c.human_until_us > ?3, t.says = 'stop', t.says = 'start',"
		" c.fell_back_us > 0 FROM turns AS t"
		" JOIN conversations AS c ON c.id = t.conversation_id"
		" JOIN contacts AS p ON p.id = c.contact_id"
		" WHERE t.id = ?2 AND t.tenant_id = ?1",
		SQL_TEXT(tenant), SQL_NUMBER(turn), SQL_NUMBER(clock_wall_us()));

	if (r <= 0)
		return r;
	ret->fell_back = sql_col_number(db, 5);
	if (sql_col_number(db, 3))
		ret->says = SAYS_STOP;
	else if (sql_col_number(db, 4))
		ret->says = SAYS_START;
	else if (sql_col_number(db, 0))
		ret->silence = SILENCE_OPTED_OUT;
	else if (sql_col_number(db, 1))
		ret->silence = SILENCE_MUTED;
	else if (sql_col_number(db, 2))
		ret->silence = SILENCE_HUMAN;
	return 0;
}

int
silence_held(struct sql *db, struct str tenant, int64_t turn)
{
	struct held h;
	int r = read_held(db, tenant, turn, &h);

	return r < 0 ? r : (int)h.silence;
}

/* The bot's replies of the last hour among the newest messages, and whether the last
 * of them is what the customer says now. */
static int
find_loop(struct sql *db, const struct store_load *l)
{
	int r = sql_row(db,
		"SELECT count(*) FILTER (WHERE source = 'bot' AND part = 1"
		" AND status <> 'failed' AND created_us > ?3 - 3600000000),"
		" ifnull(?4 = (SELECT body FROM messages WHERE tenant_id = ?1"
		" AND conversation_id = ?2 AND source = 'bot' ORDER BY id DESC LIMIT "
		"1), 0)"
		" FROM (SELECT source, part, status, created_us FROM messages WHERE "
		"tenant_id = ?1"
		" AND conversation_id = ?2 ORDER BY id DESC LIMIT ?5)",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id),
		SQL_NUMBER(clock_wall_us()), SQL_TEXT(l->text),
		SQL_NUMBER(3 * l->replies_max + 1));

	if (r <= 0)
		return r;
	if (l->replies_max > 0 && sql_col_number(db, 0) >= l->replies_max)
		return SILENCE_LOOP;
	return sql_col_number(db, 1) ? SILENCE_ECHO : SILENCE_NONE;
}

/* The same, our reply, the same, our reply, and now the same again. */
static int
find_repeat(struct sql *db, const struct store_load *l)
{
	if (l->text.n < REPEAT_MIN)
		return SILENCE_NONE;
	int r = sql_row(db,
		"SELECT count(*) FILTER (WHERE direction = 'in' AND body = ?3) = 3"
		" AND count(*) FILTER (WHERE source = 'bot' AND status <> 'failed') = 2"
		" AND min(created_us) > ?4 FROM (SELECT direction, source, status, "
		"body,"
		" created_us FROM messages WHERE tenant_id = ?1 AND conversation_id = "
		"?2"
		" AND part = 1 AND twin_of IS NULL ORDER BY id DESC LIMIT 5)",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id),
		SQL_TEXT(l->text),
		SQL_NUMBER(clock_wall_us() - REPEAT_MINUTES * MINUTE_US));
	if (r < 0)
		return r;
	return r > 0 && sql_col_number(db, 0) ? SILENCE_REPEAT : SILENCE_NONE;
}

/* `tenant set` lets only hours in; what got in otherwise closes nothing. */
bool
silence_closed(const struct tenant *t, int64_t now_s, struct silence_closed *ret)
{
	char words[HOURS_WORDS];
	struct hours h;

	if (!t->hours.n || hours_parse(&h, t->hours, words) < 0)
		return false;
	const struct zone *z = zone_known(t->time_zone);
	if (!z || hours_are_open(&h, z, now_s))
		return false;
	ret->since_s = hours_since(&h, z, now_s);
	ret->until_s = hours_until(&h, z, now_s);
	return true;
}

static int
find_closed(struct sql *db, struct store_load *l)
{
	struct silence_closed closed;

	if (!silence_closed(&l->found, clock_wall_us() / 1000000, &closed))
		return SILENCE_NONE;
	int r = sql_row(db,
		"SELECT closed_said_us > 0 AND closed_said_us / 1000000 >= ?3"
		" FROM conversations WHERE id = ?2 AND tenant_id = ?1",
		SQL_TEXT(tenant_id(l->tenant)), SQL_NUMBER(l->conversation_id),
		SQL_NUMBER(closed.since_s));
	if (r < 0)
		return r;
	l->closed_said = r > 0 && sql_col_number(db, 0);
	return SILENCE_CLOSED;
}

int
silence_read(struct sql *db, struct store_load *l)
{
	struct held h;

	int r = read_held(db, tenant_id(l->tenant), l->turn_id, &h);
	if (r < 0)
		return r;
	l->says = h.says;
	l->fell_back = h.fell_back;
	r = (int)h.silence;
	if (r == SILENCE_NONE)
		r = find_loop(db, l);
	if (l->says != SAYS_ANSWER && r != SILENCE_LOOP)
		return r < 0 ? r : 0;
	if (r == SILENCE_NONE)
		r = find_repeat(db, l);
	if (r == SILENCE_NONE)
		r = find_closed(db, l);
	if (r < 0)
		return r;
	l->silence = (enum silence)r;
	return 0;
}
