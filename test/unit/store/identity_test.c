/* SPDX-License-Identifier: MIT */
/* identity_test.c: who wrote, under which name, and what becomes of two who are one.
 *
 * Operations run as a command's do, without a loop, but for the tests of two stores at
 * once.  number() and text() read through a connection of their own. */
#include "unit.h"
#include "wait.h"

#include "base/err.h"
#include "schema.h"
#include "scratch.h"

#define LID   "71234567890123@lid"
#define JID   "972501234567@s.whatsapp.net"
#define PHONE "+972501234567"

static struct store_load
came(const char *id, const char *chat, const char *lid, const char *phone)
{
	struct store_load l = written(id, chat, id);

	l.lid = str_of(lid);
	l.phone = str_of(phone);
	CHECK_INT(RUN(store_load, &l), 0);
	return l;
}

static struct store_load
from(const char *id, const char *chat)
{
	return came(id, chat, NULL, NULL);
}

/* A message that says of two names that they are one person's. */
static int64_t
link_by(const char *id)
{
	return came(id, LID, NULL, JID).merge_id;
}

static int
unmerge(int64_t id)
{
	struct store_unmerge u = {.tenant = STR("1"), .merge_id = id};

	return RUN(store_unmerge, &u);
}

static struct str
identities(void)
{
	return text(
		"SELECT group_concat(kind || '=' || value || '>' || contact_id, ' ')"
		" FROM (SELECT * FROM contact_identities ORDER BY tenant_id,"
		" contact_id, kind, value)");
}

/* --- names ---------------------------------------------------------------- */

TEST(a_lid_alone_is_a_contact_without_phone)
{
	begin();
	from("M1", LID);
	CHECK_STR(identities(), "lid=" LID ">1");
	from("M2", "71234567890123:4@lid");
	from("M3", "71234567890123:99@hosted.lid");
	CHECK_STR(identities(), "lid=" LID ">1");
	CHECK_INT(number("SELECT count(*) FROM conversations"), 1);
	end();
}

TEST(a_message_with_both_names_links_them)
{
	begin();
	came("M1", LID, NULL, JID);
	CHECK_STR(identities(), "jid=" JID ">1 lid=" LID ">1 phone=" PHONE ">1");
	from("M2", JID);
	from("M3", LID);
	from("M4", "972501234567:3@c.us");
	from("M5", "972501234567:99@hosted");
	CHECK_INT(number("SELECT count(*) FROM contacts"), 1);
	CHECK_INT(number("SELECT count(DISTINCT conversation_id) FROM messages"), 1);
	end();
}

TEST(the_other_name_may_be_the_lid)
{
	begin();
	came("M1", JID, LID, NULL);
	CHECK_STR(identities(), "jid=" JID ">1 lid=" LID ">1 phone=" PHONE ">1");
	end();
}

TEST(a_known_contact_learns_its_other_name)
{
	begin();
	from("M1", LID);
	struct store_load l = came("M2", LID, NULL, JID);
	CHECK_INT(l.merge_id, 0);
	CHECK_STR(identities(), "jid=" JID ">1 lid=" LID ">1 phone=" PHONE ">1");
	CHECK_INT(from("M3", JID).conversation_id, l.conversation_id);
	end();
}

TEST(a_phone_as_written_is_read_by_the_tenants_country)
{
	begin();
	came("M1", LID, NULL, "050-123 45 67");
	CHECK_STR(identities(), "lid=" LID ">1");
	CHECK_INT(put_tenant("1", "country", "IL"), 0);
	came("M2", LID, NULL, "050-123 45 67");
	CHECK_STR(identities(), "lid=" LID ">1 phone=" PHONE ">1");
	from("M3", JID);
	CHECK_INT(number("SELECT count(*) FROM contacts"), 1);
	end();
}

TEST(the_digits_of_a_lid_are_no_phone_wherever_they_stand)
{
	begin();
	CHECK_INT(put_tenant("1", "country", "IL"), 0);
	came("M1", JID, "972521234567", NULL);
	came("M2", "972531234567@s.whatsapp.net", NULL, "972521234567@lid");
	CHECK_INT(
		number("SELECT count(*) FROM contact_identities WHERE kind = 'phone'"),
		2);
	CHECK_INT(number("SELECT count(*) FROM contact_identities"
			 " WHERE value = '+972521234567'"),
		0);
	end();
}

