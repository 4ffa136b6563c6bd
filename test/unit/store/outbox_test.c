/* SPDX-License-Identifier: MIT */
/* outbox_test.c: messages that are no answer, as rows. */
#include "unit.h"

#include "base/clock.h"
#include "base/err.h"
#include "scratch.h"
#include "store/store_broadcasts.h"
#include "store/store_outbox.h"

#define JID "972501234567@s.whatsapp.net"
#define LID "71234567890123@lid"

enum { MINUTE = 60 * 1000000 };

/* --- what tests do ---------------------------------------------------------- */

static struct store_outbox_add
plan(const char *to, const char *what, int64_t due_us)
{
	return (struct store_outbox_add){.tenant = STR("1"),
		.to = str_of(to),
		.text = str_of(what),
		.due_us = due_us};
}

static int64_t
add_to(const char *to, bool unless_reply)
{
	struct store_outbox_add add = plan(to, "Hello {name}", clock_wall_us());

	add.unless_reply = unless_reply;
	if (RUN(store_outbox_add, &add) < 0)
		FAIL("%s: %s", to, words);
	return add.row.id;
}

static int
refused(const char *to, const char *what)
{
	struct store_outbox_add add = plan(to, what, 1);

	return RUN(store_outbox_add, &add);
}

static void
hear_as(const char *chat, const char *phone, const char *id)
{
	struct store_load load = {.tenant = STR("1"),
		.provider = STR("baileys"),
		.chat = str_of(chat),
		.phone = str_of(phone),
		.message_id = str_of(id),
		.job_id = str_of(id),
		.kind = STR("text"),
		.text = STR("hi"),
		.push_name = STR("Dana Cohen"),
		.raw = STR("{}"),
		.attempt = 1};

	CHECK_INT(RUN(store_load, &load), 0);
}

static struct store_outbox_due
look(int64_t until_us)
{
	struct store_outbox_due due = {.until_us = until_us, .limit = 1000};

	if (RUN(store_outbox_due, &due) < 0)
		FAIL("%s", words);
	return due;
}

static void
note(const struct store_outbox_due *due)
{
	struct store_outbox_queued q = {.rows = due->rows, .count = due->count};

	CHECK_INT(RUN(store_outbox_queued, &q), 0);
}

static struct store_outbox_take
take(int64_t id, int64_t round)
{
	struct store_outbox_take t = {.tenant = STR("1"), .id = id, .round = round};

	if (RUN(store_outbox_take, &t) < 0)
		FAIL("%s", words);
	return t;
}

static int
keep(int64_t id, int64_t round, int64_t attempt, struct store_outbox_keep *ret)
{
	*ret = (struct store_outbox_keep){.tenant = STR("1"),
		.job_id = STR("send_x"),
		.id = id,
		.round = round,
		.attempt = attempt,
		.text = STR("Hello Dana"),
		.key = arena_printf(&arena, "3EB0%d-%d", (int)id, (int)round)};
	return RUN(store_outbox_keep, ret);
}

static int
mark(const struct store_outbox_keep *k, const char *status, const char *reason)
{
	struct store_mark m = {.tenant = STR("1"),
		.job_id = k->job_id,
		.attempt = k->attempt,
		.turn_id = k->turn_id,
		.reply_id = k->message.id,
		.status = str_of(status),
		.reason = str_of(reason)};

	return RUN(store_mark, &m);
}

static void
end_as(int64_t id, int64_t round, const char *status, int64_t next_us)
{
	struct store_outbox_end end = {.tenant = STR("1"),
		.id = id,
		.round = round,
		.status = str_of(status),
		.next_us = next_us};

	CHECK_INT(RUN(store_outbox_end, &end), 0);
}

static int
cancel(int64_t id)
{
	struct store_outbox_cancel c = {.tenant = STR("1"), .id = id};

	return RUN(store_outbox_cancel, &c);
}

