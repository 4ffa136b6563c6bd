/* SPDX-License-Identifier: MIT */
/* when_test.c: when the bot answers (store_silence.c, store_groups.c, store_chats.c).
 */
#include "unit.h"

#include "base/clock.h"
#include "base/err.h"

#include "scratch.h"

#define JID   "972501234567@s.whatsapp.net"
#define OTHER "972502222222@s.whatsapp.net"
#define GROUP "120363000000000001@g.us"
#define LID   "71234567890123@lid"

static void
set(const char *name, const char *value)
{
	struct str names[] = {str_of(name)}, values[] = {str_of(value)};
	struct store_tenant_put put = {
		.id = STR("1"), .names = names, .values = values, .count = 1};

	if (RUN(store_tenant_put, &put) < 0)
		FAIL("%s", words);
}

static struct store_load
said(const char *id, const char *what)
{
	struct store_load l = written(id, JID, what);

	l.is_plain = true;
	l.words = l.text;
	l.human_pause_min = 30;
	return l;
}

static struct store_load
load(struct store_load l)
{
	if (RUN(store_load, &l) < 0)
		FAIL("%s: %s", l.message_id.p, words);
	return l;
}

static struct store_load
customer(const char *id, const char *what)
{
	return load(said(id, what));
}

static struct store_load
phone(const char *id, const char *what)
{
	struct store_load l = said(id, what);

	l.from_me = true;
	return load(l);
}

static struct store_keep
keep(const struct store_load *l, const char *what)
{
	static struct store_reply part; /* one test, one keep at a time */
	struct store_keep k = {.turn_id = l->turn_id,
		.attempt = 1,
		.inbound_id = l->inbound_id,
		.tenant = STR("1"),
		.job_id = l->job_id,
		.answer = {&part, 1},
		.closed = l->silence == SILENCE_CLOSED};

	part = (struct store_reply){.text = str_of(what),
		.key = arena_printf(&arena, "KEY-%.*s", STR_FMT(l->message_id))};
	if (RUN(store_keep, &k) < 0)
		FAIL("%s", words);
	return k;
}

static struct store_mark
mark(const struct store_keep *k, const char *status)
{
	struct store_mark m = {.turn_id = k->turn_id,
		.reply_id = k->reply.parts[0].id,
		.attempt = 1,
		.tenant = STR("1"),
		.job_id = k->job_id,
		.status = str_of(status)};

	if (RUN(store_mark, &m) < 0)
		FAIL("%s", words);
	return m;
}

static void
answered(const char *id, const char *what, const char *reply)
{
	struct store_load l = customer(id, what);
	struct store_keep k = keep(&l, reply);

	mark(&k, "sending");
	mark(&k, "sent");
}

#define AUDIT                                                                          \
	"SELECT group_concat(action || ' ' || actor || ifnull(' ' || detail, ''), ', " \
	"')"                                                                           \
	" FROM audit"

/* --- stop and start words --------------------------------------------------- */

TEST(a_stop_word_opts_out_until_a_start_word)
{
	begin();
	struct store_load l = customer("M1", " stop! ");
	CHECK_INT(l.says, SAYS_STOP);
	CHECK_INT(l.silence, SILENCE_NONE);
	CHECK_STR(str_of(l.did), "contact.opt_out");
	CHECK_INT(keep(&l, "bye").silenced, SILENCE_NONE);
	CHECK_INT(number("SELECT opted_out_us > 0 FROM contacts"), 1);

	l = customer("M2", "hello");
	CHECK_INT(l.silence, SILENCE_OPTED_OUT);
	CHECK_INT(l.says, SAYS_ANSWER);
	l = customer("M3", "STOP");
	CHECK_INT(l.silence, SILENCE_OPTED_OUT);
	CHECK(!l.did);

	l = customer("M4", "Start");
	CHECK_INT(l.says, SAYS_START);
	CHECK_INT(l.silence, SILENCE_NONE);
	l = customer("M5", "start");
	CHECK_INT(l.says, SAYS_ANSWER);
	CHECK_STR(text(AUDIT), "contact.opt_out customer, contact.opt_in customer");
	end();
}