TEST(one_message_gives_one_lid_and_one_phone)
{
	begin();
	came("M1", LID, "9@lid", JID);
	came("M2", JID, NULL, "972509999999@s.whatsapp.net");
	CHECK_STR(identities(), "jid=" JID ">1 lid=" LID ">1 phone=" PHONE ">1");
	end();
}

TEST(names_in_an_echo_may_be_our_own_and_link_nothing)
{
	begin();
	struct store_load l = written("M1", LID, "M1");
	l.from_me = true;
	l.phone = STR(JID);
	l.lid = STR("5@lid");
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_STR(identities(), "lid=" LID ">1");
	end();
}

TEST(a_group_is_not_its_writer)
{
	static const char *const chats[] = {"120363041234567890@g.us",
		"status@broadcast", "1400000000@broadcast",
		"120363041234567890@newsletter", "867051314767696@bot"};

	begin();
	for (size_t i = 0; i < ARRAY_LEN(chats); i++)
		came(arena_printf(&arena, "M%zu", i).p, chats[i], LID, JID);
	CHECK_INT(number("SELECT count(*) FROM contact_identities WHERE kind = 'jid'"),
		ARRAY_LEN(chats));
	CHECK_INT(number("SELECT count(*) FROM contact_identities"), ARRAY_LEN(chats));
	end();
}

TEST(tenants_do_not_share_what_they_know)
{
	begin();
	came("M1", LID, NULL, JID);
	struct store_load l = written("M1", JID, "M1");
	l.tenant = STR("2");
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK(!l.known);
	CHECK_STR(text("SELECT group_concat(kind || value, ' ') FROM (SELECT * FROM"
		       " contact_identities WHERE tenant_id = '2' ORDER BY kind)"),
		"jid" JID " phone" PHONE);
	CHECK_INT(number("SELECT count(*) FROM contacts WHERE tenant_id = '2'"), 1);
	end();
}

TEST(what_is_no_name_is_not_taken_for_one)
{
	static const char *const names[] = {"", " ", ".", "7", "+972 50-123-4567",
		"0501234567", "unknown", "WhatsApp", "USER", "null"};

	begin();
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct store_load l = written("M1", JID, "M1");

		l.push_name = str_of(names[i]);
		l.verified_name = str_of(names[i]);
		CHECK_INT(RUN(store_load, &l), 0);
	}
	CHECK(!text("SELECT name FROM contacts").p);
	struct store_load l = written("M2", JID, "M2");
	l.push_name = STR(" \xd7\x93\xd7\xa0\xd7\x94\n");
	CHECK_INT(RUN(store_load, &l), 0);
	CHECK_STR(text("SELECT name FROM contacts"), "\xd7\x93\xd7\xa0\xd7\x94");
	end();
}

/* --- what they are called --------------------------------------------------- */

static void
says(const char *id, const char *chat, const char *push, const char *verified)
{
	struct store_load l = written(id, chat, id);

	l.push_name = str_of(push);
	l.verified_name = str_of(verified);
	CHECK_INT(RUN(store_load, &l), 0);
}

static int
call(const char *who, const char *name)
{
	struct store_person_name n = {.who = {.tenant = STR("1"), .name = str_of(who)},
		.name = str_of(name),
		.actor = STR("test")};

	n.who.op.arena = &arena;
	store_person_name(store, &n, NULL);
	return store_run(store, &n.who.op);
}

static struct str
called(int64_t contact)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		"SELECT name_source || ' ' || name FROM contacts WHERE id = %lld",
		(long long)contact);
	return text(sql);
}

TEST(the_newest_push_name_counts_until_somebody_is_trusted_more)
{
	begin();
	says("M1", JID, "Dana", NULL);
	says("M2", JID, "Dana C", NULL);
	CHECK_STR(called(1), "push Dana C");
	says("M3", JID,
		"\xe2\x80\xae"
		"0501234567",
		NULL);
	CHECK_STR(called(1), "push Dana C");
	says("M4", JID, "Boats", "Boats Ltd");
	CHECK_STR(called(1), "verified Boats Ltd");
	says("M5", JID, "Boats", NULL);
	CHECK_STR(called(1), "verified Boats Ltd");
	says("M6", JID, "Boats", "Customer");
	CHECK_STR(called(1), "verified Boats Ltd");
	end();
}

