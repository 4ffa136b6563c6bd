/* SPDX-License-Identifier: MIT */
/* window_test.c: what is marked, held and released around the 24-hour window. */
#include "unit.h"

#include "base/clock.h"
#include "base/err.h"
#include "scratch.h"
#include "store/store_outbox.h"

#define JID     "972501234567@s.whatsapp.net"
#define OTHER   "972501234568@s.whatsapp.net"
#define LID     "71234567890123@lid"
#define HOUR_US INT64_C(3600000000)

static void
begin_on_meta(void)
{
	begin();
	CHECK_INT(put_tenant("1", "gateway", "meta"), 0);
}

static struct store_load
hear(const char *chat, const char *id, int64_t hours_ago)
{
	struct store_load load = {.tenant = STR("1"),
		.provider = STR("meta"),
		.chat = str_of(chat),
		.message_id = str_of(id),
		.job_id = str_of(id),
		.kind = STR("text"),
		.text = STR("hi"),
		.raw = STR("{}"),
		.answerable = true,
		.sent_us = clock_wall_us() - hours_ago * HOUR_US,
		.attempt = 1};

	if (RUN(store_load, &load) < 0)
		FAIL("%s", words);
	return load;
}

/* Keeps an answer of two parts. */
static struct store_keep
answer(const struct store_load *l)
{
	static struct store_reply parts[2];
	struct store_keep k = {.tenant = STR("1"),
		.turn_id = l->turn_id,
		.attempt = l->attempt,
		.inbound_id = l->inbound_id,
		.job_id = l->job_id,
		.answer = {parts, 2}};

	for (size_t i = 0; i < 2; i++)
		parts[i] = (struct store_reply){.text = STR("yes"),
			.key = arena_printf(
				&arena, "3EB0-%.*s-%zu", STR_FMT(l->message_id), i)};
	if (RUN(store_keep, &k) < 0)
		FAIL("%s", words);
	return k;
}

static struct store_mark
mark_of(const struct store_load *l, int64_t reply, const char *status)
{
	return (struct store_mark){.tenant = STR("1"),
		.job_id = l->job_id,
		.attempt = l->attempt,
		.turn_id = l->turn_id,
		.reply_id = reply,
		.status = str_of(status),
		.window_us = 24 * HOUR_US,
		.hold_us = 48 * HOUR_US};
}

static int64_t
add(const char *to, bool unless_reply)
{
	struct store_outbox_add a = {.tenant = STR("1"),
		.to = str_of(to),
		.text = STR("Hello"),
		.unless_reply = unless_reply,
		.due_us = 1};

	CHECK_INT(RUN(store_outbox_add, &a), 0);
	return a.row.id;
}

static int
keep(int64_t id, int64_t round, int64_t attempt, const char *job,
	struct store_outbox_keep *ret)
{
	*ret = (struct store_outbox_keep){.tenant = STR("1"),
		.job_id = str_of(job),
		.id = id,
		.round = round,
		.attempt = attempt,
		.text = STR("Hello"),
		.key = arena_printf(&arena, "3EB0%d", (int)id)};
	return RUN(store_outbox_keep, ret);
}

static int
mark(const struct store_outbox_keep *k, const char *status)
{
	struct store_load as = {
		.job_id = k->job_id, .attempt = k->attempt, .turn_id = k->turn_id};
	struct store_mark m = mark_of(&as, k->message.id, status);
	int r = RUN(store_mark, &m);

	return r < 0 ? r : m.closed;
}

/* One that is held, in round 2 then. */
static int64_t
add_held(const char *to, bool unless_reply)
{
	struct store_outbox_keep k;
	int64_t id = add(to, unless_reply);

	CHECK_INT(keep(id, 1, 3, "job 1", &k), 0);
	CHECK_INT(mark(&k, "sending"), 1);
	CHECK_INT(mark(&k, "held"), 0);
	return id;
}

static struct outbox_row
get(int64_t id)
{
	struct store_outbox_get g = {.tenant = STR("1"), .id = id};

	CHECK_INT(RUN(store_outbox_get, &g), 0);
	return g.row;
}

TEST(the_window_is_open_for_a_day_after_the_customers_last_message)
{
	static const struct {
		int64_t hours_ago, window_us;
		bool closed;
	} rows[] = {{0, 24 * HOUR_US, false}, {23, 24 * HOUR_US, false},
		{25, 24 * HOUR_US, true}, {25, 0, false},
		{-5, 24 * HOUR_US, false}}; /* his clock goes fast */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin_on_meta();
		struct store_load l = hear(JID, "A1", rows[i].hours_ago);
		struct store_keep k = answer(&l);
		struct store_mark m = mark_of(&l, k.reply.parts[0].id, "sending");

		m.window_us = rows[i].window_us;
		CHECK_INT(RUN(store_mark, &m), 0);
		CHECK_INT(m.closed, rows[i].closed);
		CHECK_STR(text("SELECT status FROM messages WHERE part = 1"
			       " AND direction = 'out'"),
			rows[i].closed ? "pending" : "sending");
		end();
	}
}

