/* SPDX-License-Identifier: MIT */
/* updates_test.c: receipts, edits, revokes, reactions and quotes, in every order. */
#include "unit.h"

#include "scratch.h"

#include "base/err.h"

#define CHAT  "972501234567@s.whatsapp.net"
#define GROUP "120363000000000001@g.us"

/* What the customer writes; kind and target are those of an edit and the like. */
static struct store_load
message(const char *id, const char *kind, const char *said, const char *target)
{
	struct store_load l = written(id, CHAT, said);

	l.answerable = str_eqz(str_of(kind), "text");
	l.debounce_ms = 1000;
	l.kind = str_of(kind);
	l.target = str_of(target);
	return l;
}

static struct store_load
came(const char *id, const char *kind, const char *said, const char *target)
{
	struct store_load l = message(id, kind, said, target);

	if (RUN(store_load, &l) < 0)
		FAIL("%s: %s", id, words);
	return l;
}

static struct store_load
wrote(const char *id)
{
	return came(id, "text", id, NULL);
}

static struct store_load
from_phone(const char *id, const char *kind, const char *said, const char *target)
{
	struct store_load l = message(id, kind, said, target);

	l.from_me = true;
	l.answerable = false;
	if (RUN(store_load, &l) < 0)
		FAIL("%s: %s", id, words);
	return l;
}

static struct store_keep
kept(const struct store_load *l, const char *key)
{
	struct store_reply part = {.text = STR("reply"), .key = str_of(key)};
	struct store_keep k = {.turn_id = l->turn_id,
		.attempt = l->attempt,
		.inbound_id = l->inbound_id,
		.tenant = STR("1"),
		.answer = {&part, 1}};

	CHECK_INT(RUN(store_keep, &k), 0);
	return k;
}

static struct store_mark
mark(const struct store_keep *k, const char *status, const char *id)
{
	struct store_mark m = {.turn_id = k->turn_id,
		.reply_id = k->reply.parts[0].id,
		.attempt = k->attempt,
		.tenant = STR("1"),
		.status = str_of(status),
		.reason = str_of(strcmp(status, "failed") ? NULL : "ambiguous"),
		.provider_message_id = str_of(id)};

	if (RUN(store_mark, &m) < 0)
		FAIL("%s: %s", status, words);
	return m;
}

/* A reply that is being sent, with key K1. */
static struct store_keep
sending(void)
{
	struct store_load l = wrote("M1");
	struct store_keep k = kept(&l, "K1");

	mark(&k, "sending", NULL);
	return k;
}

static struct store_receipt
receipt_at(const char *id, const char *status, int64_t at_us)
{
	struct store_receipt r = {.tenant = STR("1"),
		.provider = STR("baileys"),
		.chat = STR(CHAT),
		.message_id = str_of(id),
		.status = str_of(status),
		.reason =
			str_of(strcmp(status, "failed") ? NULL : "whatsapp: error 463"),
		.at_us = at_us};

	CHECK_INT(RUN(store_receipt, &r), 0);
	return r;
}

static struct store_receipt
receipt(const char *id, const char *status)
{
	return receipt_at(id, status, 0);
}

#define REPLY   " FROM messages WHERE source = 'bot'"
#define ROW(id) " FROM messages WHERE provider_message_id = '" id "'"

/* --- receipts --------------------------------------------------------------- */

/* Our own "sent", and WhatsApp's four words. */
static const char *const said[] = {"mark", "sent", "delivered", "read", "failed"};

static void
apply(const struct store_keep *k, const char *word)
{
	if (strcmp(word, "mark") == 0)
		mark(k, "sent", "K1");
	else
		receipt("K1", word);
}

/* The highest of a set of words, whatever their order. */
static const char *
outcome(const int *order, int n)
{
	static const int rank[] = {1, 1, 3, 4, 2};
	static const char *const names[] = {
		"sending", "sent", "failed", "delivered", "read"};
	int best = 0;

	for (int i = 0; i < n; i++)
		best = rank[order[i]] > best ? rank[order[i]] : best;
	return names[best];
}

static void
check_order(const int *order, int n)
{
	begin();
	struct store_keep k = sending();
	for (int i = 0; i < n; i++) {
		apply(&k, said[order[i]]);
		if (!str_eqz(text("SELECT status" REPLY), outcome(order, i + 1)))
			FAIL("%d: %s after %s, not %s", i,
				text("SELECT status" REPLY).p, said[order[i]],
				outcome(order, i + 1));
	}
	CHECK_STR(text("SELECT state FROM turns"), "done");
	CHECK_STR(text("SELECT provider_message_id" REPLY), "K1");
	CHECK_INT(number("SELECT (status = 'failed') = (reason IS NOT NULL)" REPLY), 1);
	end();
}