TEST(what_a_person_at_the_business_says_is_never_replaced)
{
	begin();
	says("M1", JID, "D", NULL);
	CHECK_INT(call(JID, " Dana\n Cohen "), 0);
	CHECK_STR(called(1), "user Dana Cohen");
	says("M2", JID, "Dana!", "Boats Ltd");
	CHECK_STR(called(1), "user Dana Cohen");
	CHECK_INT(call(PHONE, "Dana Levi"), 0);
	CHECK_STR(called(1), "user Dana Levi");
	CHECK_STR(
		text("SELECT group_concat(action || ' ' || actor || ' ' || contact_id)"
		     " FROM audit"),
		"contact.name test 1,contact.name test 1");
	CHECK_INT(call(JID, ""), 0);
	CHECK(!called(1).p);
	says("M3", JID, "Dana!", NULL);
	CHECK_STR(called(1), "push Dana!");
	end();
}

TEST(a_name_that_is_none_or_of_nobody_is_refused)
{
	begin();
	says("M1", JID, "Dana", NULL);
	CHECK_INT(call(JID, "0501234567"), ERR_SHAPE);
	CHECK_INT(call(JID, "Customer"), ERR_SHAPE);
	CHECK_INT(call("who?", "Dana"), ERR_SHAPE);
	CHECK_INT(call("972500000000@s.whatsapp.net", "Dana"), ERR_NOT_FOUND);
	CHECK_STR(called(1), "push Dana");
	end();
}

