/* SPDX-License-Identifier: MIT */
/* store_test.c: the operations of store.h on real files.
 *
 * begin() makes a database in a folder of its own with tenant 1 and opens it on the
 * loop; end() closes and removes it. */
#include "unit.h"
#include "wait.h"

#include <sys/stat.h>

#include "base/err.h"
#include "base/metrics.h"
#include "base/settings.h"
#define SCRATCH_PIECES
#include "scratch.h"

/* Not there yet, nor the folders it is in. */
static void
make_deep_dir(void)
{
	make_dir();
	snprintf(url, sizeof(url), "sqlite:///%s/deep/er/t.db", dir);
}

static void
close_and_wait(void)
{
	close_store();
	uv_run(&the_loop()->uv, UV_RUN_NOWAIT); /* the handle closes on the loop */
}

/* RUN(store_load, &l) starts an operation and waits until it is over; its error. */
#define RUN(start, o) start##_now(o)
#define RUNNER(start)                           \
	static int start##_now(struct start *o) \
	{                                       \
		struct waiter w;                \
		o->op.arena = &arena;           \
		waiter_init(&w);                \
		start(store, o, &w.flow);       \
		waiter_wait(&w);                \
		CHECK_INT(w.wakes, 1);          \
		return o->op.err;               \
	}

RUNNER(store_load)
RUNNER(store_keep)
RUNNER(store_mark)
RUNNER(store_tenant_get)
RUNNER(store_tenant_list)
RUNNER(store_tenant_put)
RUNNER(store_tenant_remove)
RUNNER(store_message_list)

static int
put_tenant(bool create, const char *id, const char *name, const char *value)
{
	struct str n = str_of(name), v = str_of(value);
	struct store_tenant_put put = {.id = str_of(id),
		.create = create,
		.names = &n,
		.values = &v,
		.count = name != NULL};
	int err = RUN(store_tenant_put, &put);

	snprintf(words, sizeof(words), "%s", put.op.words);
	return err;
}

static void
begin(void)
{
	make_deep_dir();
	migrate();
	open_store(the_loop());
	CHECK_INT(put_tenant(true, "1", NULL, NULL), 0);
}

static void
end(void)
{
	close_and_wait();
	remove_dir();
}

#define CHAT "972501234567@s.whatsapp.net"

static struct store_load
message(const char *id, int64_t attempt)
{
	struct store_load l = written(id, CHAT, id);

	l.push_name = STR("Dana");
	l.attempt = attempt;
	return l;
}

static struct store_load
loaded(const char *id)
{
	struct store_load l = message(id, 1);

	CHECK_INT(RUN(store_load, &l), 0);
	return l;
}

static struct store_replies
in_parts(const char *const *texts, const char *const *keys, size_t count)
{
	struct store_replies r = {
		arena_zalloc(&arena, (count + 1) * sizeof(*r.parts)), count};

	for (size_t i = 0; i < count; i++) {
		r.parts[i].text = arena_str(&arena, str_of(texts[i]));
		r.parts[i].key = arena_str(&arena, str_of(keys[i]));
	}
	return r;
}

static struct store_keep
answer(const struct store_load *l, const char *reply, const char *key)
{
	static const struct store_usage usage = {.model = STR("m"),
		.tokens_in = 11,
		.tokens_out = 7,
		.cost_micros = 300};

	return (struct store_keep){.turn_id = l->turn_id,
		.attempt = l->attempt,
		.inbound_id = l->inbound_id,
		.tenant = l->tenant,
		.answer = in_parts(&reply, &key, reply ? 1 : 0),
		.usage = &usage,
		.usage_count = 1};
}

static struct store_keep
kept(const struct store_load *l, const char *key)
{
	struct store_keep k = answer(l, "reply", key);

	CHECK_INT(RUN(store_keep, &k), 0);
	CHECK_INT((int64_t)k.reply.count, 1);
	return k;
}

static int
mark_by(int64_t attempt, const struct store_keep *k, const char *status, const char *id)
{
	struct store_mark m = {.turn_id = k->turn_id,
		.reply_id = k->reply.parts[0].id,
		.attempt = attempt,
		.tenant = k->tenant,
		.status = str_of(status),
		.provider_message_id = str_of(id)};
	int err = RUN(store_mark, &m);

	snprintf(words, sizeof(words), "%s", m.op.words);
	return err;
}

static int
mark(const struct store_keep *k, const char *status, const char *id)
{
	return mark_by(k->attempt, k, status, id);
}

/* A message that was answered, for a history. */
static void
answered(const char *id, const char *key)
{
	struct store_load l = loaded(id);
	struct store_keep k = kept(&l, key);

	CHECK_INT(mark(&k, "sending", NULL), 0);
	CHECK_INT(mark(&k, "sent", key), 0);
}

/* --- load ----------------------------------------------------------------- */

TEST(a_message_makes_its_row_turn_and_conversation_once)
{
	begin();
	struct store_load first = loaded("M1");
	CHECK(!first.known);
	CHECK_INT(first.state, TURN_OPEN);
	CHECK_INT((int64_t)first.reply.count, 0);
	CHECK_STR(first.found.id, "1");

	struct store_load again = loaded("M1");
	CHECK(again.known);
	CHECK_INT(again.inbound_id, first.inbound_id);
	CHECK_INT(again.turn_id, first.turn_id);
	CHECK_INT(again.conversation_id, first.conversation_id);
	CHECK_INT(again.state, TURN_OPEN);
	CHECK_INT(number("SELECT count(*) FROM messages"), 1);
	CHECK_INT(number("SELECT count(*) FROM turns"), 1);
	end();
}

TEST(the_same_id_in_another_chat_is_another_message)
{
	begin();
	struct store_load one = loaded("M1"), other = message("M1", 1);
	other.chat = STR("972509999999@s.whatsapp.net");
	CHECK_INT(RUN(store_load, &other), 0);
	CHECK(!other.known);
	CHECK(other.conversation_id != one.conversation_id);
	end();
}

TEST(a_turn_counts_up_within_its_conversation)
{
	begin();
	loaded("M1");
	struct store_load second = loaded("M2");
	CHECK(second.turn_id > 0);
	CHECK_STR(text("SELECT group_concat(seq) FROM turns"), "1,2");
	end();
}

TEST(a_tenant_that_is_not_there_is_an_error)
{
	begin();
	struct store_load l = message("M1", 1);
	l.tenant = STR("2");
	CHECK_INT(RUN(store_load, &l), ERR_NO_TENANT);
	CHECK_STR(str_of(l.op.words), "unknown_tenant");
	CHECK_INT(number("SELECT count(*) FROM messages"), 0);
	end();
}

TEST(business_1_is_tenant_1)
{
	begin();
	struct store_load one = loaded("M1"), same = message("M1", 1);
	same.tenant = STR("business_1");
	CHECK_INT(RUN(store_load, &same), 0);
	CHECK_INT(same.inbound_id, one.inbound_id);
	end();
}