/* Each order of each choice of n words, used[] telling which are taken. */
static void
each_order(int *order, int n, int at, unsigned used)
{
	if (at == n) {
		check_order(order, n);
		return;
	}
	for (int i = 0; i < (int)ARRAY_LEN(said); i++) {
		if (used & 1u << i)
			continue;
		order[at] = i;
		each_order(order, n, at + 1, used | 1u << i);
	}
}

TEST(a_status_only_rises_in_whatever_order_receipts_come)
{
	int order[ARRAY_LEN(said)];

	each_order(order, ARRAY_LEN(said), 0, 0);
}

TEST(a_receipt_tells_when_and_the_first_time_counts)
{
	begin();
	struct store_keep k = sending();
	mark(&k, "sent", "K1");
	CHECK(receipt_at("K1", "read", 3000).changed);
	CHECK(receipt_at("K1", "delivered", 2000).changed);
	CHECK(!receipt_at("K1", "delivered", 2000).changed);
	CHECK(!receipt_at("K1", "delivered", 9000).changed);
	CHECK(receipt_at("K1", "read", 2500).changed); /* of another phone */
	CHECK_STR(text("SELECT status || delivered_us || ' ' || read_us" REPLY),
		"read2000 2500");
	CHECK(!receipt("K1", "failed").changed);
	CHECK(!receipt("K1", "sent").changed);
	end();
}

TEST(a_receipt_of_a_message_that_is_not_known_changes_nothing)
{
	begin();
	struct store_keep k = sending();
	CHECK_INT(receipt("K2", "read").row_id, 0);
	CHECK_INT(receipt("M1", "read").row_id, 0); /* the customer's own */
	struct store_receipt other = {.tenant = STR("1"),
		.provider = STR("baileys"),
		.chat = STR("972509999999@s.whatsapp.net"),
		.message_id = STR("P1"),
		.status = STR("read")};
	mark(&k, "sent", "P1");
	CHECK_INT(RUN(store_receipt, &other), 0);
	CHECK_INT(other.row_id, 0);
	CHECK_STR(text("SELECT status" REPLY), "sent");
	CHECK_INT(number("SELECT count(*) FROM conversations"), 1);
	end();
}

TEST(a_receipt_that_comes_before_our_own_sent_proves_it)
{
	begin();
	struct store_keep k = sending();
	CHECK(receipt("K1", "delivered").changed);
	struct store_load again = message("M1", "text", "M1", NULL);
	again.attempt = 2;
	CHECK_INT(RUN(store_load, &again), 0);
	CHECK_INT(again.state, TURN_DONE); /* and nobody doubts it */
	CHECK_STR(text("SELECT status" REPLY), "delivered");
	CHECK(number("SELECT sent_us > 0" REPLY));
	k.attempt = 2;
	CHECK(!mark(&k, "sent", "K1").op.err);
	CHECK_STR(text("SELECT status" REPLY), "delivered");
	end();
}

TEST(who_gives_a_proven_reply_up_is_told)
{
	static const char *const proofs[] = {"receipt", "echo"};

	for (size_t i = 0; i < ARRAY_LEN(proofs); i++) {
		begin();
		struct store_keep k = sending();
		if (i == 0)
			receipt("K1", "sent");
		else
			from_phone("K1", "text", "reply", NULL);
		CHECK(mark(&k, "failed", NULL).proven);
		CHECK(mark(&k, "pending", NULL).proven);
		CHECK_STR(text("SELECT status" REPLY), "sent");
		CHECK_INT(number("SELECT reason IS NULL" REPLY), 1);
		CHECK_STR(text("SELECT state FROM turns"), "done");
		end();
	}
}

TEST(a_part_that_is_proven_leaves_the_next_to_be_sent)
{
	begin();
	struct store_load l = wrote("M1");
	struct store_reply parts[] = {{.text = STR("one"), .key = STR("K1")},
		{.text = STR("two"), .key = STR("K2")}};
	struct store_keep k = {.turn_id = l.turn_id,
		.attempt = 1,
		.inbound_id = l.inbound_id,
		.tenant = STR("1"),
		.answer = {parts, 2}};
	CHECK_INT(RUN(store_keep, &k), 0);
	mark(&k, "sending", NULL);
	receipt("K1", "delivered");
	CHECK(mark(&k, "failed", NULL).proven);
	CHECK_STR(text("SELECT state FROM turns"), "sending");
	CHECK_STR(text("SELECT group_concat(status) FROM (SELECT status" REPLY
		       " ORDER BY id)"),
		"delivered,pending");
	receipt("K2", "sent");
	CHECK_STR(text("SELECT state FROM turns"), "done");
	end();
}