static struct outbox_row
get(int64_t id)
{
	struct store_outbox_get g = {.tenant = STR("1"), .id = id};

	CHECK_INT(RUN(store_outbox_get, &g), 0);
	return g.row;
}

/* --- add -------------------------------------------------------------------- */

TEST(a_message_goes_to_a_person_only)
{
	begin();
	CHECK_INT(put_tenant("1", "country", "IL"), 0);
	static const char *const no[] = {"", "12", "12036304@g.us", "status@broadcast",
		"120363@newsletter", "13135550002@s.whatsapp.net", "dana",
		"12@s.whatsapp.net", "a b@lid"};
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (refused(no[i], "Hello") != ERR_SHAPE)
			FAIL("%s is taken", no[i]);
	CHECK_STR(get(add_to("050-123 45 67", false)).chat, JID);
	CHECK_STR(get(add_to("+972 50 1234567", false)).chat, JID);
	CHECK_STR(get(add_to(LID, false)).chat, LID);
	CHECK_STR(get(add_to("972501234567:3@s.whatsapp.net", false)).chat,
		"972501234567:3@s.whatsapp.net");
	end();
}

TEST(a_text_has_known_placeholders_and_something_to_say)
{
	begin();
	CHECK_INT(refused(LID, "Hello {nick}"), ERR_SHAPE);
	CHECK(strstr(words, "{last_name}"));
	CHECK_INT(refused(LID, "  "), ERR_SHAPE);
	CHECK_INT(number("SELECT count(*) FROM scheduled_messages"), 0);
	struct store_outbox_add add = plan(LID, "Hello", 1);
	add.tenant = STR("9");
	CHECK_INT(RUN(store_outbox_add, &add), ERR_NOT_FOUND);
	end();
}

TEST(a_content_has_a_type_that_is_sent_and_its_object)
{
	static const char *const no[] = {"", "x", "[]", "{}", "{\"type\":\"image\"}",
		"{\"type\":\"image\",\"image\":\"x\"}", "{\"type\":5}",
		"{\"type\":\"text\",\"text\":{}}", "{\"type\":\"a.b[\",\"a\":{}}"};
	struct store_outbox_keep k;

	begin();
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		struct store_outbox_add add = plan(LID, "Hello", 1);

		add.content = str_of(no[i]);
		if (RUN(store_outbox_add, &add) != ERR_SHAPE)
			FAIL("%s is taken", no[i]);
	}
	struct store_outbox_add add = plan(LID, "Hello", 1);
	add.content = STR("{ \"type\": \"template\",\n \"template\": {} }");
	CHECK_INT(RUN(store_outbox_add, &add), 0);
	CHECK_STR(add.row.content, "{\"type\":\"template\",\"template\":{}}");
	CHECK_INT(keep(add.row.id, 1, 1, &k), 0);
	CHECK_STR(k.message.content, "{\"type\":\"template\",\"template\":{}}");
	CHECK(k.message.is_template);
	CHECK_STR(text("SELECT kind FROM messages"), "template");
	CHECK_INT(keep(add_to(LID, false), 1, 1, &k), 0);
	CHECK(!k.message.content.p && !k.message.is_template);
	end();
}

TEST(a_phone_goes_where_its_owner_last_wrote_from)
{
	begin();
	hear_as(LID, JID, "A1");
	CHECK_STR(get(add_to("+972501234567", false)).chat, LID);
	hear_as(JID, NULL, "A2");
	CHECK_STR(get(add_to("+972501234567", false)).chat, JID);
	CHECK_STR(get(add_to(LID, false)).chat, LID);
	end();
}

TEST(a_key_makes_a_message_one)
{
	begin();
	struct store_outbox_add one = plan(LID, "Hello", 5),
				two = plan(LID, "Other", 9);
	one.key = two.key = STR("k");
	CHECK_INT(RUN(store_outbox_add, &one), 0);
	CHECK_INT(RUN(store_outbox_add, &two), 0);
	CHECK(!one.known && two.known);
	CHECK_INT(two.row.id, one.row.id);
	CHECK_STR(two.row.text, "Hello");
	two.tenant = STR("2");
	CHECK_INT(RUN(store_outbox_add, &two), 0);
	CHECK(!two.known);
	end();
}