TEST(the_better_name_is_kept_in_a_merge_and_undone_with_it)
{
	static const struct {
		const char *lid_name, *jid_name, *merged;
	} rows[] = {
		{NULL, "user Dana Cohen", "user Dana Cohen"},
		{"push Dana", "user Dana Cohen", "user Dana Cohen"},
		{"user Dana Cohen", "push Dana", "user Dana Cohen"},
		{"push Dana", "push Cohen", "push Dana"}, /* the older contact's */
		{"ai Dana", "verified Boats", "ai Dana"},
		{"verified Boats", "ai Dana", "ai Dana"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const was[] = {rows[i].lid_name, rows[i].jid_name};
		char sql[256];

		begin();
		from("M1", LID);
		from("M2", JID);
		for (int c = 0; c < 2; c++) {
			struct str name = str_of(was[c]), source = str_cut(&name, ' ');

			snprintf(sql, sizeof(sql),
				"UPDATE contacts SET name = nullif('%.*s', ''),"
				" name_source = nullif('%.*s', '') WHERE id = %d",
				STR_FMT(name), STR_FMT(source), c + 1);
			script(sql);
		}
		int64_t id = link_by("M3");
		CHECK(id > 0);
		CHECK_STR(called(1), rows[i].merged);
		CHECK_INT(unmerge(id), 0);
		for (int c = 0; c < 2; c++)
			CHECK(str_eq(called(c + 1), str_of(was[c])));
		end();
	}
}

TEST(a_name_that_came_since_the_merge_stays)
{
	begin();
	from("M1", LID);
	says("M2", JID, "Dana", NULL);
	int64_t id = link_by("M3");
	CHECK_STR(called(1), "push Dana");
	CHECK_INT(call(LID, "Dana Cohen"), 0);
	CHECK_INT(unmerge(id), 0);
	CHECK_STR(called(1), "user Dana Cohen");
	CHECK_STR(called(2), "push Dana");
	end();
}

/* --- merge ---------------------------------------------------------------- */

TEST(a_late_discovery_makes_one_of_two)
{
	begin();
	from("M1", LID);
	from("M2", JID);
	from("M3", LID);
	struct store_load l = came("M4", JID, LID, NULL);
	CHECK(l.merge_id > 0);
	CHECK_STR(identities(), "jid=" JID ">1 lid=" LID ">1 phone=" PHONE ">1");
	CHECK_INT(l.history_count, 3);
	CHECK_STR(l.history[0].text, "M1");
	CHECK_STR(l.history[1].text, "M2");
	CHECK_STR(l.history[2].text, "M3");
	CHECK_STR(text("SELECT group_concat(conversation_id || '/' || seq, ' ')"
		       " FROM (SELECT * FROM turns ORDER BY id)"),
		"1/1 1/3 1/2 1/4");
	CHECK_STR(text("SELECT group_concat(action || contact_id || other_id)"
		       " FROM audit"),
		"contact.merge12");
	CHECK_INT(number("SELECT merged_into FROM contacts WHERE id = 2"), 1);
	CHECK_INT(came("M5", JID, LID, NULL).merge_id, 0);
	end();
}

TEST(the_older_contact_is_kept_whoever_is_named_first)
{
	begin();
	from("M1", JID);
	from("M2", LID);
	CHECK(link_by("M3") > 0);
	CHECK_STR(identities(), "jid=" JID ">1 lid=" LID ">1 phone=" PHONE ">1");
	CHECK_INT(number("SELECT count(DISTINCT conversation_id) FROM messages"), 1);
	end();
}

TEST(three_names_of_three_contacts_become_one)
{
	begin();
	from("M1", JID);
	script("DELETE FROM contact_identities WHERE kind = 'phone';"
	       "INSERT INTO contacts (id, tenant_id, created_us) VALUES (2, '1', 0);"
	       "INSERT INTO contact_identities VALUES ('1', 'phone', '" PHONE "', 2)");
	from("M2", LID);
	CHECK(link_by("M3") > 0);
	CHECK_STR(identities(), "jid=" JID ">1 lid=" LID ">1 phone=" PHONE ">1");
	CHECK_INT(number("SELECT count(*) FROM audit"), 2);
	end();
}

TEST(a_contact_with_a_conversation_is_kept_over_one_without)
{
	begin();
	script("INSERT INTO contacts (id, tenant_id, created_us) VALUES (1, '1', 0);"
	       "INSERT INTO contact_identities VALUES ('1', 'phone', '" PHONE "', 1)");
	struct store_load first = from("M1", LID);
	struct store_load l = came("M2", LID, NULL, JID);
	CHECK_INT(l.conversation_id, first.conversation_id);
	CHECK_STR(identities(), "jid=" JID ">2 lid=" LID ">2 phone=" PHONE ">2");
	CHECK_INT(unmerge(l.merge_id), 0);
	CHECK_STR(
		text("SELECT contact_id FROM contact_identities WHERE kind = 'phone'"),
		"1");
	end();
}

TEST(the_name_goes_along_when_there_was_none)
{
	begin();
	from("M1", LID);
	struct store_load l = written("M2", JID, "M2");
	l.push_name = STR("Dana");
	CHECK_INT(RUN(store_load, &l), 0);
	int64_t id = link_by("M3");
	CHECK_STR(text("SELECT name FROM contacts WHERE id = 1"), "Dana");
	CHECK_INT(unmerge(id), 0);
	CHECK(!text("SELECT name FROM contacts WHERE id = 1").p);
	end();
}

TEST(two_lids_are_two_people_though_a_phone_went_from_one_to_the_other)
{
	begin();
	came("M1", LID, NULL, JID);
	struct store_load l = came("M2", "9@lid", NULL, JID);
	CHECK_INT(l.merge_id, 0);
	CHECK_INT(l.history_count, 0);
	CHECK_STR(identities(),
		"jid=" JID ">1 lid=" LID ">1 phone=" PHONE ">1 lid=9@lid>2");
	CHECK_INT(came("M3", JID, "9@lid", NULL).conversation_id, l.conversation_id);
	CHECK_INT(from("M4", JID).conversation_id, 1);
	end();
}

TEST(a_phone_that_went_to_another_account_may_write_first_under_the_phone)
{
	begin();
	came("M1", JID, LID, NULL);
	struct store_load l = came("M2", JID, "9@lid", NULL);
	CHECK_INT(l.conversation_id, 2);
	CHECK_INT(l.history_count, 0);
	CHECK_STR(text("SELECT group_concat(canonical_key, ' ') FROM conversations"),
		LID " 9@lid");
	CHECK_STR(text("SELECT chat FROM messages WHERE id = 2"), JID);
	end();
}

TEST(contacts_whose_names_contradict_are_not_merged_and_that_is_noted_once)
{
	begin();
	came("M1", LID, NULL, JID);
	from("M2", "9@lid");
	for (int i = 0; i < 3; i++) {
		char id[8];

		snprintf(id, sizeof(id), "X%d", i);
		struct store_load l = came(id, "9@lid", NULL, JID);
		CHECK_INT(l.merge_id, 0);
		CHECK_INT(l.conversation_id, 2); /* the LID comes first */
	}
	CHECK_STR(identities(),
		"jid=" JID ">1 lid=" LID ">1 phone=" PHONE ">1 lid=9@lid>2");
	CHECK_STR(text("SELECT group_concat(action || contact_id || other_id)"
		       " FROM audit"),
		"contact.conflict21");
	end();
}

TEST(a_new_number_is_added_and_the_old_one_stays)
{
	begin();
	came("M1", LID, NULL, JID);
	came("M2", LID, NULL, "972521234567@s.whatsapp.net");
	CHECK_STR(text("SELECT group_concat(value, ' ') FROM (SELECT * FROM"
		       " contact_identities WHERE kind = 'phone' ORDER BY value)"),
		PHONE " +972521234567");
	CHECK_INT(number("SELECT count(*) FROM contacts"), 1);
	end();
}

TEST(the_reply_goes_to_the_address_that_wrote)
{
	begin();
	struct store_load one = from("M1", "71234567890123:5@lid");
	struct store_load two = came("M2", JID, LID, NULL);
	struct store_load *both[] = {&one, &two};

	for (size_t i = 0; i < 2; i++) {
		struct store_keep k = {.turn_id = both[i]->turn_id,
			.attempt = 1,
			.inbound_id = both[i]->inbound_id,
			.tenant = STR("1"),
			.answer = {&(struct store_reply){.text = STR("reply"),
					   .key = both[i]->message_id},
				1}};
		CHECK_INT(RUN(store_keep, &k), 0);
	}
	CHECK_STR(text("SELECT group_concat(chat, ' ') FROM (SELECT * FROM messages"
		       " WHERE source = 'bot' ORDER BY id)"),
		"71234567890123:5@lid " JID);
	end();
}

/* --- the same message under two names -------------------------------------- */

TEST(a_message_is_known_under_the_other_name)
{
	begin();
	struct store_load first = came("M1", LID, NULL, JID);
	struct store_load again = from("M1", JID);
	CHECK(again.known);
	CHECK_INT(again.turn_id, first.turn_id);
	CHECK_INT(number("SELECT count(*) FROM messages"), 1);
	end();
}

TEST(the_redelivery_that_brings_the_other_name_is_known_too)
{
	begin();
	from("M0", JID);
	struct store_load first = from("M1", LID);
	struct store_load again = came("M1", JID, LID, NULL);
	CHECK(again.merge_id > 0);
	CHECK(again.known);
	CHECK_INT(again.turn_id, first.turn_id);
	CHECK_INT(number("SELECT count(*) FROM messages"), 2);
	end();
}

TEST(of_a_message_stored_twice_the_earlier_row_is_kept)
{
	begin();
	from("M1", LID);
	struct store_load late = from("M1", JID);
	from("M2", JID);
	CHECK(link_by("M3") > 0);
	CHECK_STR(text("SELECT group_concat(id || '/' || conversation_id || '/' ||"
		       " ifnull(twin_of, '-'), ' ') FROM (SELECT * FROM messages"
		       " ORDER BY id)"),
		"1/1/- 2/2/1 3/1/- 4/1/-");
	CHECK_STR(text("SELECT row_id || '/' || was FROM audit_moves"
		       " WHERE what = 'twin'"),
		"2/1");
	CHECK_STR(text("SELECT group_concat(state, ' ') FROM (SELECT * FROM turns"
		       " ORDER BY id)"),
		"open done open open");
	struct store_load again = from("M1", JID);
	CHECK(again.known);
	CHECK_INT(again.inbound_id, 1);
	CHECK(again.turn_id != late.turn_id);
	end();
}

TEST(the_earlier_row_comes_in_when_it_was_the_other_contacts)
{
	begin();
	from("M0", LID);
	from("M1", JID);
	from("M1", LID); /* the older contact has the later row */
	CHECK(link_by("M3") > 0);
	CHECK_STR(text("SELECT group_concat(id || '/' || conversation_id || '/' ||"
		       " ifnull(twin_of, '-'), ' ') FROM (SELECT * FROM messages"
		       " ORDER BY id)"),
		"1/1/- 2/1/- 3/2/2 4/1/-");
	CHECK_STR(text("SELECT group_concat(state, ' ') FROM (SELECT * FROM turns"
		       " ORDER BY id)"),
		"open open done open");
	end();
}

/* --- unmerge -------------------------------------------------------------- */

/* Everything that a merge may move. */
static struct str
everything(void)
{
	return text(
		"SELECT (SELECT group_concat(id || ' ' || conversation_id || ' ' ||"
		" turn_id || ' ' || ifnull(twin_of, 0) || ' ' || chat, char(10))"
		" FROM (SELECT * FROM messages ORDER BY id)) || char(10) ||"
		" (SELECT group_concat(id || ' ' || conversation_id || ' ' || seq,"
		" char(10)) FROM (SELECT * FROM turns ORDER BY id)) || char(10) ||"
		" (SELECT group_concat(kind || value || contact_id, char(10)) FROM"
		" (SELECT * FROM contact_identities ORDER BY kind, value)) || char(10) "
		"||"
		" (SELECT group_concat(id || ifnull(name, '') || ifnull(name_source, "
		"'') ||"
		" ifnull(merged_into, 0)) FROM (SELECT * FROM contacts ORDER BY id))");
}

TEST(unmerge_puts_back_all_that_a_merge_moved)
{
	begin();
	from("M0", LID);
	from("M1", JID);
	from("M1", LID);
	from("M2", LID);
	from("M2", JID);
	from("M3", JID);
	struct store_load l = written("M4", JID, "M4");
	l.push_name = STR("Dana");
	CHECK_INT(RUN(store_load, &l), 0);
	struct str before = everything();

	int64_t id = came("M3", LID, NULL, JID).merge_id; /* known: adds no row */
	CHECK(id > 0);
	CHECK(!str_eq(everything(), before));
	CHECK_INT(unmerge(id), 0);
	CHECK(str_eq(everything(), before));
	CHECK_STR(text("SELECT group_concat(action, ' ') FROM audit"),
		"contact.merge contact.unmerge");
	end();
}

TEST(what_came_since_goes_by_its_address)
{
	begin();
	from("M1", LID);
	from("M2", JID);
	int64_t id = link_by("M3");
	struct store_load l = from("M4", "972501234567:7@c.us");
	struct store_keep k = {.turn_id = l.turn_id,
		.attempt = 1,
		.inbound_id = l.inbound_id,
		.tenant = STR("1"),
		.answer = {
			&(struct store_reply){.text = STR("reply"), .key = STR("K4")},
			1}};
	CHECK_INT(RUN(store_keep, &k), 0);
	from("M5", LID);
	CHECK_INT(unmerge(id), 0);
	CHECK_STR(text("SELECT group_concat(ifnull(provider_message_id, 'reply') ||"
		       " conversation_id, ' ') FROM (SELECT * FROM messages"
		       " ORDER BY id)"),
		"M11 M22 M31 M42 reply2 M51");
	CHECK_INT(number("SELECT count(*) FROM messages AS m JOIN turns AS t"
			 " ON t.id = m.turn_id"
			 " WHERE t.conversation_id <> m.conversation_id"),
		0);
	CHECK_INT(from("M6", JID).conversation_id, 2);
	end();
}

TEST(who_was_parted_is_not_merged_again)
{
	begin();
	from("M1", LID);
	from("M2", JID);
	CHECK_INT(unmerge(link_by("M3")), 0);
	CHECK_INT(link_by("M4"), 0);
	CHECK_INT(came("M5", JID, LID, NULL).merge_id, 0);
	CHECK_STR(identities(), "lid=" LID ">1 jid=" JID ">2 phone=" PHONE ">2");
	end();
}

TEST(only_a_merge_of_the_tenant_is_undone_and_once)
{
	begin();
	from("M1", LID);
	from("M2", JID);
	int64_t id = link_by("M3");
	CHECK_INT(unmerge(id + 1), ERR_NOT_FOUND);
	struct store_unmerge u = {.tenant = STR("2"), .merge_id = id};
	CHECK_INT(RUN(store_unmerge, &u), ERR_NOT_FOUND);
	u.tenant = STR("business_1");
	CHECK_INT(RUN(store_unmerge, &u), 0);
	CHECK_INT(u.contact_id, 2);
	CHECK_INT(u.conversation_id, 2);
	CHECK_INT(unmerge(id), ERR_EXISTS);
	CHECK_STR(str_of(words), "that merge is undone already");
	CHECK_INT(unmerge(id + 1), ERR_NOT_FOUND); /* the row of the unmerge */
	end();
}

TEST(the_later_merge_is_undone_first)
{
	begin();
	from("M1", LID);
	from("M2", JID);
	script("DELETE FROM contact_identities WHERE kind = 'phone';"
	       "INSERT INTO contacts (id, tenant_id, created_us) VALUES (3, '1', 0);"
	       "INSERT INTO contact_identities VALUES ('1', 'phone', '" PHONE "', 3)");
	CHECK_INT(link_by("M3"), 2);
	struct str merged = everything();
	CHECK_INT(unmerge(1), ERR_EXISTS);
	CHECK_STR(str_of(words), "undo merge 2 first");
	CHECK(str_eq(everything(), merged));
	CHECK_INT(unmerge(2), 0);
	CHECK_INT(unmerge(1), 0);
	CHECK_STR(identities(), "lid=" LID ">1 jid=" JID ">2 phone=" PHONE ">3");
	end();
}

TEST(a_merge_that_fails_leaves_nothing_of_itself)
{
	begin();
	from("M1", LID);
	from("M2", JID);
	struct str before = everything();
	script("CREATE TRIGGER no BEFORE UPDATE OF conversation_id ON messages"
	       " BEGIN SELECT raise(ABORT, 'no'); END");
	struct store_load l = written("M3", LID, "M3");
	l.phone = STR(JID);
	CHECK(RUN(store_load, &l) < 0);
	CHECK(str_eq(everything(), before));
	CHECK_INT(number("SELECT count(*) FROM audit"), 0);
	script("DROP TRIGGER no");
	CHECK(link_by("M3") > 0);
	end();
}

TEST(a_tenant_without_messages_goes_with_its_merged_contacts)
{
	begin();
	from("M1", LID);
	from("M2", JID);
	CHECK(link_by("M3") > 0);
	script("PRAGMA foreign_keys = ON; DELETE FROM messages");
	struct store_tenant_remove rm = {.id = STR("1")};
	CHECK_INT(RUN(store_tenant_remove, &rm), 0);
	CHECK_INT(number("SELECT (SELECT count(*) FROM contacts) +"
			 " (SELECT count(*) FROM audit_moves)"),
		0);
	end();
}

/* --- at once -------------------------------------------------------------- */

enum { PEOPLE = 20 };

/* One message on its way through one of two stores. */
struct writer {
	struct flow flow;
	struct store_load load;
	struct arena arena;
	char id[16], chat[48], alias[48];
};

static int writers_left;

static int
writer_loaded(struct flow *f)
{
	return container_of(f, struct writer, flow)->load.op.err;
}

static void
writer_done(struct flow *f, int err)
{
	struct writer *w = container_of(f, struct writer, flow);

	CHECK_INT(err, 0);
	arena_done(&w->arena);
	writers_left--;
}

static int
writer_begin(struct flow *f)
{
	return flow_wait(f, writer_loaded);
}

static void
writer_start(struct store *s, struct writer *w, bool is_lid, bool links)
{
	struct str lid = str_of(w->chat), jid = str_of(w->alias);

	arena_init(&w->arena);
	w->load = written(w->id, is_lid ? lid.p : jid.p, w->id);
	w->load.op.arena = &w->arena;
	if (links) {
		w->load.lid = lid;
		w->load.phone = jid;
	}
	writers_left++;
	flow_init(&w->flow, writer_begin, "begin", writer_done);
	flow_wake(&w->flow);
	store_load(s, &w->load, &w->flow);
}

static void
settle(void)
{
	while (writers_left > 0)
		uv_run(&the_loop()->uv, UV_RUN_ONCE);
}

/* Each person's messages: by LID, by JID, and one of each that links, all at once and
 * through two connections; the two that link carry the same id. */
static void
everybody_writes(struct store *other, struct writer all[PEOPLE][4])
{
	for (int i = 0; i < PEOPLE; i++)
		for (int k = 0; k < 4; k++) {
			struct writer *w = &all[i][k];

			snprintf(w->id, sizeof(w->id), "M%d", k < 2 ? k : 2);
			snprintf(w->chat, sizeof(w->chat), "7%d@lid", i);
			snprintf(w->alias, sizeof(w->alias),
				"9725012345%02d@s.whatsapp.net", i);
			writer_start(k % 2 ? other : store, w, k % 2 == 0, k >= 2);
		}
	settle();
}

TEST(two_workers_that_discover_at_once_make_one_contact)
{
	begin();
	store_close(store);
	open_store(the_loop());
	struct store *other = store_open(the_loop(), url, words);
	CHECK(other);
	struct writer(*all)[4] = calloc(PEOPLE, sizeof(*all));

	everybody_writes(other, all);
	CHECK_INT(number("SELECT count(*) FROM contacts WHERE merged_into IS NULL"),
		PEOPLE);
	CHECK_INT(number("SELECT count(DISTINCT contact_id) FROM contact_identities"),
		PEOPLE);
	CHECK_INT(number("SELECT count(*) FROM contact_identities"), 3 * PEOPLE);
	CHECK_INT(number("SELECT count(*) FROM messages WHERE twin_of IS NULL"),
		3 * PEOPLE);
	CHECK_INT(number("SELECT count(*) FROM (SELECT count(DISTINCT conversation_id)"
			 " AS n FROM messages WHERE twin_of IS NULL GROUP BY"
			 " (SELECT contact_id FROM conversations WHERE id ="
			 " conversation_id)) WHERE n > 1"),
		0);
	free(all);
	store_close(other);
	end();
	uv_run(&the_loop()->uv, UV_RUN_NOWAIT); /* their handles close on the loop */
}

/* --- migration ------------------------------------------------------------ */

TEST(a_database_of_the_release_before_is_brought_over)
{
	make_dir();
	script(schema_files[0].text);
	script("PRAGMA user_version = 1;"
	       "INSERT INTO tenants (id, created_us) VALUES ('1', 0);"
	       "INSERT INTO contacts (id, tenant_id, push_name, created_us) VALUES"
	       " (1, '1', 'Dana', 0), (2, '1', NULL, 0);"
	       "INSERT INTO contact_identities VALUES ('1', 'jid', '" JID "', 1),"
	       " ('1', 'phone', '972501234567', 1),"
	       " ('1', 'jid', 'boss@s.whatsapp.net', 2), ('1', 'phone', 'boss', 2);"
	       "INSERT INTO conversations VALUES (1, '1', '" JID "', 1, 0);"
	       "INSERT INTO turns VALUES (1, '1', 1, 1, 'done', 1, 'j', 0, 0, 0, 0);"
	       "INSERT INTO messages (tenant_id, conversation_id, turn_id, direction,"
	       " source, provider, chat, provider_message_id, kind, status, created_us,"
	       " updated_us) VALUES"
	       " ('1', 1, 1, 'in', 'customer', 'baileys', '" JID "', 'M1', 'text',"
	       " 'received', 0, 0),"
	       " ('1', 1, 1, 'in', 'customer', 'baileys', '972501234567:2@c.us', 'M1',"
	       " 'text', 'received', 0, 0),"
	       " ('1', 1, 1, 'out', 'bot', 'baileys', '" JID "', NULL, 'text',"
	       " 'pending', 0, 0),"
	       " ('1', 1, 1, 'out', 'bot', 'baileys', '" JID "', NULL, 'text',"
	       " 'pending', 0, 0)");
	migrate();
	open_store(NULL);
	CHECK_STR(identities(),
		"jid=" JID ">1 phone=" PHONE ">1 jid=boss@s.whatsapp.net>2");
	CHECK_STR(text("SELECT group_concat(ifnull(twin_of, '-')) FROM messages"),
		"-,1,-,-");
	CHECK_STR(text("SELECT group_concat(ifnull(name || name_source, '-')) FROM"
		       " contacts"),
		"Danapush,-");
	CHECK(from("M1", "972501234567:2@c.us").known);
	CHECK_INT(from("M2", JID).conversation_id, 1);
	end();
}

UNIT_MAIN