TEST(a_doubtful_reply_is_sent_when_a_receipt_comes_late)
{
	begin();
	struct store_keep k = sending();
	CHECK(!mark(&k, "failed", NULL).proven);
	CHECK_STR(text("SELECT status || reason" REPLY), "failedambiguous");
	CHECK(receipt("K1", "sent").changed);
	CHECK_STR(text("SELECT status" REPLY), "sent");
	CHECK_INT(number("SELECT reason IS NULL" REPLY), 1);
	end();
}

TEST(receipts_and_quotes_of_an_echo_become_those_of_the_reply)
{
	begin();
	struct store_keep k = sending();
	from_phone("P1", "text", "reply", NULL); /* the gateway's own id, unknown yet */
	receipt_at("P1", "delivered", 2000);
	came("M2", "text", "which one?", "P1");
	mark(&k, "sent", "P1");
	CHECK_STR(text("SELECT status || delivered_us" REPLY), "delivered2000");
	CHECK_INT(number("SELECT count(*) FROM messages WHERE source = 'human'"), 0);
	CHECK_INT(number("SELECT reply_to" ROW("M2")), k.reply.parts[0].id);
	end();
}

TEST(a_message_of_a_person_on_the_phone_has_receipts_too)
{
	begin();
	wrote("M1");
	from_phone("H1", "text", "here I am", NULL);
	CHECK(receipt("H1", "read").changed);
	CHECK_STR(text("SELECT status" ROW("H1")), "read");
	CHECK_STR(text("SELECT state FROM turns WHERE seq = 1"), "open");
	end();
}

/* --- edits and revokes ------------------------------------------------------ */

TEST(an_edit_changes_what_is_said_in_the_open_turn)
{
	begin();
	struct store_load first = wrote("M1");
	wrote("M2");
	struct store_load edit = came("E1", "edit", "M1, corrected", "M1");
	CHECK_INT(edit.state, TURN_DONE);
	CHECK_INT(edit.changed_turn, first.turn_id);
	CHECK_INT(edit.text_count, 2);
	CHECK_STR(edit.texts[0].text, "M1, corrected");
	CHECK_STR(edit.texts[1].text, "M2");
	CHECK_INT(number("SELECT edited_us > 0" ROW("M1")), 1);
	CHECK_STR(text("SELECT kind" ROW("M1")), "text");
	CHECK_INT(number("SELECT reply_to" ROW("E1")), first.inbound_id);

	struct store_load again = message("E1", "edit", "M1, corrected", "M1");
	CHECK_INT(RUN(store_load, &again), 0); /* a crash: the same job once more */
	CHECK_INT(again.changed_turn, first.turn_id);
	CHECK_INT(again.text_count, 2);
	end();
}

TEST(a_revoke_takes_the_words_out_of_turn_and_history)
{
	begin();
	wrote("M1");
	struct store_load second = wrote("M2");
	struct store_load revoke = came("R1", "revoke", NULL, "M1");
	CHECK_INT(revoke.text_count, 1);
	CHECK_STR(revoke.texts[0].text, "M2");
	CHECK_INT(number("SELECT revoked_us > 0 AND body IS NULL AND kind = 'text' "
			 "AND raw IS NOT NULL" ROW("M1")),
		1);
	second = wrote("M2");
	struct store_keep k = kept(&second, "K1");
	mark(&k, "sending", NULL);
	mark(&k, "sent", "K1");
	came("R2", "revoke", NULL, "M2");
	came("E3", "edit", "too late", "M2"); /* nothing comes after a revoke */
	struct store_load third = wrote("M3");
	CHECK_INT(third.history_count, 1);
	CHECK_STR(third.history[0].text, "reply");
	end();
}

TEST(a_turn_that_was_taken_back_gets_no_reply)
{
	begin();
	struct store_load l = wrote("M1");
	struct store_load revoke = came("R1", "revoke", NULL, "M1");
	CHECK_INT(revoke.changed_turn, l.turn_id);
	CHECK_INT(revoke.text_count, 0);
	CHECK_INT(kept(&l, "K1").reply.count, 0);
	CHECK_INT(number("SELECT count(*) FROM turns WHERE state <> 'done'"), 0);

	struct store_load both = wrote("M2");
	wrote("M3");
	came("R2", "revoke", NULL, "M2");
	CHECK(kept(&both, "K2").reply.count > 0); /* something is left to answer */
	end();
}