TEST(a_stop_word_is_heard_in_a_burst_and_after_a_crash)
{
	begin();
	struct store_load l = said("M1", "hello");
	l.debounce_ms = 500;
	l = load(l);
	struct store_load stop = said("M2", "stop");
	stop.debounce_ms = 500;
	stop = load(stop);
	CHECK_INT(stop.turn_id, l.turn_id);
	CHECK_INT(stop.says, SAYS_STOP);
	l = said("M1", "hello");
	l.attempt = 2;
	l.debounce_ms = 500;
	CHECK_INT(load(l).says, SAYS_STOP);
	end();
}

TEST(a_stop_word_in_a_turn_of_its_own_stops_the_answer_before)
{
	begin();
	struct store_load l = customer("M1", "hello");
	customer("M2", "stop");
	struct store_keep k = keep(&l, "reply");
	CHECK_INT(k.silenced, SILENCE_OPTED_OUT);
	CHECK_INT((int64_t)k.reply.count, 0);
	end();
}

TEST(a_stop_word_stops_a_kept_answer_before_it_is_posted)
{
	begin();
	struct store_load l = customer("M1", "hello");
	struct store_keep k = keep(&l, "reply");
	customer("M2", "stop");
	CHECK_INT(mark(&k, "sending").silenced, SILENCE_OPTED_OUT);
	CHECK_STR(text("SELECT status || ' ' || reason FROM messages WHERE source = "
		       "'bot'"),
		"failed opted_out");
	end();
}

TEST(a_stop_word_counts_when_it_is_late_but_not_in_a_group_or_a_reaction)
{
	begin();
	struct store_load l = said("M1", "stop");
	l.is_plain = false;
	CHECK(!load(l).did);
	l = said("M2", "stop");
	l.chat = STR(GROUP);
	l.in_group = true;
	CHECK(!load(l).did);
	l = said("M3", "stop");
	l.answerable = false;
	CHECK_STR(str_of(load(l).did), "contact.opt_out");
	end();
}

TEST(words_and_texts_are_the_tenants)
{
	begin();
	set("stop_words", "Basta");
	set("start_text", "");
	CHECK(!customer("M1", "stop").did);
	CHECK_INT(customer("M2", "BASTA").says, SAYS_STOP);
	struct store_load l = customer("M3", "start");
	CHECK_STR(str_of(l.did), "contact.opt_in");
	CHECK_INT(l.says, SAYS_ANSWER);
	set("stop_words", "");
	CHECK(!customer("M4", "basta").did);
	end();
}

/* --- the phone ---------------------------------------------------------------- */

TEST(bot_off_mutes_until_bot_on)
{
	begin();
	CHECK_STR(str_of(phone("P1", "/bot off").did), "chat.pause");
	CHECK_INT(customer("M1", "hello").silence, SILENCE_MUTED);
	CHECK(!phone("P2", "I am here").did);
	text("UPDATE conversations SET human_until_us = 1");
	CHECK_INT(customer("M2", "hello").silence, SILENCE_MUTED);
	CHECK_STR(str_of(phone("P3", " /BOT ON").did), "chat.resume");
	CHECK_INT(customer("M3", "hello").silence, SILENCE_NONE);
	CHECK_STR(text(AUDIT), "chat.pause phone until resumed, chat.resume phone");
	CHECK_INT(number("SELECT count(*) FROM messages WHERE source = 'human' AND "
			 "kind = 'command'"),
		2);
	end();
}

TEST(bot_on_ends_a_pause_and_is_none_itself)
{
	begin();
	CHECK_STR(str_of(phone("P1", "I am here").did), "chat.pause");
	CHECK(!phone("P2", "still here").did);
	CHECK_INT(customer("M1", "hello").silence, SILENCE_HUMAN);
	phone("P3", "/bot on");
	struct store_load l = customer("M2", "hello");
	CHECK_INT(l.silence, SILENCE_NONE);
	CHECK_INT((int64_t)l.history_count, 3); /* the command is not in it */
	CHECK(!phone("P4", "/bot on").did);
	CHECK_STR(text(AUDIT), "chat.pause phone 30 min, chat.resume phone");
	end();
}

TEST(a_customer_has_no_commands)
{
	begin();
	CHECK(!customer("M1", "/bot off").did);
	CHECK_INT(customer("M2", "hello").silence, SILENCE_NONE);
	end();
}

/* --- hours ---------------------------------------------------------------------- */