/* --- on its way ------------------------------------------------------------- */

TEST(what_is_due_is_queued_once_and_sent_once)
{
	struct store_outbox_keep k;

	begin();
	int64_t now = clock_wall_us(), id = add_to(JID, false);
	struct store_outbox_add later = plan(JID, "Later", now + 10 * MINUTE);
	CHECK_INT(RUN(store_outbox_add, &later), 0);

	struct store_outbox_due due = look(now + MINUTE);
	CHECK_INT(due.count, 1);
	CHECK_INT(due.rows[0].row.id, id);
	CHECK(!due.rows[0].stale);
	note(&due);
	CHECK_INT(look(now + MINUTE).count, 0);

	CHECK(!take(id, 1).over);
	CHECK_INT(keep(id, 1, 1, &k), 0);
	CHECK_INT(number("SELECT count(*) FROM messages WHERE source = 'system' AND "
			 "status = 'pending'"),
		1);
	CHECK_INT(mark(&k, "sending", NULL), 0);
	CHECK_INT(mark(&k, "sent", NULL), 0);
	end_as(id, 1, "sent", 0);
	CHECK_STR(get(id).status, "sent");
	CHECK_INT(get(id).sent_count, 1);
	end_as(id, 1, "sent", 0);
	CHECK_INT(get(id).sent_count, 1);
	CHECK(take(id, 1).over);
	CHECK_STR(text("SELECT state FROM turns"), "done");
	end();
}

TEST(another_attempt_finds_the_message_that_was_kept)
{
	struct store_outbox_keep one, two, late;

	begin();
	int64_t id = add_to(JID, false);
	CHECK_INT(keep(id, 1, 1, &one), 0);
	CHECK_INT(mark(&one, "sending", NULL), 0);
	CHECK(take(id, 1).row.message_id == one.message.id);
	CHECK_INT(keep(id, 1, 2, &two), 0);
	CHECK_INT(two.message.id, one.message.id);
	CHECK_STR(two.message.status, "sending");
	CHECK_STR(two.message.text, "Hello Dana");
	CHECK_INT(keep(id, 1, 1, &late), ERR_FENCED);
	CHECK_INT(mark(&one, "sent", NULL), ERR_FENCED);
	CHECK_INT(mark(&two, "sent", NULL), 0);
	CHECK_INT(number("SELECT count(*) FROM messages"), 1);
	end();
}

TEST(a_job_of_an_earlier_round_finds_nothing_to_do)
{
	struct store_outbox_keep k;

	begin();
	int64_t id = add_to(JID, false);
	struct store_outbox_move move = {
		.tenant = STR("1"), .id = id, .round = 1, .due_us = 77};
	CHECK_INT(RUN(store_outbox_move, &move), 0);
	CHECK_INT(RUN(store_outbox_move, &move), 0);
	CHECK_INT(get(id).round, 2);
	CHECK_INT(get(id).due_us, 77);
	CHECK(take(id, 1).over);
	CHECK_INT(keep(id, 1, 1, &k), 0);
	CHECK(k.over);
	end_as(id, 1, "sent", 0);
	CHECK_STR(get(id).status, "waiting");
	CHECK(!take(id, 2).over);
	CHECK_INT(number("SELECT count(*) FROM messages"), 0);
	end();
}