TEST(an_attempt_lower_than_the_turns_is_fenced)
{
	begin();
	loaded("M1");
	struct store_load third = message("M1", 3), second = message("M1", 2);
	CHECK_INT(RUN(store_load, &third), 0);
	CHECK_INT(number("SELECT attempt FROM turns"), 3);
	CHECK_INT(RUN(store_load, &second), ERR_FENCED);
	CHECK(strstr(second.op.words, "attempt 2"));
	CHECK_INT(number("SELECT attempt FROM turns"), 3);

	struct store_keep late = answer(&second, "late", "K1");
	late.turn_id = third.turn_id;
	late.inbound_id = third.inbound_id;
	CHECK_INT(RUN(store_keep, &late), ERR_FENCED);
	struct store_keep k = kept(&third, "K1");
	CHECK_INT(mark_by(2, &k, "sending", NULL), ERR_FENCED);
	CHECK_STR(text("SELECT status FROM messages WHERE source = 'bot'"), "pending");
	end();
}

TEST(a_message_delivered_again_after_its_turn_is_done_is_no_error)
{
	begin();
	struct store_load second = message("M1", 2);
	CHECK_INT(RUN(store_load, &second), 0);
	struct store_keep k = kept(&second, "K1");
	CHECK_INT(mark(&k, "sent", "P1"), 0);

	struct store_load again = loaded("M1");
	CHECK(again.known);
	CHECK_INT(again.state, TURN_DONE);
	CHECK_STR(again.reply.parts[0].status, "sent");
	CHECK_INT(number("SELECT attempt FROM turns"), 2);
	end();
}

TEST(a_message_from_me_is_done_at_once)
{
	begin();
	struct store_load l = message("M1", 1);
	l.from_me = true;
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_INT(l.state, TURN_DONE);
	CHECK_STR(text("SELECT direction || source || status FROM messages"),
		"outhumansent");
	CHECK_STR(text("SELECT state FROM turns"), "done");
	CHECK_INT(number("SELECT count(*) FROM contacts WHERE name IS NOT NULL"), 0);
	end();
}

TEST(what_is_not_answerable_is_done_at_once)
{
	begin();
	struct store_load l = message("M1", 1);
	l.answerable = false;
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_INT(l.state, TURN_DONE);
	CHECK_STR(text("SELECT direction || source || status FROM messages"),
		"incustomerreceived");
	end();
}

TEST(a_load_after_a_keep_finds_the_reply)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept(&l, "K1");
	struct store_load again = message("M1", 2);
	CHECK_INT(RUN(store_load, &again), 0);
	CHECK_INT(again.state, TURN_KEPT);
	CHECK_INT(again.reply.parts[0].id, k.reply.parts[0].id);
	CHECK_STR(again.reply.parts[0].text, "reply");
	CHECK_STR(again.reply.parts[0].key, "K1");
	CHECK_STR(again.reply.parts[0].status, "pending");
	end();
}

/* --- echoes and stubs ----------------------------------------------------- */

static struct store_load
echo(const char *id)
{
	struct store_load l = message(id, 1);

	l.from_me = true;
	l.text = STR("reply");
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_INT(l.state, TURN_DONE);
	return l;
}

TEST(an_echo_of_a_reply_finds_its_row_by_key_or_by_id)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept(&l, "K1");
	CHECK_INT(mark(&k, "sending", NULL), 0);
	struct store_load early = echo("K1");
	CHECK(early.known);
	CHECK_INT(early.inbound_id, k.reply.parts[0].id);
	CHECK_STR(text("SELECT state FROM turns"), "done"); /* it has left */

	CHECK_INT(mark(&k, "sent", "P1"), 0);
	CHECK_INT(echo("P1").inbound_id, k.reply.parts[0].id);
	CHECK_INT(number("SELECT count(*) FROM messages"), 2);
	end();
}

TEST(an_echo_that_came_before_its_id_was_known_is_dropped_for_the_reply)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept(&l, "K1");
	CHECK_INT(mark(&k, "sending", NULL), 0);
	CHECK(!echo("P1").known);
	CHECK_INT(mark(&k, "sent", "P1"), 0);
	CHECK_INT(number("SELECT count(*) FROM messages WHERE direction = 'out'"), 1);
	CHECK_STR(text("SELECT status || provider_message_id FROM messages"
		       " WHERE source = 'bot'"),
		"sentP1");
	end();
}

TEST(a_gateway_that_repeats_its_ids_leaves_no_reply_in_sending)
{
	begin();
	answered("M1", "K1");
	struct store_load l = loaded("M2");
	struct store_keep k = kept(&l, "K2");
	CHECK_INT(mark(&k, "sending", NULL), 0);
	CHECK_INT(mark(&k, "sent", "K1"), 0);
	CHECK_INT(number("SELECT count(*) FROM messages WHERE status = 'sent'"), 2);
	CHECK_INT(number("SELECT count(*) FROM messages WHERE provider_message_id = "
			 "'K1'"),
		1);
	end();
}

static struct store_load
stub(const char *id, int64_t attempt)
{
	struct store_load l = message(id, attempt);

	l.job_id = STR("stub-job");
	l.kind = STR("undecrypted");
	l.text = (struct str){NULL, 0};
	l.answerable = false;
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_INT(l.state, TURN_DONE);
	return l;
}

TEST(a_message_takes_over_its_stub)
{
	begin();
	struct store_load before = stub("M1", 4), l = loaded("M1");
	CHECK(!l.known);
	CHECK_INT(l.state, TURN_OPEN);
	CHECK_INT(l.inbound_id, before.inbound_id);
	CHECK_STR(
		text("SELECT status || kind || body FROM messages"), "receivedtextM1");
	CHECK_STR(text("SELECT state || attempt || job_id FROM turns"), "open1M1");
	kept(&l, "K1");

	CHECK(stub("M1", 5).known); /* the stub's job again: it disturbs nothing */
	CHECK_STR(text("SELECT state || attempt FROM turns"), "kept1");
	end();
}

TEST(a_stub_that_comes_second_is_done_and_raises_no_fence)
{
	begin();
	struct store_load l = loaded("M1");
	CHECK(stub("M1", 9).known);
	CHECK_STR(text("SELECT state || attempt FROM turns"), "open1");
	kept(&l, "K1");
	end();
}

TEST(a_message_from_me_takes_over_its_stub_too)
{
	begin();
	struct store_load l = message("M1", 1);
	l.from_me = true;
	l.kind = STR("undecrypted");
	l.text = (struct str){NULL, 0};
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK(!echo("M1").known);
	CHECK_STR(text("SELECT status || body FROM messages"), "sentreply");
	CHECK_STR(text("SELECT state FROM turns"), "done");
	end();
}

/* --- history -------------------------------------------------------------- */

TEST(the_history_is_oldest_first_without_this_message_and_what_was_not_sent)
{
	begin();
	answered("M1", "K1");
	struct store_load unsent = loaded("M2");
	kept(&unsent, "K2");
	struct store_load l = loaded("M3");
	CHECK_INT(l.history_count, 3);
	CHECK(l.history[0].from_customer);
	CHECK_STR(l.history[0].text, "M1");
	CHECK(!l.history[1].from_customer);
	CHECK_STR(l.history[1].text, "reply");
	CHECK_STR(l.history[2].text, "M2");
	end();
}

TEST(the_history_holds_the_newest_when_there_is_more_than_asked_for)
{
	begin();
	answered("M1", "K1");
	answered("M2", "K2");
	struct store_load l = message("M3", 1);
	l.history_max = 3;
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_INT(l.history_count, 3);
	CHECK_STR(l.history[0].text, "reply");
	CHECK_STR(l.history[1].text, "M2");

	l = message("M3", 1);
	l.history_max = 0;
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_INT(l.history_count, 0);
	end();
}