TEST(closed_text_is_said_once_while_it_is_closed)
{
	begin();
	set("hours", "Mon closed");
	struct store_load l = customer("M1", "hello");
	CHECK_INT(l.silence, SILENCE_CLOSED);
	CHECK(!l.closed_said);
	keep(&l, "closed");
	l = customer("M2", "hello?");
	CHECK_INT(l.silence, SILENCE_CLOSED);
	CHECK(l.closed_said);
	l = said("M3", "hello");
	l.chat = STR(OTHER);
	CHECK(!load(l).closed_said);
	set("hours", "Sun-Sat 00:00-24:00");
	CHECK_INT(customer("M4", "hello").silence, SILENCE_NONE);
	end();
}

TEST(a_stop_word_is_heard_while_it_is_closed_or_a_person_answers)
{
	begin();
	set("hours", "Mon closed");
	phone("P1", "I am here");
	struct store_load l = customer("M1", "stop");
	CHECK_INT(l.silence, SILENCE_NONE);
	CHECK_INT(l.says, SAYS_STOP);
	CHECK_INT((int64_t)keep(&l, "bye").reply.count, 1);
	end();
}

TEST(what_is_wrong_with_hours_is_said)
{
	struct str name = STR("hours"), value = STR("Mon-Fri 9-18");
	struct store_tenant_put put = {
		.id = STR("1"), .names = &name, .values = &value, .count = 1};

	begin();
	CHECK_INT(RUN(store_tenant_put, &put), ERR_SHAPE);
	CHECK_STR(str_of(words), "hours: \"9-18\": hours look like 09:00-18:00");
	end();
}

/* --- other bots ----------------------------------------------------------------- */

TEST(who_says_the_same_sentence_after_each_reply_is_a_bot)
{
	const char *sentence = "Thank you for contacting us!", *word = "yes";

	begin();
	answered("M1", sentence, "one");
	answered("M2", sentence, "two");
	CHECK_INT(customer("M3", sentence).silence, SILENCE_REPEAT);
	text("UPDATE messages SET created_us = created_us - 660000000");
	CHECK_INT(customer("M4", sentence).silence, SILENCE_NONE);
	answered("M5", word, "one");
	answered("M6", word, "two");
	CHECK_INT(customer("M7", word).silence, SILENCE_NONE);
	end();
}

TEST(who_repeats_a_question_that_is_not_answered_is_none)
{
	begin();
	customer("M1", "Is anybody there, please?");
	customer("M2", "Is anybody there, please?");
	CHECK_INT(customer("M3", "Is anybody there, please?").silence, SILENCE_NONE);
	end();
}

/* --- groups ----------------------------------------------------------------------- */

static struct store_load
in_group(const char *id, const char *what)
{
	struct store_load l = said(id, what);

	l.chat = STR(GROUP);
	l.in_group = true;
	l.participant = STR("972509999999@s.whatsapp.net");
	l.raw = STR("{\"pushName\":\"Dana\"}");
	return l;
}

TEST(a_group_is_never_answered_unless_the_tenant_wants_it)
{
	struct str own = STR(JID);

	begin();
	set("own_number", "+972501234567");
	struct store_load l = in_group("M1", "@bot hello");
	l.mentions = &own;
	l.mention_count = 1;
	CHECK_INT(load(l).state, TURN_DONE);
	set("groups", "mentioned");
	l.message_id = STR("M2");
	CHECK_INT(load(l).state, TURN_OPEN);
	CHECK_INT(load(in_group("M3", "hello all")).state, TURN_DONE);
	own = STR(OTHER);
	l.message_id = STR("M4");
	CHECK_INT(load(l).state, TURN_DONE);
	end();
}

TEST(own_names_are_learned_from_the_phones_messages_in_groups)
{
	struct str own = STR(LID);

	begin();
	set("groups", "mentioned");
	struct store_load l = in_group("P1", "hello");
	l.from_me = true;
	l.human_pause_min = 0;
	l.participant = STR(LID);
	l.own_alt = STR("972501234567:3@s.whatsapp.net");
	load(l);
	CHECK_INT(number("SELECT count(*) FROM own_names WHERE value IN ('" LID
			 "', '" JID "')"),
		2);
	l = in_group("M1", "@71234567890123 hello");
	l.mentions = &own;
	l.mention_count = 1;
	CHECK_INT(load(l).state, TURN_OPEN);
	end();
}