TEST(what_comes_again_waits_for_its_next_slot_in_the_transaction_that_ends_one)
{
	struct store_outbox_keep k;

	begin();
	struct store_outbox_add add = plan(JID, "Hello", clock_wall_us());
	add.schedule = STR("@every 5m");
	add.zone = STR("UTC");
	CHECK_INT(RUN(store_outbox_add, &add), 0);
	int64_t id = add.row.id;
	CHECK_INT(keep(id, 1, 1, &k), 0);
	CHECK_INT(mark(&k, "sending", NULL), 0);
	CHECK_INT(mark(&k, "sent", NULL), 0);
	end_as(id, 1, "sent", 12345);
	end_as(id, 1, "sent", 99999); /* an attempt that comes late */
	struct outbox_row row = get(id);
	CHECK_STR(row.status, "waiting");
	CHECK_INT(row.due_us, 12345);
	CHECK_INT(row.slot_us, 12345);
	CHECK_INT(row.round, 2);
	CHECK_INT(row.message_id, 0);
	CHECK_INT(row.sent_count, 1);
	CHECK_INT(keep(id, 2, 1, &k), 0);
	CHECK_INT(number("SELECT count(*) FROM messages"), 2);
	end();
}

TEST(a_job_that_is_long_silent_is_looked_for)
{
	begin();
	int64_t now = clock_wall_us();
	add_to(JID, false);
	struct store_outbox_due due = look(now + MINUTE);
	note(&due);
	script("UPDATE scheduled_messages SET looked_us = looked_us - 3 * 60000000,"
	       " due_us = due_us - 3 * 60000000");
	due = look(now + MINUTE);
	CHECK_INT(due.count, 1);
	CHECK(due.rows[0].stale);
	note(&due);
	CHECK_INT(look(now + MINUTE).count, 0);
	end();
}

TEST(a_dead_letter_that_is_replayed_sends_what_was_kept)
{
	struct store_outbox_keep k, again;

	begin();
	int64_t id = add_to(JID, false);
	CHECK_INT(keep(id, 1, 1, &k), 0);
	CHECK_INT(mark(&k, "sending", NULL), 0);
	CHECK_INT(mark(&k, "failed", "gateway: 400"), 0);
	end_as(id, 1, "failed", 0);
	CHECK_STR(get(id).status, "failed");
	CHECK(!take(id, 1).over);
	CHECK_INT(keep(id, 1, 2, &again), 0);
	CHECK_INT(again.message.id, k.message.id);
	CHECK_STR(again.message.status, "pending");
	CHECK_STR(get(id).status, "queued");
	CHECK_INT(mark(&again, "sending", NULL), 0);
	CHECK_INT(mark(&again, "failed", "ambiguous"), 0);
	end_as(id, 1, "failed", 0);
	CHECK_INT(keep(id, 1, 3, &again), 0);
	CHECK_STR(again.message.status, "sending");
	end();
}

/* --- who may stop it -------------------------------------------------------- */

TEST(a_reply_cancels_what_waits_for_none)
{
	begin();
	int64_t by_jid = add_to(JID, true), by_lid = add_to(LID, true),
		anyway = add_to(JID, false), other = add_to("+4915123456789", true);

	hear_as(LID, JID, "A1");
	CHECK_STR(get(by_jid).status, "cancelled");
	CHECK_STR(get(by_jid).reason, "reply");
	CHECK_STR(get(by_lid).status, "cancelled");
	CHECK_STR(get(anyway).status, "waiting");
	CHECK_STR(get(other).status, "waiting");
	CHECK(take(by_jid, 1).over);
	end();
}

TEST(what_the_customer_wrote_before_is_no_reply)
{
	begin();
	hear_as(JID, NULL, "A1");
	int64_t id = add_to(JID, true);
	hear_as(JID, NULL, "A1"); /* again, as a duplicate */
	CHECK_STR(get(id).status, "waiting");
	CHECK(!take(id, 1).over);
	hear_as(JID, NULL, "A2");
	CHECK_STR(get(id).status, "cancelled");
	end();
}

TEST(a_reply_that_the_row_did_not_hear_of_counts_when_it_is_taken)
{
	begin();
	int64_t id = add_to(JID, true);
	hear_as(JID, NULL, "A1");
	script("UPDATE scheduled_messages SET status = 'queued', reason = NULL");
	CHECK(take(id, 1).over);
	CHECK_STR(get(id).status, "cancelled");
	end();
}