TEST(what_was_written_by_another_way_opens_no_window)
{
	begin_on_meta();
	struct store_load l = hear(JID, "A1", 0);
	struct store_keep k = answer(&l);
	struct store_mark m = mark_of(&l, k.reply.parts[0].id, "sending");

	CHECK_INT(put_tenant("1", "gateway", "baileys"), 0);
	CHECK_INT(RUN(store_mark, &m), 0);
	CHECK(m.closed);
	end();
}

TEST(who_never_wrote_has_no_window)
{
	struct store_outbox_keep k;

	begin_on_meta();
	hear(OTHER, "A1", 0);
	int64_t id = add(JID, false);
	CHECK_INT(keep(id, 1, 1, "job 1", &k), 0);
	CHECK_INT(mark(&k, "sending"), 1);
	end();
}

TEST(a_message_is_held_once_and_for_no_longer_than_agreed)
{
	struct store_outbox_keep k;

	begin_on_meta();
	int64_t id = add_held(JID, false);
	struct outbox_row row = get(id);
	CHECK_STR(row.status, "waiting");
	CHECK_STR(row.reason, "window");
	CHECK_INT(row.round, 2);
	CHECK(row.message_id > 0);
	CHECK_INT(row.due_us, row.held_us + 48 * HOUR_US);
	CHECK_STR(text("SELECT status || reason FROM messages"), "pendingwindow");
	CHECK_STR(text("SELECT state FROM turns"), "kept");

	CHECK_INT(keep(id, 2, 1, "job 2", &k), 0);
	CHECK_INT(k.message.id, row.message_id);
	CHECK_INT(mark(&k, "held"), 0);
	CHECK_INT(get(id).due_us, row.due_us);
	CHECK_INT(get(id).round, 3);
	CHECK_INT(number("SELECT count(*) FROM scheduled_messages"), 1);
	end();
}

TEST(the_job_that_held_a_message_leads_its_turn_no_more)
{
	struct store_outbox_keep late, next;

	begin_on_meta();
	int64_t id = add(JID, false);
	CHECK_INT(keep(id, 1, 3, "job 1", &late), 0);
	CHECK_INT(mark(&late, "held"), 0);
	CHECK_INT(mark(&late, "sent"), ERR_FENCED);
	hear(JID, "A1", 0);
	CHECK_INT(keep(id, 3, 1, "job 2", &next), 0);
	CHECK_INT(mark(&next, "sending"), 0);
	CHECK_INT(mark(&late, "sent"), ERR_FENCED);
	CHECK_INT(mark(&next, "sent"), 0);
	CHECK_STR(text("SELECT state FROM turns ORDER BY id LIMIT 1"), "done");
	end();
}

TEST(a_later_attempt_of_the_same_job_fences_an_earlier_one)
{
	struct store_outbox_keep k;

	begin_on_meta();
	int64_t id = add(JID, false);
	CHECK_INT(keep(id, 1, 3, "job 1", &k), 0);
	CHECK_INT(keep(id, 1, 2, "job 1", &k), ERR_FENCED);
	end();
}

TEST(the_customer_and_nobody_else_releases_what_waits_for_him)
{
	begin_on_meta();
	int64_t id = add_held(JID, false);

	CHECK_INT(hear(OTHER, "A1", 0).released, 0);
	CHECK(get(id).held_us > 0);
	CHECK_INT(hear(JID, "A2", 0).released, 1);
	struct outbox_row row = get(id);
	CHECK_INT(row.held_us, 0);
	CHECK_INT(row.round, 3);
	CHECK(row.due_us <= clock_wall_us());
	CHECK(!row.reason.p);
	CHECK_INT(hear(JID, "A3", 0).released, 0);
	CHECK_INT(get(id).round, 3);
	end();
}

TEST(under_another_name_he_is_the_same_customer)
{
	begin_on_meta();
	struct store_load l = {.tenant = STR("1"),
		.provider = STR("meta"),
		.chat = STR(LID),
		.phone = STR(JID),
		.message_id = STR("A0"),
		.job_id = STR("A0"),
		.kind = STR("text"),
		.raw = STR("{}"),
		.sent_us = clock_wall_us() - 30 * HOUR_US,
		.attempt = 1};
	CHECK_INT(RUN(store_load, &l), 0);
	add_held(LID, false);
	CHECK_INT(hear(JID, "A1", 0).released, 1);
	end();
}

TEST(what_is_only_for_silence_is_called_off_by_his_words)
{
	begin_on_meta();
	int64_t id = add_held(JID, true), other = add_held(JID, false);

	CHECK_INT(hear(JID, "A1", 0).released, 1);
	CHECK_STR(get(id).status, "cancelled");
	CHECK_STR(get(id).reason, "reply");
	CHECK_INT(get(id).held_us, 0);
	CHECK_STR(text("SELECT status || reason FROM messages WHERE id = (SELECT"
		       " message_id FROM scheduled_messages WHERE unless_reply = 1)"),
		"failedreply");
	CHECK_INT(number("SELECT count(*) FROM turns WHERE state = 'kept'"), 1);
	CHECK_STR(get(other).status, "waiting");
	end();
}