/* --- keep ----------------------------------------------------------------- */

TEST(a_second_keep_returns_the_first_reply)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept(&l, "K1"), again = answer(&l, "other", "K2");
	CHECK_INT(RUN(store_keep, &again), 0);
	CHECK_INT(again.reply.parts[0].id, k.reply.parts[0].id);
	CHECK_STR(again.reply.parts[0].text, "reply");
	CHECK_STR(again.reply.parts[0].key, "K1");
	CHECK_STR(again.reply.parts[0].status, "pending");
	CHECK_INT(number("SELECT count(*) FROM messages"), 2);
	CHECK_STR(text("SELECT state || tokens_in || '+' || tokens_out FROM turns"),
		"kept11+7");
	CHECK_INT(number("SELECT reply_to FROM messages WHERE source = 'bot'"),
		l.inbound_id);
	end();
}

TEST(an_outbound_key_that_another_turn_has_is_an_error_for_good)
{
	begin();
	struct store_load one = loaded("M1"), two = loaded("M2");
	kept(&one, "K1");
	struct store_keep k = answer(&two, "reply", "K1");
	CHECK_INT(RUN(store_keep, &k), ERR_EXISTS);
	CHECK(!err_transient(k.op.err));
	CHECK_STR(str_of(k.op.words), "another turn has the outbound key K1");
	CHECK_STR(text("SELECT group_concat(state) FROM turns"), "kept,open");
	end();
}

TEST(no_answer_ends_the_turn_and_it_stays_ended)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = answer(&l, NULL, "K1"),
			  again = answer(&l, "after all", "K1");
	CHECK_INT(RUN(store_keep, &k), 0);
	CHECK_INT((int64_t)k.reply.count, 0);
	CHECK_STR(text("SELECT state FROM turns"), "done");
	CHECK_INT(RUN(store_keep, &again), 0);
	CHECK_INT((int64_t)again.reply.count, 0);
	CHECK_INT(number("SELECT count(*) FROM messages"), 1);
	end();
}

TEST(a_turn_of_another_tenant_is_not_found)
{
	begin();
	CHECK_INT(put_tenant(true, "2", NULL, NULL), 0);
	struct store_load l = loaded("M1");
	struct store_keep k = kept(&l, "K1"), foreign = k;
	foreign.tenant = STR("2");
	CHECK_INT(RUN(store_keep, &foreign), ERR_NOT_FOUND);
	foreign.reply = k.reply;
	CHECK_INT(mark(&foreign, "sent", "P1"), ERR_NOT_FOUND);
	end();
}

/* --- bursts --------------------------------------------------------------- */

/* A message of a burst, brought by `job`. */
static struct store_load
burst(const char *id, const char *job)
{
	struct store_load l = message(id, 1);

	l.job_id = str_of(job);
	l.debounce_ms = 1000;
	CHECK_INT(RUN(store_load, &l), 0);
	return l;
}

TEST(a_burst_is_one_turn_until_its_reply_is_kept)
{
	begin();
	struct store_load a = burst("M1", "J1");
	struct store_load b = burst("M2", "J1");
	CHECK_INT(b.turn_id, a.turn_id);
	CHECK_INT(b.text_count, 2);
	CHECK_STR(b.texts[0].text, "M1");
	CHECK_STR(b.texts[1].text, "M2");
	CHECK_INT(b.history_count, 0);

	struct store_keep k = answer(&b, "reply", "K1");
	CHECK_INT(RUN(store_keep, &k), 0);
	struct store_load c = burst("M3", "J3");
	CHECK(c.turn_id != a.turn_id);
	CHECK_INT(c.text_count, 1);
	CHECK_INT(c.history_count, 2); /* the reply was not sent yet */
	end();
}

TEST(without_a_debounce_each_message_has_its_turn)
{
	begin();
	struct store_load a = loaded("M1"), b = loaded("M2");
	CHECK(a.turn_id != b.turn_id);
	end();
}

TEST(a_tenants_own_debounce_and_pause_count_more)
{
	begin();
	CHECK_INT(put_tenant(false, "1", "debounce_ms", "700"), 0);
	CHECK_INT(put_tenant(false, "1", "human_pause_min", "5"), 0);
	struct store_load l = loaded("M1");
	CHECK_INT(l.debounce_ms, 700);
	CHECK_INT(l.human_pause_min, 5);
	end();
}

TEST(another_job_takes_an_open_turn_over_and_the_first_may_not_go_on)
{
	begin();
	struct store_load a = burst("M1", "J1");
	struct store_load b = burst("M2", "J2");
	struct store_keep k = answer(&a, "reply", "K1");
	k.job_id = STR("J1");
	CHECK_INT(RUN(store_keep, &k), ERR_FENCED);
	k = answer(&b, "reply", "K2");
	k.job_id = STR("J2");
	CHECK_INT(RUN(store_keep, &k), 0);

	struct store_mark m = {.turn_id = k.turn_id,
		.reply_id = k.reply.parts[0].id,
		.attempt = 1,
		.tenant = STR("1"),
		.job_id = STR("J1"),
		.status = STR("sending")};
	CHECK_INT(RUN(store_mark, &m), ERR_FENCED);
	m.job_id = STR("J2");
	CHECK_INT(RUN(store_mark, &m), 0);
	end();
}

TEST(a_member_of_a_turn_that_comes_by_itself_leads_it)
{
	begin();
	burst("M1", "J1");
	burst("M2", "J1");
	struct store_load again = burst("M2", "J2");
	CHECK(again.known);
	CHECK_INT(again.state, TURN_OPEN);
	CHECK_INT(again.text_count, 2);
	CHECK_STR(text("SELECT job_id FROM turns"), "J2");
	end();
}

/* --- a person on the phone ------------------------------------------------ */

static void
person_says(const char *id, const char *what)
{
	struct store_load l = message(id, 1);

	l.from_me = true;
	l.text = str_of(what);
	l.human_pause_min = 10;
	CHECK_INT(RUN(store_load, &l), 0);
}

static struct store_keep
kept_in_parts(const struct store_load *l)
{
	static const char *const texts[] = {"one", "two", "three"};
	static const char *const keys[] = {"K1", "K2", "K3"};
	struct store_keep k = answer(l, NULL, NULL);

	k.answer = in_parts(texts, keys, 3);
	CHECK_INT(RUN(store_keep, &k), 0);
	CHECK_INT((int64_t)k.reply.count, 3);
	return k;
}

static int
mark_part(const struct store_keep *k, size_t i, const char *status, const char *reason)
{
	struct store_keep part = *k;
	struct store_mark m;

	part.reply.parts = &k->reply.parts[i];
	m = (struct store_mark){.turn_id = k->turn_id,
		.reply_id = part.reply.parts[0].id,
		.attempt = k->attempt,
		.tenant = k->tenant,
		.status = str_of(status),
		.reason = str_of(reason)};
	return RUN(store_mark, &m);
}

#define PARTS                                                                          \
	"SELECT group_concat(body || '=' || status || ifnull(':' || reason, ''), ' ')" \
	" FROM (SELECT * FROM messages WHERE source = 'bot' ORDER BY part)"