TEST(who_quotes_us_in_a_group_speaks_to_us)
{
	begin();
	set("groups", "mentioned");
	struct store_load l = in_group("P1", "offer");
	l.from_me = true;
	l.human_pause_min = 0;
	load(l);
	l = in_group("M1", "how much?");
	l.target = STR("P1");
	CHECK_INT(load(l).state, TURN_OPEN);
	l = in_group("M2", "how much?");
	l.target = STR("M1");
	CHECK_INT(load(l).state, TURN_DONE);
	l = in_group("M3", "\U0001f44d");
	l.target = STR("P1");
	l.is_plain = l.answerable = false;
	CHECK_INT(load(l).state, TURN_DONE);
	end();
}

TEST(lines_of_a_group_name_their_writer)
{
	struct str own = STR(JID);

	begin();
	set("groups", "mentioned");
	set("own_number", "972501234567");
	load(in_group("M1", "hello all"));
	struct store_load l = in_group("M2", "no json");
	l.raw = STR("no json");
	load(l);
	l = in_group("M3", "[image] @bot this?");
	l.words = STR("@bot this?");
	l.mentions = &own;
	l.mention_count = 1;
	l = load(l);
	CHECK_INT((int64_t)l.history_count, 2);
	CHECK_STR(l.history[0].text, "Dana: hello all");
	CHECK_STR(l.history[1].text, "Somebody: no json");
	CHECK_STR(l.texts[0].text, "Dana: [image] @bot this?");
	CHECK_STR(l.texts[0].words, "@bot this?");
	end();
}

/* --- words ------------------------------------------------------------------------ */

TEST(an_edit_changes_the_words_too)
{
	begin();
	struct store_load l = said("M1", "[image] price?");
	l.words = STR("price?");
	load(l);
	struct store_load e = said("E1", "[image] how much?");
	e.kind = STR("edit");
	e.words = STR("how much?");
	e.target = STR("M1");
	e.answerable = e.is_plain = false;
	load(e);
	l.attempt = 2;
	CHECK_STR(load(l).texts[0].words, "how much?");
	end();
}

/* --- chats ------------------------------------------------------------------------ */

static struct store_chat_list
chats(const char *who)
{
	struct store_chat_list l = {
		.tenant = STR("1"), .who = str_of(who), .limit = 10};

	if (RUN(store_chat_list, &l) < 0)
		FAIL("%s", words);
	return l;
}

static struct store_chat_pause
change(const char *who, int64_t minutes)
{
	return (struct store_chat_pause){.tenant = STR("1"),
		.who = str_of(who),
		.actor = STR("cli"),
		.minutes = minutes};
}

TEST(a_chat_is_paused_for_a_time_or_for_good_and_resumed)
{
	begin();
	customer("M1", "hello");
	struct store_chat_pause p = change("+972501234567", 10);
	CHECK_INT(RUN(store_chat_pause, &p), 0);
	CHECK_INT(customer("M2", "hello").silence, SILENCE_HUMAN);
	CHECK(chats(JID).chats[0].until_us > clock_wall_us() + 9 * INT64_C(60000000));
	p = change(JID, 0);
	CHECK_INT(RUN(store_chat_pause, &p), 0);
	CHECK(p.changed);
	CHECK_INT(chats(JID).chats[0].silence, SILENCE_MUTED);
	CHECK_INT(RUN(store_chat_pause, &p), 0);
	CHECK(!p.changed);
	CHECK_INT(RUN(store_chat_resume, &p), 0);
	CHECK(p.changed);
	CHECK_INT(chats(JID).chats[0].silence, SILENCE_NONE);
	CHECK_INT(number("SELECT count(*) FROM audit WHERE actor = 'cli'"), 3);
	end();
}

TEST(chats_are_listed_the_last_first_with_what_silences_them)
{
	begin();
	customer("M1", "stop");
	struct store_load l = said("M2", "hello");
	l.chat = STR(OTHER);
	load(l);
	struct store_chat_list c = chats(NULL);
	CHECK_INT((int64_t)c.count, 2);
	CHECK_STR(c.chats[0].chat, OTHER);
	CHECK_INT(c.chats[0].silence, SILENCE_NONE);
	CHECK_INT(c.chats[1].silence, SILENCE_OPTED_OUT);
	CHECK(c.chats[1].last_in_us > 0 && c.chats[1].last_out_us == 0);
	set("hours", "Mon closed");
	CHECK_INT(chats(OTHER).chats[0].silence, SILENCE_CLOSED);
	end();
}