TEST(an_answer_that_is_held_gets_a_row_for_each_part_that_is_left)
{
	begin_on_meta();
	struct store_load l = hear(JID, "A1", 30);
	struct store_keep k = answer(&l);
	for (int i = 0; i < 2; i++) {
		struct store_mark m = mark_of(&l, k.reply.parts[0].id, "held");
		CHECK_INT(RUN(store_mark, &m), i == 0 ? 0 : ERR_FENCED);
	}
	CHECK_STR(text("SELECT group_concat(who || ' ' || message_id || ' ' || status"
		       " || ' ' || (due_us > held_us), ', ') FROM scheduled_messages"),
		"+972501234567 2 waiting 1, +972501234567 3 waiting 1");

	struct store_load again = l;
	again.attempt = 1;
	CHECK_INT(RUN(store_load, &again), 0); /* the webhook comes again */
	CHECK_INT(again.state, TURN_KEPT);
	struct store_mark m = mark_of(&again, k.reply.parts[0].id, "held");
	CHECK_INT(RUN(store_mark, &m), 0);
	CHECK_INT(number("SELECT count(*) FROM scheduled_messages"), 2);
	CHECK_INT(hear(JID, "A2", 0).released, 2);
	end();
}

TEST(a_part_that_was_sent_is_not_held)
{
	begin_on_meta();
	struct store_load l = hear(JID, "A1", 30);
	struct store_keep k = answer(&l);
	struct store_mark sent = mark_of(&l, k.reply.parts[0].id, "sent"),
			  held = mark_of(&l, k.reply.parts[1].id, "held");
	CHECK_INT(RUN(store_mark, &sent), 0);
	CHECK_INT(RUN(store_mark, &held), 0);
	CHECK_INT(number("SELECT count(*) FROM scheduled_messages"), 1);
	CHECK_STR(text("SELECT group_concat(status) FROM messages"
		       " WHERE direction = 'out'"),
		"sent,pending");
	end();
}

TEST(a_part_that_was_held_and_sent_stays_sent_when_the_next_is_held_again)
{
	struct store_outbox_keep first, second;

	begin_on_meta();
	struct store_load l = hear(JID, "A1", 30);
	struct store_keep k = answer(&l);
	struct store_mark held = mark_of(&l, k.reply.parts[0].id, "held");
	CHECK_INT(RUN(store_mark, &held), 0);
	int64_t id = number("SELECT min(id) FROM scheduled_messages");
	CHECK_INT(keep(id, get(id).round, 1, "job 1", &first), 0);
	CHECK_INT(mark(&first, "sent"), 0); /* its time was up: as a template */
	struct store_outbox_end e = {.tenant = STR("1"),
		.id = id,
		.round = get(id).round,
		.status = STR("sent")};
	CHECK_INT(RUN(store_outbox_end, &e), 0);

	CHECK_INT(hear(JID, "A2", 0).released, 1);
	id = number("SELECT max(id) FROM scheduled_messages");
	CHECK_INT(keep(id, get(id).round, 1, "job 2", &second), 0);
	CHECK_INT(mark(&second, "held"), 0); /* WhatsApp's clock is not ours */
	CHECK_STR(text("SELECT group_concat(status) FROM messages"
		       " WHERE direction = 'out'"),
		"sent,pending");
	end();
}

TEST(what_is_held_can_be_cancelled_and_is_no_part_of_what_was_said)
{
	begin_on_meta();
	int64_t id = add_held(JID, false);
	struct store_outbox_cancel c = {.tenant = STR("1"), .id = id};
	struct store_load l = hear(OTHER, "A1", 0);

	CHECK_INT(l.history_count, 0);
	CHECK_INT(RUN(store_outbox_cancel, &c), 0);
	CHECK_INT(hear(JID, "A2", 0).released, 0);
	CHECK_STR(get(id).status, "cancelled");
	CHECK_STR(
		text("SELECT status FROM messages WHERE direction = 'out'"), "failed");
	end();
}

TEST(a_receipt_proves_that_what_is_to_be_held_was_sent)
{
	struct store_outbox_keep k;
	struct store_receipt r = {.tenant = STR("1"),
		.provider = STR("meta"),
		.chat = STR(JID),
		.status = STR("delivered")};

	begin_on_meta();
	int64_t id = add(JID, false);
	CHECK_INT(keep(id, 1, 1, "job 1", &k), 0);
	struct store_load as = {.job_id = k.job_id, .attempt = 1, .turn_id = k.turn_id};
	struct store_mark m = mark_of(&as, k.message.id, "sending");
	m.window_us = 0;
	CHECK_INT(RUN(store_mark, &m), 0);
	r.message_id = k.message.key;
	CHECK_INT(RUN(store_receipt, &r), 0);
	m.status = STR("held");
	CHECK_INT(RUN(store_mark, &m), 0);
	CHECK(m.proven);
	CHECK_STR(get(id).status, "waiting");
	CHECK_INT(get(id).held_us, 0);
	end();
}

UNIT_MAIN