TEST(a_turn_is_done_with_the_last_part_of_its_reply)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept_in_parts(&l);
	for (size_t i = 0; i < 3; i++) {
		CHECK_STR(text("SELECT state FROM turns"), i == 0 ? "kept" : "sending");
		CHECK_INT(mark_part(&k, i, "sending", NULL), 0);
		CHECK_INT(mark_part(&k, i, "sent", NULL), 0);
	}
	CHECK_STR(text("SELECT state FROM turns"), "done");
	CHECK_STR(text(PARTS), "one=sent two=sent three=sent");
	end();
}

TEST(an_attempt_after_a_crash_finds_where_each_part_stands)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept_in_parts(&l);
	CHECK_INT(mark_part(&k, 0, "sending", NULL), 0);
	CHECK_INT(mark_part(&k, 0, "sent", NULL), 0);
	CHECK_INT(mark_part(&k, 1, "sending", NULL), 0);
	struct store_load again = message("M1", 2);
	CHECK_INT(RUN(store_load, &again), 0);
	CHECK_INT(again.state, TURN_SENDING);
	CHECK_INT((int64_t)again.reply.count, 3);
	CHECK_STR(again.reply.parts[0].status, "sent");
	CHECK_STR(again.reply.parts[1].status, "sending");
	CHECK_STR(again.reply.parts[2].status, "pending");
	CHECK_STR(again.reply.parts[2].key, "K3");
	end();
}

TEST(parts_after_one_that_failed_are_not_sent_and_a_replay_sends_them)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept_in_parts(&l);
	CHECK_INT(mark_part(&k, 0, "sending", NULL), 0);
	CHECK_INT(mark_part(&k, 0, "sent", NULL), 0);
	CHECK_INT(mark_part(&k, 1, "sending", NULL), 0);
	CHECK_INT(mark_part(&k, 1, "failed", "ambiguous"), 0);
	CHECK_STR(text(PARTS), "one=sent two=failed:ambiguous three=failed:unsent");
	CHECK_STR(text("SELECT state FROM turns"), "done");
	struct store_load replay = message("M1", 2);
	CHECK_INT(RUN(store_load, &replay), 0);
	CHECK_INT(replay.state, TURN_SENDING);
	CHECK_STR(text(PARTS), "one=sent two=sending three=pending");
	end();
}

TEST(a_person_silences_the_bot_in_that_conversation)
{
	begin();
	person_says("P1", "I am here");
	struct store_load l = loaded("M1");
	CHECK_INT(l.silence, SILENCE_HUMAN);
	struct store_keep k = answer(&l, "reply", "K1");
	CHECK_INT(RUN(store_keep, &k), 0);
	CHECK(k.silenced);
	CHECK_INT((int64_t)k.reply.count, 0);
	CHECK_STR(text("SELECT state FROM turns WHERE job_id = 'M1'"), "done");
	end();
}

TEST(a_person_who_is_faster_than_the_post_stops_it)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept(&l, "K1");
	CHECK(!k.silenced);
	person_says("P1", "I am here");
	struct store_mark m = {.turn_id = k.turn_id,
		.reply_id = k.reply.parts[0].id,
		.attempt = 1,
		.tenant = STR("1"),
		.status = STR("sending")};
	CHECK_INT(RUN(store_mark, &m), 0);
	CHECK(m.silenced);
	CHECK_STR(text("SELECT status || reason FROM messages WHERE source = 'bot'"),
		"failedhuman");
	end();
}

TEST(a_pause_that_is_over_or_none_silences_nobody)
{
	begin();
	person_says("P1", "I am here");
	text("UPDATE conversations SET human_until_us = 1 RETURNING 'x'");
	struct store_load l = loaded("M1");
	CHECK_INT(l.silence, SILENCE_NONE);
	end();
}

TEST(too_many_replies_in_an_hour_end_the_talk)
{
	begin();
	answered("M1", "K1");
	answered("M2", "K2");
	struct store_load l = message("M3", 1);
	l.replies_max = 3;
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_INT(l.silence, SILENCE_NONE);
	answered("M4", "K4");
	l = message("M5", 1);
	l.replies_max = 3;
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_INT(l.silence, SILENCE_LOOP);
	text("UPDATE messages SET created_us = created_us - 3700000000 RETURNING 'x'");
	l = message("M6", 1);
	l.replies_max = 3;
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_INT(l.silence, SILENCE_NONE);
	end();
}

TEST(who_says_our_own_last_words_is_another_bot)
{
	begin();
	answered("M1", "K1");
	struct store_load l = message("M2", 1);
	l.text = STR("reply");
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_INT(l.silence, SILENCE_ECHO);
	end();
}

TEST(the_echo_of_what_is_being_sent_silences_nobody)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept(&l, "K1");
	CHECK_INT(mark(&k, "sending", NULL), 0);
	person_says("GATEWAY-ID", "reply");
	CHECK_INT(loaded("M2").silence, SILENCE_NONE);
	person_says("P2", "something else");
	CHECK_INT(loaded("M3").silence, SILENCE_HUMAN);
	end();
}

/* --- mark ----------------------------------------------------------------- */

TEST(each_sending_counts_as_an_attempt)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept(&l, "K1");
	CHECK_INT(mark(&k, "sending", NULL), 0);
	CHECK_STR(text("SELECT state FROM turns"), "sending");
	CHECK_INT(mark(&k, "sending", NULL), 0);
	CHECK_INT(number("SELECT attempts FROM messages WHERE source = 'bot'"), 2);
	end();
}

TEST(sent_is_the_end)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept(&l, "K1");
	CHECK_INT(mark(&k, "sending", NULL), 0);
	CHECK_INT(mark(&k, "sent", "P1"), 0);
	CHECK_INT(mark(&k, "sending", NULL), ERR_FENCED);
	CHECK_INT(mark(&k, "failed", NULL), 0);
	CHECK_INT(mark(&k, "pending", NULL), 0);
	CHECK_INT(mark(&k, "sent", "P2"), 0);
	CHECK_STR(text("SELECT status || provider_message_id || attempts FROM messages"
		       " WHERE source = 'bot' AND sent_us > 0"),
		"sentP11");
	CHECK_STR(text("SELECT state FROM turns"), "done");
	end();
}

TEST(failed_is_the_end_and_says_why)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept(&l, "K1");
	struct store_mark m = {.turn_id = l.turn_id,
		.reply_id = k.reply.parts[0].id,
		.attempt = 1,
		.tenant = STR("1"),
		.status = STR("failed"),
		.reason = STR("ambiguous")};
	CHECK_INT(RUN(store_mark, &m), 0);
	CHECK_INT(mark(&k, "sending", NULL), ERR_FENCED);
	CHECK_INT(mark(&k, "sent", "P1"), 0);
	CHECK_STR(text("SELECT status || reason FROM messages"
		       " WHERE source = 'bot' AND sent_us IS NULL"),
		"failedambiguous");
	CHECK_STR(text("SELECT state FROM turns"), "done");
	end();
}

static void
fail_reply(const struct store_keep *k, const char *reason)
{
	struct store_mark m = {.turn_id = k->turn_id,
		.reply_id = k->reply.parts[0].id,
		.attempt = k->attempt,
		.tenant = STR("1"),
		.status = STR("failed"),
		.reason = str_of(reason)};

	CHECK_INT(mark(k, "sending", NULL), 0);
	CHECK_INT(RUN(store_mark, &m), 0);
}