TEST(a_person_cancels_until_it_is_being_sent)
{
	struct store_outbox_keep k;

	begin();
	int64_t id = add_to(JID, false);
	CHECK_INT(cancel(id), 0);
	CHECK_INT(cancel(id), ERR_EXISTS);
	CHECK(strstr(words, "cancelled"));
	CHECK_INT(cancel(77), ERR_NOT_FOUND);

	id = add_to(JID, false);
	CHECK_INT(keep(id, 1, 1, &k), 0);
	CHECK_INT(cancel(id), 0);
	CHECK_INT(mark(&k, "sending", NULL), ERR_FENCED);
	CHECK_STR(
		text("SELECT status || ' ' || reason FROM messages"), "failed by hand");
	CHECK(take(id, 1).over);

	id = add_to(JID, false);
	CHECK_INT(keep(id, 1, 1, &k), 0);
	CHECK_INT(mark(&k, "sending", NULL), 0);
	CHECK_INT(cancel(id), ERR_EXISTS);
	CHECK(strstr(words, "being sent"));
	end();
}

TEST(a_person_on_the_phone_silences_answers_not_what_is_planned)
{
	struct store_outbox_keep k;

	begin();
	int64_t id = add_to(JID, false);
	CHECK_INT(keep(id, 1, 1, &k), 0);
	script("UPDATE conversations SET human_until_us = 9000000000000000");
	CHECK_INT(mark(&k, "sending", NULL), 0);
	CHECK_STR(text("SELECT status FROM messages"), "sending");
	end();
}

TEST(who_opts_out_before_a_message_is_posted_does_not_get_it)
{
	struct store_outbox_keep k;

	begin();
	hear_as(LID, JID, "A1");
	int64_t id = add_to(JID, false);
	CHECK_INT(keep(id, 1, 1, &k), 0);
	script("UPDATE contacts SET opted_out_us = 1");
	struct store_mark m = {.turn_id = k.turn_id,
		.reply_id = k.message.id,
		.attempt = 1,
		.tenant = STR("1"),
		.status = STR("sending")};
	CHECK_INT(RUN(store_mark, &m), 0);
	CHECK_INT(m.silenced, SILENCE_OPTED_OUT);
	CHECK_STR(text("SELECT status || ' ' || reason FROM messages WHERE source = "
		       "'system'"),
		"failed opted_out");
	end();
}

TEST(names_come_from_the_row_then_from_the_contact)
{
	begin();
	int64_t id = add_to(JID, false);
	CHECK(!take(id, 1).name.p);
	hear_as(JID, NULL, "A1");
	CHECK_STR(take(id, 1).name, "Dana Cohen");
	script("UPDATE scheduled_messages SET name = 'Dr. Cohen'");
	CHECK_STR(take(id, 1).name, "Dr. Cohen");
	end();
}

TEST(who_has_opted_out_hears_nothing)
{
	struct store_outbox_keep k;

	begin();
	hear_as(LID, JID, "A1");
	script("UPDATE contacts SET opted_out_us = 1");
	int64_t id = add_to(JID, false);
	CHECK(take(id, 1).over);
	CHECK_STR(get(id).status, "skipped");
	CHECK_STR(get(id).reason, "opted out");
	CHECK_INT(keep(id, 1, 1, &k), 0);
	CHECK(k.over);
	end();
}

TEST(another_tenant_sees_nothing)
{
	begin();
	int64_t id = add_to(JID, false);
	struct store_outbox_get g = {.tenant = STR("2"), .id = id};
	CHECK_INT(RUN(store_outbox_get, &g), ERR_NOT_FOUND);
	struct store_outbox_cancel c = {.tenant = STR("2"), .id = id};
	CHECK_INT(RUN(store_outbox_cancel, &c), ERR_NOT_FOUND);
	struct store_outbox_list l = {.tenant = STR("2"), .limit = 10};
	CHECK_INT(RUN(store_outbox_list, &l), 0);
	CHECK_INT(l.count, 0);
	l.tenant = STR("1");
	CHECK_INT(RUN(store_outbox_list, &l), 0);
	CHECK_INT(l.count, 1);
	l.status = STR("sent");
	CHECK_INT(RUN(store_outbox_list, &l), 0);
	CHECK_INT(l.count, 0);
	end();
}