TEST(an_edit_of_an_answered_message_is_only_recorded)
{
	begin();
	struct store_load l = wrote("M1");
	kept(&l, "K1");
	struct store_load edit = came("E1", "edit", "new", "M1");
	CHECK_INT(edit.changed_turn, 0);
	CHECK_STR(text("SELECT body" ROW("M1")), "new");
	end();
}

TEST(an_edit_stands_in_the_history_where_its_message_stands)
{
	begin();
	struct store_load l = wrote("M1");
	struct store_keep k = kept(&l, "K1");
	mark(&k, "sending", NULL);
	mark(&k, "sent", "K1");
	came("E1", "edit", "M1, corrected", "M1");
	came("E2", "edit", "of what we never saw", "M0");
	from_phone("E3", "edit", "reply, corrected", "K1");
	struct store_load next = wrote("M2");
	CHECK_INT(next.history_count, 3);
	CHECK_STR(next.history[0].text, "M1, corrected");
	CHECK_STR(next.history[1].text, "reply, corrected");
	CHECK_STR(next.history[2].text, "of what we never saw");
	end();
}

/* A message, two edits and a revoke of it in all orders, by bits of `which`. */
static void
check_changes(const int *order, int n)
{
	static const char *const ids[] = {"M1", "E1", "E2", "R1"};
	static const char *const kinds[] = {"text", "edit", "edit", "revoke"};
	bool revoked = false;

	begin();
	for (int i = 0; i < n; i++) {
		int w = order[i];
		struct store_load l =
			message(ids[w], kinds[w], ids[w], w ? "M1" : NULL);

		l.sent_us = 1000 * (w + 1);
		l.text = w == 3 ? (struct str){NULL, 0} : l.text;
		revoked |= w == 3;
		CHECK_INT(RUN(store_load, &l), 0);
	}
	if (revoked)
		CHECK_INT(number("SELECT body IS NULL AND revoked_us = 4000" ROW("M1")),
			1);
	else
		CHECK_STR(text("SELECT body || edited_us" ROW("M1")), "E23000");
	CHECK_INT(number("SELECT count(*) FROM messages WHERE reply_to IS NULL"), 1);
	end();
}