TEST(a_replay_finds_a_refused_reply_pending_and_a_doubtful_one_sending)
{
	static const struct {
		const char *reason, *status;
		int state;
	} rows[] = {{"gateway: 400", "pending", TURN_KEPT},
		{"ambiguous", "sending", TURN_SENDING}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin();
		struct store_load l = loaded("M1"), replay = message("M1", 2);
		struct store_keep k = kept(&l, "K1");

		fail_reply(&k, rows[i].reason);
		CHECK_INT(RUN(store_load, &replay), 0);
		CHECK_STR(replay.reply.parts[0].status, rows[i].status);
		CHECK_INT(replay.state, rows[i].state);
		CHECK_INT(replay.reply.parts[0].id, k.reply.parts[0].id);
		CHECK_STR(text("SELECT state FROM turns"),
			rows[i].status[0] == 'p' ? "kept" : "sending");
		CHECK_INT(
			number("SELECT count(*) FROM messages WHERE reason <> ''"), 0);
		end();
	}
}

TEST(a_failed_reply_stays_failed_for_a_message_that_is_only_delivered_again)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept(&l, "K1");
	fail_reply(&k, "gateway: 400");
	struct store_load again = loaded("M1"); /* a new job's first attempt */
	CHECK_INT(again.state, TURN_DONE);
	CHECK_STR(again.reply.parts[0].status, "failed");
	end();
}

TEST(a_sent_reply_is_not_opened_again_by_a_replay)
{
	begin();
	answered("M1", "K1");
	struct store_load replay = message("M1", 2);
	CHECK_INT(RUN(store_load, &replay), 0);
	CHECK_INT(replay.state, TURN_DONE);
	CHECK_STR(replay.reply.parts[0].status, "sent");
	end();
}

TEST(pending_takes_a_sending_back_but_not_its_count)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept(&l, "K1");
	CHECK_INT(mark(&k, "sending", NULL), 0);
	CHECK_INT(mark(&k, "pending", NULL), 0);
	CHECK_STR(text("SELECT status || attempts FROM messages WHERE source = 'bot'"),
		"pending1");
	CHECK_STR(text("SELECT state FROM turns"), "kept");
	end();
}

TEST(a_status_that_is_none_is_refused)
{
	begin();
	struct store_load l = loaded("M1");
	struct store_keep k = kept(&l, "K1");
	CHECK_INT(mark(&k, "lost", NULL), ERR_SHAPE);
	CHECK_STR(str_of(words), "a reply is not marked lost");
	CHECK_STR(text("SELECT state FROM turns"), "kept");
	end();
}

/* --- contacts ------------------------------------------------------------- */

static int64_t
conversation_of(const char *id, const char *chat)
{
	struct store_load l = message(id, 1);

	l.chat = str_of(chat);
	CHECK_INT(RUN(store_load, &l), 0);
	return l.conversation_id;
}

TEST(device_agent_and_old_server_name_are_one_conversation)
{
	begin();
	int64_t plain = conversation_of("M1", CHAT);
	CHECK_INT(conversation_of("M2", "972501234567:12@s.whatsapp.net"), plain);
	CHECK_INT(conversation_of("M3", "972501234567_1:2@s.whatsapp.net"), plain);
	CHECK_INT(conversation_of("M4", "972501234567@c.us"), plain);
	CHECK_INT(number("SELECT count(*) FROM contacts"), 1);
	CHECK_STR(text("SELECT group_concat(kind || '=' || value, ' ') FROM"
		       " (SELECT * FROM contact_identities ORDER BY kind)"),
		"jid=" CHAT " phone=+972501234567");
	end();
}

TEST(the_digits_of_a_lid_are_no_phone)
{
	begin();
	int64_t lid = conversation_of("M1", "972501234567:3@lid");
	CHECK_STR(text("SELECT kind || value FROM contact_identities"),
		"lid972501234567@lid");
	CHECK(conversation_of("M2", CHAT) != lid);
	CHECK_INT(number("SELECT count(*) FROM contacts"), 2);
	end();
}

TEST(a_contact_is_found_by_any_of_its_identities)
{
	begin();
	conversation_of("M1", CHAT);
	number("INSERT INTO contact_identities SELECT tenant_id, 'lid', '7@lid', "
	       "contact_id"
	       " FROM contact_identities WHERE kind = 'phone'");
	conversation_of("M2", "7@lid");
	CHECK_INT(number("SELECT count(*) FROM contacts"), 1);
	CHECK_INT(number("SELECT count(*) FROM conversations"), 1);
	end();
}

TEST(a_group_has_no_phone_and_not_its_writers_name)
{
	begin();
	conversation_of("M1", "120363041234567890@g.us");
	CHECK_STR(text("SELECT kind FROM contact_identities"), "jid");
	CHECK_INT(number("SELECT count(*) FROM contacts WHERE name IS NOT NULL"), 0);
	end();
}

TEST(addresses_of_other_networks_are_kept_whole)
{
	begin();
	int64_t one = conversation_of("M1", "john_doe@example.com");
	CHECK(conversation_of("M2", "john_roe@example.com") != one);
	CHECK(conversation_of("M3", "no address") != one);
	CHECK_STR(text("SELECT canonical_key FROM conversations ORDER BY id"),
		"john_doe@example.com");
	end();
}

/* --- the thread ----------------------------------------------------------- */

enum { MANY = 200 };

static int many_left;
static uint64_t finished_order;

struct customer {
	struct flow flow;
	struct store_load load;
	struct store_keep keep;
	struct store_mark mark;
	struct arena arena;
	char id[16];
	uint64_t order;
	int err;
};

static flow_step customer_load, customer_keep, customer_sending, customer_sent,
	customer_end;

static struct customer *
customer_of(struct flow *f)
{
	return container_of(f, struct customer, flow);
}

static int
customer_load(struct flow *f)
{
	struct customer *c = customer_of(f);

	store_load(store, &c->load, f);
	return flow_wait(f, customer_keep);
}

static int
customer_keep(struct flow *f)
{
	struct customer *c = customer_of(f);

	if (c->load.op.err < 0)
		return c->load.op.err;
	c->keep = answer(&c->load, "reply", c->id);
	c->keep.op.arena = &c->arena;
	store_keep(store, &c->keep, f);
	return flow_wait(f, customer_sending);
}

static void
start_mark(struct customer *c, struct str status)
{
	c->mark = (struct store_mark){.op.arena = &c->arena,
		.turn_id = c->load.turn_id,
		.reply_id = c->keep.reply.parts[0].id,
		.attempt = 1,
		.tenant = STR("1"),
		.status = status,
		.provider_message_id = c->keep.reply.parts[0].key};
	store_mark(store, &c->mark, &c->flow);
}

static int
customer_sending(struct flow *f)
{
	if (customer_of(f)->keep.op.err < 0)
		return customer_of(f)->keep.op.err;
	start_mark(customer_of(f), STR("sending"));
	return flow_wait(f, customer_sent);
}

static int
customer_sent(struct flow *f)
{
	if (customer_of(f)->mark.op.err < 0)
		return customer_of(f)->mark.op.err;
	start_mark(customer_of(f), STR("sent"));
	return flow_wait(f, customer_end);
}

static int
customer_end(struct flow *f)
{
	return customer_of(f)->mark.op.err;
}