static struct store_chat
chat_now(void)
{
	struct store_chat_list l = {.tenant = STR("1"), .who = STR(JID), .limit = 1};

	if (RUN(store_chat_list, &l) < 0 || l.count != 1)
		FAIL("%s", words);
	return l.chats[0];
}

static int64_t
read_chat(const char *who)
{
	struct store_chat_read r = {.tenant = STR("1"), .who = str_of(who)};

	if (RUN(store_chat_read, &r) < 0)
		FAIL("%s: %s", who, words);
	CHECK(llabs(r.read_us - clock_wall_us()) < 60000000);
	return r.conversation_id;
}

TEST(a_chat_is_unread_while_its_customer_wrote_later_than_it_was_read)
{
	begin();
	customer("M1", "hello");
	CHECK(chat_now().unread);
	CHECK_INT(chat_now().last_read_us, 0);
	CHECK_INT(read_chat(JID), 1);
	CHECK(!chat_now().unread);
	script("UPDATE messages SET created_us = (SELECT last_read_us FROM"
	       " conversations)");
	CHECK(!chat_now().unread);
	script("UPDATE messages SET created_us = created_us + 1");
	CHECK(chat_now().unread);
	end();
}

TEST(what_is_not_the_customers_makes_no_chat_unread)
{
	begin();
	struct store_load l = said("M1", "we are open");
	l.from_me = true;
	load(l);
	CHECK(!chat_now().unread);
	end();
}

TEST(a_chat_is_read_by_its_id_by_any_address_and_by_phone)
{
	static const char *const names[] = {
		"1", "#1", JID, "972501234567:3@c.us", LID, "+972 50-123-4567"};

	begin();
	struct store_load l = said("M1", "hello");
	l.lid = STR(LID);
	load(l);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		script("UPDATE conversations SET last_read_us = NULL");
		CHECK_INT(read_chat(names[i]), 1);
		CHECK(!chat_now().unread);
	}
	struct store_chat_read r = {.tenant = STR("1"), .who = STR("#2")};
	CHECK_INT(RUN(store_chat_read, &r), ERR_NOT_FOUND);
	r = (struct store_chat_read){.tenant = STR("2"), .who = STR("#1")};
	CHECK_INT(RUN(store_chat_read, &r), ERR_NOT_FOUND);
	end();
}

TEST(two_chats_that_become_one_are_read_as_far_as_both_were)
{
	begin();
	customer("M1", "hello");
	struct store_load l = said("M2", "hello");
	l.chat = STR(LID);
	load(l);
	read_chat(JID);
	l = said("M3", "it is me");
	l.lid = STR(LID);
	CHECK(load(l).merge_id > 0);
	CHECK(chat_now().unread);
	CHECK_INT(chat_now().last_read_us, 0);
	end();
}

TEST(a_chat_that_is_not_known_is_not_found)
{
	begin();
	struct store_chat_pause p = change(JID, 0);
	CHECK_INT(RUN(store_chat_pause, &p), ERR_NOT_FOUND);
	p = change("hello", 0);
	CHECK_INT(RUN(store_chat_resume, &p), ERR_SHAPE);
	p.tenant = STR("9");
	CHECK_INT(RUN(store_chat_resume, &p), ERR_NOT_FOUND);
	end();
}

TEST(a_merge_keeps_what_silences_either)
{
	begin();
	struct store_load l = said("M1", "stop");
	l.chat = STR(LID);
	load(l);
	phone("P1", "/bot off");
	l = said("M2", "hello");
	l.lid = STR(LID);
	l = load(l);
	CHECK(l.merge_id > 0);
	CHECK_INT(l.silence, SILENCE_OPTED_OUT);
	CHECK_INT(number("SELECT count(*) FROM contacts AS p JOIN conversations AS c"
			 " ON c.contact_id = p.id WHERE p.merged_into IS NULL"
			 " AND opted_out_us > 0 AND muted_us > 0"),
		1);
	end();
}

UNIT_MAIN