TEST(edits_and_revokes_may_come_in_any_order_and_before_their_message)
{
	static const int edits[][3] = {
		{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		check_changes(edits[i], 3);
		for (int at = 0; at <= 3; at++) { /* and the revoke at each place */
			int order[4];

			for (int j = 0; j < 4; j++)
				order[j] = j == at ? 3 : edits[i][j - (j > at)];
			check_changes(order, 4);
		}
	}
}

TEST(an_edit_that_cant_be_read_leaves_the_words_alone)
{
	begin();
	wrote("M1");
	came("E1", "edit", NULL, "M1");
	CHECK_INT(number("SELECT body = 'M1' AND edited_us IS NULL" ROW("M1")), 1);
	end();
}

TEST(nobody_changes_what_the_other_side_said)
{
	begin();
	struct store_keep k = sending();
	mark(&k, "sent", "K1");
	came("E1", "edit", "I never said that", "K1");
	came("R1", "revoke", NULL, "K1");
	from_phone("E2", "edit", "you never said that", "M1");
	CHECK_STR(text("SELECT body" REPLY), "reply");
	CHECK_STR(text("SELECT body" ROW("M1")), "M1");

	struct store_load elsewhere = message("E3", "edit", "elsewhere", "M1");
	elsewhere.chat = STR("972509999999@s.whatsapp.net");
	CHECK_INT(RUN(store_load, &elsewhere), 0);
	CHECK_INT(elsewhere.changed_turn, 0);
	CHECK_STR(text("SELECT body" ROW("M1")), "M1");
	end();
}

TEST(in_a_group_only_its_author_edits_a_message)
{
	begin();
	for (int first = 0; first < 2; first++) { /* which comes first */
		for (int i = 0; i < 3; i++) {
			bool edits = (i == 0) != (first == 0) || i == 2;
			struct store_load l = message(
				edits ? (i == 2 ? "E2" : "E1") : "G1",
				edits ? "edit" : "text", i == 2 ? "mine" : "theirs",
				edits ? "G1" : NULL);

			l.chat = first ? STR("1203-1@g.us") : STR(GROUP);
			l.answerable = false;
			l.participant = edits && i < 2 ? STR("2@lid") : STR("1@lid");
			if (!edits)
				l.text = STR("original");
			CHECK_INT(RUN(store_load, &l), 0);
			if (i == 1)
				CHECK_STR(text("SELECT body" ROW(
						  "G1") " ORDER BY id DESC"),
					"original");
		}
		CHECK_STR(text("SELECT body" ROW("G1") " ORDER BY id DESC"), "mine");
	}
	end();
}

TEST(a_person_on_the_phone_edits_and_revokes_what_the_bot_sent)
{
	begin();
	sending();
	from_phone("E1", "edit", "reply, corrected", "K1");
	CHECK_STR(text("SELECT status || body" REPLY), "sentreply, corrected");
	CHECK_STR(text("SELECT state FROM turns WHERE seq = 1"), "done");
	from_phone("R1", "revoke", NULL, "K1");
	CHECK_INT(number("SELECT body IS NULL AND revoked_us > 0" REPLY), 1);
	end();
}

TEST(a_message_whose_stub_came_first_gets_its_edit)
{
	begin();
	struct store_load stub = message("M1", "undecrypted", NULL, NULL);
	CHECK_INT(RUN(store_load, &stub), 0);
	came("E1", "edit", "corrected", "M1");
	struct store_load l = wrote("M1");
	CHECK_INT(l.state, TURN_OPEN);
	CHECK_INT(l.text_count, 1);
	CHECK_STR(l.texts[0].text, "corrected");
	end();
}

/* --- reactions and quotes --------------------------------------------------- */

static struct store_load
reacted(const char *id, const char *emoji, const char *said_of_it)
{
	struct store_load l = message(id, "reaction", said_of_it, "K1");

	l.emoji = str_of(emoji);
	CHECK_INT(RUN(store_load, &l), 0);
	return l;
}

TEST(a_person_has_one_reaction_to_a_message)
{
	begin();
	struct store_keep k = sending();
	mark(&k, "sent", "K1");
	reacted("V1", "+1", "[reaction: +1]");
	CHECK_INT(number("SELECT reply_to" ROW("V1")), k.reply.parts[0].id);
	CHECK_STR(text("SELECT emoji" ROW("V1")), "+1");
	from_phone("V2", "reaction", "[reaction: ours]", "K1");
	reacted("V3", "-1", "[reaction: -1]");
	struct store_load l = wrote("M2");
	CHECK_INT(l.history_count, 4);
	CHECK_STR(l.history[2].text, "[reaction: ours]");
	CHECK_STR(l.history[3].text, "[reaction: -1]");
	reacted("V4", "", NULL);
	CHECK_INT(number("SELECT count(*) FROM messages WHERE kind = 'reaction'"
			 " AND body IS NOT NULL"),
		1);
	CHECK_STR(text("SELECT emoji || 'none'" ROW("V4")), "none");
	end();
}

static struct store_load
quoting(const char *id, const char *target, const char *quoted)
{
	struct store_load l = message(id, "text", id, target);

	l.quoted = str_of(quoted);
	CHECK_INT(RUN(store_load, &l), 0);
	return l;
}

TEST(what_a_text_quotes_is_given_with_it)
{
	begin();
	struct store_keep k = sending();
	mark(&k, "sent", "K1");
	quoting("M2", "K1", "reply as they have it");
	quoting("M3", "OLD", "of before our time");
	struct store_load l = quoting("M4", "M2", "M2");
	CHECK_INT(l.text_count, 3);
	CHECK_STR(l.texts[0].quoted, "reply");
	CHECK_STR(l.texts[1].quoted, "of before our time");
	CHECK_STR(l.texts[2].quoted, "M2");
	CHECK_INT(number("SELECT reply_to" ROW("M2")), k.reply.parts[0].id);
	CHECK_INT(number("SELECT quoted_text IS NULL" ROW("M2")), 1);

	came("R1", "revoke", NULL, "M2"); /* what was taken back is not told again */
	l = wrote("M5");
	CHECK_INT(l.text_count, 3);
	CHECK_STR(l.texts[0].text, "M3");
	CHECK(!l.texts[1].quoted.p);
	CHECK(!l.texts[2].quoted.p);
	end();
}

TEST(a_quoted_message_may_come_later)
{
	begin();
	quoting("M2", "M1", "what they say M1 is");
	wrote("M1");
	struct store_load l = wrote("M3");
	CHECK_STR(l.texts[0].quoted, "M1");
	end();
}

UNIT_MAIN