/* --- broadcasts ------------------------------------------------------------- */

static struct broadcast_recipient people[300];

static struct store_broadcast_add
broadcast_of(size_t count, int64_t rate)
{
	for (size_t i = 0; i < count; i++)
		people[i] = (struct broadcast_recipient){
			.to = arena_printf(&arena, "+9725%08d", (int)i)};
	return (struct store_broadcast_add){.tenant = STR("1"),
		.text = STR("Hello {name}"),
		.rate_per_min = rate,
		.recipients = people,
		.count = count};
}

static int64_t
draft(size_t count, int64_t rate)
{
	struct store_broadcast_add add = broadcast_of(count, rate);

	if (RUN(store_broadcast_add, &add) < 0)
		FAIL("%s", words);
	return add.id;
}

static int
act(int64_t id, const char *name)
{
	struct store_broadcast_act a = {
		.tenant = STR("1"), .id = id, .act = str_of(name)};

	return RUN(store_broadcast_act, &a);
}

static struct broadcast
progress(int64_t id)
{
	struct store_broadcast_list l = {.tenant = STR("1"), .id = id};

	CHECK_INT(RUN(store_broadcast_list, &l), 0);
	return l.rows[0];
}

TEST(a_recipient_is_taken_once_and_a_wrong_one_stops_it)
{
	begin();
	hear_as(LID, JID, "A1");
	struct store_broadcast_add add = broadcast_of(5, 20);
	people[1].to = STR("+972501234567");
	people[2].to = STR(LID); /* the same person */
	people[3].to = STR("nobody");
	CHECK_INT(RUN(store_broadcast_add, &add), ERR_SHAPE);
	CHECK_INT(add.wrong, 1);
	CHECK(people[3].wrong && !people[0].wrong);
	CHECK_INT(number("SELECT count(*) FROM broadcasts"), 0);
	add.skip_wrong = true;
	CHECK_INT(RUN(store_broadcast_add, &add), 0);
	CHECK_INT(add.twice, 1);
	CHECK(people[2].known);
	CHECK_INT(progress(add.id).total, 3);
	CHECK_STR(progress(add.id).status, "draft");
	end();
}

TEST(what_can_be_no_broadcast_is_refused)
{
	begin();
	struct store_broadcast_add add = broadcast_of(2, 0);
	CHECK_INT(RUN(store_broadcast_add, &add), ERR_SHAPE);
	add.rate_per_min = BROADCAST_RATE_MAX + 1;
	CHECK_INT(RUN(store_broadcast_add, &add), ERR_SHAPE);
	add.rate_per_min = 20;
	add.count = 0;
	CHECK_INT(RUN(store_broadcast_add, &add), ERR_SHAPE);
	add.count = 2;
	add.text = STR("{nmae}");
	CHECK_INT(RUN(store_broadcast_add, &add), ERR_SHAPE);
	people[0].to = people[1].to = STR("x");
	add.text = STR("Hello");
	add.skip_wrong = true;
	CHECK_INT(RUN(store_broadcast_add, &add), ERR_SHAPE);
	end();
}

TEST(a_broadcast_keeps_its_pace_however_often_it_is_looked_at)
{
	begin();
	int64_t now = clock_wall_us(), id = draft(100, 20);
	CHECK_INT(look(now + MINUTE).count, 0);
	CHECK_INT(act(id, "start"), 0);
	CHECK_INT(act(id, "start"), 0);
	struct store_outbox_due due = look(now + MINUTE);
	CHECK(due.count >= 18 && due.count <= 20);
	for (size_t i = 1; i < due.count; i++)
		CHECK(due.rows[i].row.slot_us - due.rows[i - 1].row.slot_us ==
			MINUTE / 20);
	note(&due);
	CHECK_INT(progress(id).queued, 20);
	CHECK_INT(progress(id).pending, 80);
	CHECK(look(now + MINUTE).count <= 2);
	CHECK_INT(progress(id).queued, 20);
	look(now + 2 * MINUTE);
	CHECK_INT(progress(id).queued, 40);
	look(now + 60 * INT64_C(60000000));
	CHECK_INT(progress(id).queued, 60); /* no more are given out than may be open */
	end();
}