static void
customer_done(struct flow *f, int err)
{
	struct customer *c = customer_of(f);

	c->err = err;
	c->order = finished_order++;
	many_left--;
	arena_done(&c->arena);
}

static void
customer_start(struct customer *c, int i)
{
	snprintf(c->id, sizeof(c->id), "M%d", i);
	arena_init(&c->arena);
	c->load = message(c->id, 1);
	c->load.op.arena = &c->arena;
	flow_init(&c->flow, customer_load, "customer_load", customer_done);
	many_left++;
	flow_wake(&c->flow);
}

TEST(many_flows_at_once_share_commits_and_finish_in_order)
{
	begin();
	struct customer *all = xcalloc(MANY, sizeof(*all));
	int64_t ops = metric_get(M_STORE_OPS), commits = metric_get(M_STORE_COMMITS);

	for (int i = 0; i < MANY; i++)
		customer_start(&all[i], i);
	while (many_left > 0)
		uv_run(&the_loop()->uv, UV_RUN_ONCE);

	for (int i = 0; i < MANY; i++) {
		CHECK_INT(all[i].err, 0);
		CHECK_INT(all[i].order, i);
	}
	CHECK_INT(metric_get(M_STORE_OPS) - ops, 4 * MANY);
	CHECK(metric_get(M_STORE_COMMITS) - commits < MANY / 4);
	CHECK_INT(number("SELECT count(*) FROM messages WHERE status = 'sent'"), MANY);
	CHECK_INT(number("SELECT count(*) FROM turns WHERE state = 'done'"), MANY);
	free(all);
	end();
}

TEST(closing_waits_for_what_was_started_and_what_that_starts)
{
	begin();
	struct customer *c = xcalloc(1, sizeof(*c));
	customer_start(c, 1);
	close_and_wait();
	CHECK_INT(many_left, 0);
	CHECK_INT(c->err, 0);
	CHECK_STR(text("SELECT status FROM messages WHERE source = 'bot'"), "sent");
	free(c);
	remove_dir();
}

TEST(an_error_in_a_batch_undoes_its_own_operation_only)
{
	begin();
	struct store_load l[3] = {message("M1", 1), message("M2", 1), message("M3", 1)};
	struct store_tenant_put put = {.op.arena = &arena,
		.id = STR("2"),
		.create = true,
		.names = &STR("status"),
		.values = &STR("asleep"),
		.count = 1};
	struct waiter w[4];

	/* The first keeps the thread busy, so that the others are one batch or two:
	 * either way each stands for itself. */
	l[1].tenant = STR("nobody");
	for (int i = 0; i < 4; i++)
		waiter_init(&w[i]);
	for (int i = 0; i < 3; i++) {
		l[i].op.arena = &arena;
		store_load(store, &l[i], &w[i].flow);
		if (i == 1)
			store_tenant_put(store, &put, &w[3].flow);
	}
	for (int i = 0; i < 4; i++)
		waiter_wait(&w[i]);
	CHECK_INT(l[0].op.err, 0);
	CHECK_INT(l[1].op.err, ERR_NO_TENANT);
	CHECK_INT(put.op.err, ERR_SHAPE);
	CHECK_INT(l[2].op.err, 0);
	CHECK_INT(number("SELECT count(*) FROM messages"), 2);
	CHECK_INT(number("SELECT count(*) FROM tenants"), 1);
	end();
}

static int64_t
count_by(sqlite3_stmt *count)
{
	CHECK_INT(sqlite3_step(count), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(count, 0);
	sqlite3_reset(count);
	return n;
}

TEST(another_connection_reads_on_while_the_store_writes)
{
	begin();
	sqlite3 *reader;
	sqlite3_stmt *count;
	loaded("M1");
	CHECK_INT(sqlite3_open(file(), &reader), SQLITE_OK);
	CHECK_INT(sqlite3_exec(reader, "BEGIN", 0, 0, 0), SQLITE_OK);
	CHECK_INT(sqlite3_prepare_v2(
			  reader, "SELECT count(*) FROM messages", -1, &count, NULL),
		SQLITE_OK);
	CHECK_INT(count_by(count), 1);
	loaded("M2");                  /* is not held up by the reader, ... */
	CHECK_INT(count_by(count), 1); /* ... who sees the moment it began in */
	CHECK_INT(sqlite3_exec(reader, "COMMIT", 0, 0, 0), SQLITE_OK);
	CHECK_INT(count_by(count), 2);
	sqlite3_finalize(count);
	sqlite3_close(reader);
	end();
}

static void
let_go(uv_timer_t *t)
{
	CHECK_INT(sqlite3_exec(t->data, "COMMIT", 0, 0, 0), SQLITE_OK);
	uv_close((uv_handle_t *)t, NULL);
}

TEST(a_write_waits_for_another_process_that_writes)
{
	begin();
	sqlite3 *other;
	uv_timer_t timer;
	CHECK_INT(sqlite3_open(file(), &other), SQLITE_OK);
	CHECK_INT(sqlite3_exec(other, "BEGIN IMMEDIATE", 0, 0, 0), SQLITE_OK);
	uv_timer_init(&the_loop()->uv, &timer);
	timer.data = other;
	uv_timer_start(&timer, let_go, 50, 0);
	loaded("M1");
	CHECK(sqlite3_get_autocommit(other)); /* it had let go before we came through */
	sqlite3_close(other);
	end();
}

/* --- work ----------------------------------------------------------------- */

static int most_steps; /* of the statements that ended, in SQLite's virtual machine */

static int
on_statement_end(unsigned what, void *arg, void *stmt, void *ns)
{
	(void)what, (void)arg, (void)ns;
	int steps = sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 1);
	if (steps > most_steps)
		most_steps = steps;
	return 0;
}

static int
trace_statements(sqlite3 *db, char **err, const struct sqlite3_api_routines *api)
{
	(void)err, (void)api;
	return sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, on_statement_end, NULL);
}

#define ROWS                                                                           \
	"WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < " \
	"3000) "

static void
make_a_busy_tenant(void)
{
	loaded("M0");
	number(ROWS "INSERT INTO contact_identities SELECT '1', 'jid', i || "
		    "'@s.whatsapp.net', 1"
		    " FROM n");
	number(ROWS
		"INSERT INTO messages (tenant_id, conversation_id, turn_id, direction, "
		"source,"
		" provider, chat, provider_message_id, kind, body, status, created_us,"
		" updated_us) SELECT '1', 1, 1, 'in', 'customer', 'baileys', 'x', i, "
		"'text',"
		" i, 'received', 0, 0 FROM n");
}

TEST(no_operation_walks_through_what_it_is_not_about)
{
	begin();
	make_a_busy_tenant();
	close_and_wait();
	sqlite3_auto_extension((void (*)(void))trace_statements);
	open_store(the_loop());
	sqlite3_reset_auto_extension();

	most_steps = 0;
	struct store_load l = message("M1", 1);
	l.chat = STR("7@lid");
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_INT(RUN(store_load, &l), 0);
	struct store_keep k = kept(&l, "K1");
	CHECK_INT(mark(&k, "sending", NULL), 0);
	l = message("P1", 1);
	l.chat = STR("7@lid");
	l.from_me = true;
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_INT(mark(&k, "sent", "P1"), 0); /* drops the echo */
	CHECK_INT(number("SELECT count(*) FROM messages WHERE chat = '7@lid'"), 2);
	CHECK(most_steps > 0);
	CHECK(most_steps < 1000);
	end();
}

/* --- files and versions --------------------------------------------------- */

TEST(reopening_finds_the_rows)
{
	begin();
	struct store_load l = loaded("M1");
	close_and_wait();
	open_store(the_loop());
	struct store_load again = loaded("M1");
	CHECK(again.known);
	CHECK_INT(again.turn_id, l.turn_id);
	end();
}

TEST(migrating_makes_a_file_that_only_its_owner_reads)
{
	struct stat st;
	int from = -1, to = -1;

	make_deep_dir();
	CHECK_INT(store_migrate(url, &from, &to, words), 0);
	CHECK_INT(from, 0);
	CHECK(to >= 1);
	CHECK_INT(stat(file(), &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	CHECK_INT(stat(arena_printf(&arena, "%s/deep", dir).p, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0700);

	CHECK_INT(store_migrate(url, &from, &to, words), 0);
	CHECK_INT(from, to);
	remove_dir();
}

TEST(an_older_schema_is_refused_and_the_command_named)
{
	make_deep_dir();
	CHECK(!store_open(NULL, url, words));
	CHECK(strstr(words, "prosaas migrate")); /* not there at all */
	migrate();
	number("PRAGMA user_version = 0");
	CHECK(!store_open(NULL, url, words));
	CHECK(strstr(words, "version 0"));
	CHECK(strstr(words, "`prosaas migrate`"));
	remove_dir();
}

TEST(a_newer_schema_is_refused_and_not_touched)
{
	int from, to;

	make_deep_dir();
	migrate();
	number("PRAGMA user_version = 99");
	number("UPDATE schema_reader SET oldest = 98");
	CHECK(!store_open(NULL, url, words));
	CHECK(strstr(words, "newer prosaas"));
	CHECK(strstr(words, "prosaas migrate"));
	CHECK_INT(store_migrate(url, &from, &to, words), ERR_SCHEMA);
	CHECK(strstr(words, "newer prosaas"));
	CHECK_INT(number("PRAGMA user_version"), 99);
	remove_dir();
}

TEST(a_newer_schema_that_says_so_is_used)
{
	int from, to;

	make_deep_dir();
	migrate();
	number("PRAGMA user_version = 99");
	number("ALTER TABLE tenants ADD COLUMN of_the_future TEXT");
	struct store *s = store_open(NULL, url, words);
	CHECK(s);
	store_close(s);
	CHECK_INT(store_migrate(url, &from, &to, words), 0);
	CHECK_INT(from, 99);
	CHECK_INT(number("PRAGMA user_version"), 99);
	remove_dir();
}

TEST(a_migration_that_fails_leaves_nothing)
{
	int from, to;

	make_deep_dir();
	migrate();
	number("PRAGMA user_version = 0");
	number("DROP TABLE tenants");
	CHECK(store_migrate(url, &from, &to, words) < 0);
	CHECK(strstr(words, "contacts"));
	CHECK_INT(
		number("SELECT count(*) FROM sqlite_schema WHERE name = 'tenants'"), 0);
	CHECK_INT(number("PRAGMA user_version"), 0);
	remove_dir();
}

TEST(what_is_no_database_is_named)
{
	make_deep_dir();
	snprintf(url, sizeof(url), "sqlite:///%s/notes.txt", dir);
	FILE *f = fopen(file(), "w");
	CHECK(f);
	for (int i = 0; i < 100; i++)
		fputs("this is no database\n", f);
	fclose(f);
	CHECK(!store_open(NULL, url, words));
	CHECK(strstr(words, "notes.txt"));
	CHECK(strstr(words, "not a database"));
	remove_dir();
}

TEST(a_url_that_can_not_be_is_refused_without_its_password)
{
	static const char *const urls[] = {"postgresql://u:hush@h/d",
		"mysql://u:hush@h/d", "hush", "sqlite://", "sqlite:///",
		"sqlite:///:memory:", "sqlite:///a?mode=ro"};

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		words[0] = '\0';
		CHECK(!store_open(NULL, urls[i], words));
		CHECK(strstr(words, "DATABASE_URL: "));
		CHECK(!strstr(words, ":  ")); /* it names what is wrong */
		CHECK(!strstr(words, "hush"));
	}
}

TEST(the_database_is_in_the_data_folder_unless_said_otherwise)
{
	struct settings s = {.data_dir = "/var/lib/p"};

	arena_init(&arena);
	CHECK_STR(str_of(store_url(&s, &arena)), "sqlite:////var/lib/p/prosaas.db");
	s.database_url = "sqlite:///x.db";
	CHECK_STR(str_of(store_url(&s, &arena)), "sqlite:///x.db");
	arena_done(&arena);
}

/* --- tenants -------------------------------------------------------------- */

static struct tenant
tenant(const char *id)
{
	struct store_tenant_get get = {.id = str_of(id)};

	CHECK_INT(RUN(store_tenant_get, &get), 0);
	return get.found;
}

TEST(a_new_tenant_has_defaults_and_what_was_named)
{
	begin();
	CHECK_INT(put_tenant(true, "acme", "prompt", "Be\nkind."), 0);
	struct tenant t = tenant("acme");
	CHECK_STR(t.prompt, "Be\nkind.");
	CHECK_STR(t.status, "active");
	CHECK_STR(t.rules, "[]");
	CHECK_STR(t.ambiguous, "dead");
	CHECK(!t.default_text.p);
	CHECK(t.ai_temperature == -1);
	CHECK(t.created_us > 0);
	end();
}

TEST(setting_a_property_leaves_the_others)
{
	begin();
	CHECK_INT(put_tenant(false, "1", "ai_temperature", "0.5"), 0);
	CHECK_INT(put_tenant(false, "business_1", "ai_max_tokens", "300"), 0);
	CHECK_INT(put_tenant(false, "1", "name", "Flowers"), 0);
	struct tenant t = tenant("1");
	CHECK(t.ai_temperature == 0.5);
	CHECK_INT(t.ai_max_tokens, 300);
	CHECK_STR(t.name, "Flowers");
	CHECK_INT(put_tenant(false, "1", "name", ""), 0);
	CHECK(!tenant("1").name.p);
	end();
}

TEST(adding_a_tenant_twice_is_refused)
{
	begin();
	CHECK_INT(put_tenant(true, "1", "name", "Other"), ERR_EXISTS);
	CHECK_STR(str_of(words), "tenant 1: exists already");
	CHECK_STR(tenant("1").name, "Tenant 1");
	end();
}

TEST(a_tenant_that_is_missing_is_named)
{
	begin();
	struct store_tenant_get get = {.id = STR("9")};
	struct store_tenant_remove rm = {.id = STR("9")};
	CHECK_INT(RUN(store_tenant_get, &get), ERR_NOT_FOUND);
	CHECK_STR(str_of(get.op.words), "tenant 9: not found");
	CHECK_INT(RUN(store_tenant_remove, &rm), ERR_NOT_FOUND);
	CHECK_STR(str_of(rm.op.words), "tenant 9: not found");
	CHECK_INT(put_tenant(false, "9", "name", "x"), ERR_NOT_FOUND);
	CHECK_STR(str_of(words), "tenant 9: not found");
	end();
}

TEST(a_bad_id_is_refused)
{
	static const char *const ids[] = {"", "a b", "a/b", "ä",
		"aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbccccc"};

	begin();
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		CHECK_INT(put_tenant(true, ids[i], NULL, NULL), ERR_SHAPE);
	CHECK_STR(str_of(words), "a tenant's id is 1 to 64 of A-Z a-z 0-9 _ -");
	CHECK_INT(number("SELECT count(*) FROM tenants"), 1);
	end();
}

TEST(a_bad_value_is_refused_with_what_is_allowed)
{
	static const struct {
		const char *name, *value, *words;
	} bad[] = {
		{"status", "asleep", "status=asleep: allowed is active or paused"},
		{"status", "", "status=: allowed is active or paused"},
		{"country", "XX",
			"country=XX: allowed is a country like IL or a calling code "
			"like 972, or empty"},
		{"gateway_url", "ftp://h",
			"gateway_url=ftp://h: allowed is a http:// or https:// URL, or "
			"empty"},
		{"ai_provider", "x",
			"ai_provider=x: allowed is builtin, openai or empty"},
		{"ai_temperature", "2.1",
			"ai_temperature=2.1: allowed is a number from 0 to 2, or -1"},
		{"ai_temperature", "nan",
			"ai_temperature=nan: allowed is a number from 0 to 2, or -1"},
		{"ai_temperature", NULL,
			"ai_temperature=: allowed is a number from 0 to 2, or -1"},
		{"ai_max_tokens", "-1",
			"ai_max_tokens=-1: allowed is a whole number from 0 to 100000"},
		{"ambiguous", "x", "ambiguous=x: allowed is dead or resend"},
		{"rules", "[\n1]",
			"rules=[: allowed is a JSON list of "
			"{\"match\":\"word\",\"reply\":\"text\"}"},
		{"ai_provider", "ääääääääääääääxä",
			"ai_provider=ääääääääääääääx: allowed is builtin, openai or "
			"empty"},
		{"colour", "red",
			"no property colour; `prosaas tenant show ID` lists them"},
		{"debounce_ms", "60001",
			"debounce_ms=60001: allowed is a whole number from 0 to 60000, "
			"or -1"},
	};

	begin();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK_INT(put_tenant(false, "1", bad[i].name, bad[i].value), ERR_SHAPE);
		CHECK_STR(str_of(words), bad[i].words);
	}
	end();
}

TEST(rules_are_a_list_of_match_and_reply)
{
	static const char *const bad[] = {"", "no", "{}", "1", "[1]", "[null]",
		"[{\"match\":\"a\"}]", "[{\"match\":\"a\",\"reply\":1}]",
		"[{\"match\":\"a\",\"reply\":\"b\"},{}]"};

	begin();
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_INT(put_tenant(false, "1", "rules", bad[i]), ERR_SHAPE);
	CHECK_INT(
		put_tenant(false, "1", "rules", "[{\"match\":\"a\",\"reply\":\"b\"}]"),
		0);
	CHECK_INT(put_tenant(false, "1", "rules", "[]"), 0);
	end();
}

TEST(tenants_are_listed_nine_before_ten)
{
	begin();
	CHECK_INT(put_tenant(true, "10", NULL, NULL), 0);
	CHECK_INT(put_tenant(true, "9", NULL, NULL), 0);
	struct store_tenant_list list = {0};
	CHECK_INT(RUN(store_tenant_list, &list), 0);
	CHECK_INT(list.count, 3);
	CHECK_STR(list.tenants[0].id, "1");
	CHECK_STR(list.tenants[1].id, "9");
	CHECK_STR(list.tenants[2].id, "10");
	end();
}

TEST(a_tenant_with_messages_is_not_removed)
{
	begin();
	CHECK_INT(put_tenant(true, "2", NULL, NULL), 0);
	loaded("M1");
	struct store_tenant_remove rm = {.id = STR("1")};
	CHECK_INT(RUN(store_tenant_remove, &rm), ERR_EXISTS);
	CHECK_STR(str_of(rm.op.words),
		"tenant 1 has messages; pause it instead: status=paused");
	rm.id = STR("business_2");
	CHECK_INT(RUN(store_tenant_remove, &rm), 0);
	CHECK_INT(number("SELECT count(*) FROM tenants"), 1);
	end();
}

TEST(a_command_works_without_a_loop)
{
	make_deep_dir();
	migrate();
	struct store *s = store_open(NULL, url, words);
	CHECK(s);
	struct store_tenant_put put = {
		.op.arena = &arena, .id = STR("1"), .create = true};
	store_tenant_put(s, &put, NULL);
	CHECK_INT(store_run(s, &put.op), 0);
	store_tenant_put(s, &put, NULL);
	CHECK_INT(store_run(s, &put.op), ERR_EXISTS);
	store_close(s);
	CHECK_INT(number("SELECT count(*) FROM tenants"), 1);
	remove_dir();
}

/* --- messages ------------------------------------------------------------- */

TEST(messages_are_listed_newest_first_page_by_page)
{
	begin();
	answered("M1", "K1");
	loaded("M2");
	struct store_message_list list = {.tenant = STR("1"), .limit = 2};
	CHECK_INT(RUN(store_message_list, &list), 0);
	CHECK_INT(list.count, 2);
	CHECK_STR(list.messages[0].text, "M2");
	CHECK_STR(list.messages[1].text, "reply");
	CHECK_STR(list.messages[1].status, "sent");
	CHECK_STR(list.messages[1].outbound_key, "K1");
	CHECK_INT(list.messages[1].attempts, 1);

	list.before_id = list.messages[1].id;
	CHECK_INT(RUN(store_message_list, &list), 0);
	CHECK_INT(list.count, 1);
	CHECK_STR(list.messages[0].text, "M1");
	end();
}

TEST(messages_are_listed_of_one_chat_and_one_tenant_only)
{
	begin();
	loaded("M1");
	conversation_of("M2", "7@lid");
	struct store_message_list list = {
		.tenant = STR("1"), .chat = STR("7@lid"), .limit = 500};
	CHECK_INT(RUN(store_message_list, &list), 0);
	CHECK_INT(list.count, 1);
	CHECK_STR(list.messages[0].text, "M2");
	list.tenant = STR("2");
	CHECK_INT(RUN(store_message_list, &list), 0);
	CHECK_INT(list.count, 0);
	list.limit = 501;
	CHECK_INT(RUN(store_message_list, &list), ERR_SHAPE);
	end();
}

/* The plan, not the time: with another index each load of a quiet chat would walk
 * all messages of its tenant. */
TEST(the_history_of_a_chat_is_found_by_its_conversation)
{
	sqlite3_stmt *plan;
	bool by_conversation = false;
	sqlite3 *db;

	begin();
	CHECK_INT(sqlite3_open_v2(file(), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	CHECK_INT(sqlite3_prepare_v2(db,
			  "EXPLAIN QUERY PLAN SELECT direction, body FROM messages"
			  " WHERE conversation_id = ?2 AND tenant_id = ?1 AND id <> ?3"
			  " AND body <> '' ORDER BY id DESC LIMIT ?4",
			  -1, &plan, NULL),
		SQLITE_OK);
	while (sqlite3_step(plan) == SQLITE_ROW)
		by_conversation |= strstr((const char *)sqlite3_column_text(plan, 3),
					   "messages_conversation") != NULL;
	sqlite3_finalize(plan);
	sqlite3_close(db);
	CHECK(by_conversation);
	end();
}

UNIT_MAIN