TEST(a_broadcast_goes_on_beside_those_who_are_held)
{
	begin();
	int64_t far = clock_wall_us() + 60 * INT64_C(60000000), id = draft(100, 20);
	CHECK_INT(act(id, "start"), 0);
	look(far);
	CHECK_INT(progress(id).queued, 60);
	script("UPDATE scheduled_messages SET held_us = 1 WHERE id <= 10");
	look(far);
	CHECK_INT(progress(id).queued, 70);
	end();
}

TEST(a_pause_takes_back_what_is_not_being_sent)
{
	struct store_outbox_keep kept, sending;

	begin();
	int64_t now = clock_wall_us(), id = draft(10, 10);
	CHECK_INT(act(id, "start"), 0);
	struct store_outbox_due due = look(now + MINUTE);
	note(&due);
	CHECK_INT(keep(due.rows[0].row.id, 1, 1, &kept), 0);
	CHECK_INT(keep(due.rows[1].row.id, 1, 1, &sending), 0);
	CHECK_INT(mark(&sending, "sending", NULL), 0);
	CHECK_INT(act(id, "pause"), 0);
	CHECK_INT(act(id, "pause"), 0);
	CHECK_INT(progress(id).pending, 9);
	CHECK_INT(mark(&kept, "sending", NULL), ERR_FENCED);
	CHECK_INT(mark(&sending, "sent", NULL), 0);
	end_as(due.rows[1].row.id, 1, "sent", 0);
	CHECK_INT(progress(id).sent, 1);
	CHECK_INT(look(now + MINUTE).count, 0);

	CHECK_INT(act(id, "resume"), 0);
	due = look(now + 5 * MINUTE);
	CHECK_INT(due.count, 9);
	end();
}

TEST(a_broadcast_is_done_when_all_are_over)
{
	begin();
	int64_t now = clock_wall_us(), id = draft(3, 600);
	CHECK_INT(act(id, "start"), 0);
	struct store_outbox_due due = look(now + MINUTE);
	CHECK_INT(due.count, 3);
	end_as(due.rows[0].row.id, 1, "sent", 0);
	CHECK_INT(cancel(due.rows[1].row.id), 0);
	CHECK_STR(progress(id).status, "running");
	end_as(due.rows[2].row.id, 1, "failed", 0);
	struct broadcast b = progress(id);
	CHECK_STR(b.status, "done");
	CHECK_INT(b.sent, 1);
	CHECK_INT(b.failed, 1);
	CHECK_INT(b.skipped, 1);
	CHECK_INT(act(id, "cancel"), ERR_EXISTS);
	CHECK_INT(act(id, "start"), ERR_EXISTS);
	end();
}

TEST(a_cancelled_broadcast_sends_no_more)
{
	begin();
	int64_t now = clock_wall_us(), id = draft(10, 10);
	CHECK_INT(act(id, "pause"), ERR_EXISTS);
	CHECK_INT(act(id, "start"), 0);
	look(now + MINUTE);
	CHECK_INT(act(id, "cancel"), 0);
	CHECK_INT(look(now + MINUTE).count, 0);
	CHECK_INT(act(id, "resume"), ERR_EXISTS);
	CHECK_INT(act(77, "start"), ERR_NOT_FOUND);
	CHECK_STR(text("SELECT group_concat(action) FROM (SELECT action FROM audit"
		       " WHERE broadcast_id = 1 ORDER BY id)"),
		"broadcast.create,broadcast.start,broadcast.cancel");
	end();
}

UNIT_MAIN
