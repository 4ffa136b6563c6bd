/* SPDX-License-Identifier: MIT */
/* person_test.c: what is known of one person: found, exported, erased, kept for so
 * long.
 *
 * Operations run as a command's do, without a loop.  number() and text() read through a
 * connection of their own; holds() reads the bytes of the files. */
#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/val.h"
#include "scratch.h"
#include "store/personal.h"

#define LID   "71234567890123@lid"
#define JID   "972501234567@s.whatsapp.net"
#define OTHER "972507654321@s.whatsapp.net"
#define DAY   "86400000000"

static void
begin_here(void)
{
	begin();
	CHECK_INT(put_tenant("1", "country", "IL"), 0);
}

static struct store_load
load(const char *id, const char *chat, const char *said, const char *lid)
{
	struct store_load l = written(id, chat, said);

	l.push_name = STR("Dana Canary");
	l.lid = str_of(lid);
	l.raw = arena_printf(&arena, "{\"message\":\"%s\"}", said);
	CHECK_INT(RUN(store_load, &l), 0);
	return l;
}

/* A question and its answer. */
static struct store_load
talk(const char *id, const char *chat, const char *said, const char *lid)
{
	static const struct store_usage usage = {
		.model = STR("m"), .tokens_in = 10, .tokens_out = 3};
	struct store_load l = load(id, chat, said, lid);
	struct store_reply part = {.text = arena_printf(&arena, "answer to %s", said),
		.key = arena_printf(&arena, "KEY%s", id)};
	struct store_keep k = {.tenant = STR("1"),
		.turn_id = l.turn_id,
		.inbound_id = l.inbound_id,
		.job_id = str_of(id),
		.attempt = 1,
		.answer = {&part, 1},
		.usage = &usage,
		.usage_count = 1};

	CHECK_INT(RUN(store_keep, &k), 0);
	struct store_mark m = {.tenant = STR("1"),
		.turn_id = l.turn_id,
		.reply_id = k.reply.parts[0].id,
		.job_id = str_of(id),
		.attempt = 1,
		.status = STR("sent")};
	CHECK_INT(RUN(store_mark, &m), 0);
	return l;
}

static struct store_person
who(const char *name)
{
	struct store_person p = {.tenant = STR("1"), .name = str_of(name)};

	CHECK_INT(RUN(store_person, &p), 0);
	return p;
}

static struct store_erase
erase(const char *name)
{
	struct store_erase e = {.tenant = STR("1"), .who = who(name).who};

	CHECK(e.who.contact_id > 0);
	CHECK_INT(RUN(store_erase, &e), 0);
	CHECK_INT(store_empty_log(store, words), 0);
	return e;
}

/* Is it anywhere in the database's files? */
static bool
holds(const char *bytes)
{
	char command[256];

	snprintf(command, sizeof(command), "grep -rqaF '%s' %s", bytes, dir);
	return system(command) == 0;
}

/* --- who ------------------------------------------------------------------ */

TEST(a_person_is_found_by_any_name)
{
	static const char *const names[] = {JID, LID, "+972501234567", "050-123 45 67",
		"972501234567:3@c.us", "972501234567"};

	begin_here();
	talk("M1", JID, "hello", LID);
	talk("M2", "972501234567:3@s.whatsapp.net", "again", NULL);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct store_person p = who(names[i]);

		CHECK_INT(p.who.contact_id, 1);
		CHECK_STR(p.called, "Dana Canary");
		CHECK_INT(p.received, 2);
		CHECK_INT(p.sent, 2);
		CHECK_INT(p.turns, 2);
		CHECK_INT(p.name_count, 5); /* lid, jid, phone, two addresses */
	}
	CHECK_INT(who(OTHER).who.contact_id, 0);
	end();
}

TEST(who_is_unknown_keeps_the_name_that_redis_may_know)
{
	begin_here();
	struct store_person p = who("050 765 43 21");
	CHECK_INT(p.who.contact_id, 0);
	CHECK_INT(p.name_count, 1);
	CHECK_STR(p.names[0].value, OTHER);
	end();
}

TEST(what_is_no_name_and_no_tenant_is_said)
{
	begin_here();
	struct store_person p = {.tenant = STR("1"), .name = STR("Dana")};
	CHECK_INT(RUN(store_person, &p), ERR_SHAPE);
	p = (struct store_person){.tenant = STR("7"), .name = STR(JID)};
	CHECK_INT(RUN(store_person, &p), ERR_NOT_FOUND);
	end();
}

/* --- export --------------------------------------------------------------- */

static const struct val *
exported(const char *name, struct buf *out)
{
	struct store_export e = {.tenant = STR("1"), .who = who(name).who, .out = out};
	struct val *v;
	char why[128];

	buf_init(out);
	CHECK_INT(RUN(store_export, &e), 0);
	if (json_parse(&arena, buf_str(out), 100000, &v, why) < 0)
		FAIL("%s", why);
	return v;
}

TEST(an_export_has_every_row_of_that_person_and_of_nobody_else)
{
	struct buf out;

	begin_here();
	talk("M1", JID, "a canary", NULL);
	talk("M2", LID, "another", NULL);
	talk("M3", OTHER, "a stranger's word", NULL);
	load("M4", JID, "we are one", LID); /* two contacts are merged */
	const struct val *v = exported(JID, &out);
	CHECK_INT(val_get(v, "contacts")->count, 2);
	CHECK_INT(val_get(v, "contact_identities")->count, 3);
	CHECK_INT(val_get(v, "conversations")->count, 2);
	CHECK_INT(val_get(v, "messages")->count, 5);
	CHECK_INT(val_get(v, "turns")->count, 3);
	CHECK_INT(val_get(v, "audit")->count, 1);
	CHECK(val_get(v, "audit_moves")->count > 0);
	const struct val *row = val_at(val_get(v, "messages"), 0);
	CHECK_STR(val_text(val_get(row, "body")), "a canary");
	CHECK_STR(val_text(val_get(row, "raw")), "{\"message\":\"a canary\"}");
	CHECK(!memmem(buf_str(&out).p, buf_len(&out), "stranger", 8));
	buf_done(&out);
	end();
}

/* --- erase ---------------------------------------------------------------- */

TEST(every_table_of_the_schema_says_what_it_holds)
{
	static const char *const known[] = {
#define NAME_(table, ...) #table,
		PERSONAL_TABLES(NAME_) IMPERSONAL_TABLES(NAME_)
#undef NAME_
	};

	begin_here();
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		struct str sql = arena_printf(&arena,
			"SELECT count(*) FROM sqlite_master WHERE type = 'table'"
			" AND name = '%s'",
			known[i]);

		if (number(sql.p) != 1)
			FAIL("personal.h: no table %s", known[i]);
	}
	long all = number("SELECT count(*) FROM sqlite_master"
			  " WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
	if (all != (long)ARRAY_LEN(known))
		FAIL("personal.h names %zu tables, the schema has %ld: %s",
			ARRAY_LEN(known), all,
			text("SELECT group_concat(name) FROM sqlite_master"
			     " WHERE type = 'table'")
				.p);
	end();
}

TEST(an_erased_person_is_in_no_byte_of_the_database)
{
	begin_here();
	talk("M1", JID, "zq-canary-one", NULL);
	talk("M2", LID, "zq-canary-two", NULL);
	load("M3", JID, "zq-canary-three", LID);
	talk("M4", OTHER, "a stranger's word", NULL);
	CHECK(holds("zq-canary") && holds("97250123") && holds("7123456789"));
	struct store_erase e = erase(JID);
	CHECK(!holds("zq-canary"));
	CHECK(!holds("97250123"));
	CHECK(!holds("7123456789"));
	CHECK(holds("stranger") && holds(OTHER));
	CHECK_INT(number("SELECT count(*) FROM messages"), 2);
	CHECK_INT(who(JID).who.contact_id, 0);
	CHECK(e.table_count > 0);
	CHECK(!text("PRAGMA foreign_key_check").p);
	end();
}

TEST(a_long_conversation_leaves_nothing_in_split_pages)
{
	char said[3000];

	begin_here();
	memset(said, 'x', sizeof(said));
	for (int i = 0; i < 300; i++) {
		char id[16], other[16];

		snprintf(id, sizeof(id), "M%d", i);
		snprintf(other, sizeof(other), "S%d", i);
		snprintf(said, sizeof(said), "zq-canary-%d %0*d", i, i * 9, 1);
		load(id, JID, said, NULL);
		load(other, OTHER, "a stranger's word", NULL);
	}
	erase(JID);
	CHECK(!holds("zq-canary") && !holds("97250123"));
	CHECK_INT(number("SELECT count(*) FROM messages"), 300);
	end();
}

/* One writes in a group, and perhaps quotes a message. */
static struct store_load
in_group(const char *id, const char *participant, const char *said, const char *target,
	const char *quoted)
{
	struct store_load l = {.tenant = STR("1"),
		.provider = STR("baileys"),
		.chat = STR("123-456@g.us"),
		.message_id = str_of(id),
		.job_id = str_of(id),
		.kind = STR("text"),
		.text = str_of(said),
		.participant = str_of(participant),
		.target = str_of(target),
		.quoted = str_of(quoted),
		.raw = arena_printf(&arena, "{\"by\":\"%s\",\"quoted\":\"%s\"}",
			participant, quoted ? "972501234567:3@c.us" : ""),
		.attempt = 1};

	CHECK_INT(RUN(store_load, &l), 0);
	return l;
}

TEST(what_a_person_wrote_in_a_group_goes_and_what_others_quoted_of_it)
{
	begin_here();
	talk("M1", JID, "hello", LID);
	in_group("G1", LID, "zq-canary in a group", NULL, NULL);
	in_group("G2", OTHER, "he said so", "G1", "zq-canary in a group");
	in_group("G3", OTHER, "and before", "G0", "zq-canary unseen");
	in_group("G4", OTHER, "a stranger's word", NULL, NULL);
	struct buf out;
	CHECK_INT(val_get(exported(JID, &out), "messages")->count, 3);
	buf_done(&out);
	erase(JID);
	CHECK(!holds("zq-canary") && !holds("97250123"));
	CHECK_STR(text("SELECT group_concat(body, ',') FROM messages"),
		"he said so,and before,a stranger's word");
	CHECK_INT(number("SELECT count(*) FROM messages WHERE raw IS NOT NULL"), 1);
	CHECK(!text("PRAGMA foreign_key_check").p);
	end();
}

TEST(who_was_only_written_to_is_exported_and_erased)
{
	struct buf out;

	begin_here();
	script("INSERT INTO broadcasts (id, tenant_id, body, rate_per_min, created_us,"
	       " updated_us) VALUES (1, '1', 'to all', 20, 1, 1);"
	       "INSERT INTO scheduled_messages (id, tenant_id, broadcast_id, chat, who,"
	       " name, body, slot_us, due_us, created_us, updated_us) VALUES"
	       " (1, '1', 1, '" JID
	       "', '+972501234567', 'zq-canary', 'to all', 1, 1, 1, 1),"
	       " (2, '1', 1, '" OTHER
	       "', '+972507654321', 'Sam', 'to all', 1, 1, 1, 1);"
	       "INSERT INTO broadcast_recipients (tenant_id, broadcast_id, chat, who, "
	       "name,"
	       " scheduled_id) VALUES ('1', 1, '" JID
	       "', '+972501234567', 'zq-canary', 1),"
	       " ('1', 1, '" OTHER "', '+972507654321', 'Sam', 2)");
	struct store_who dana = who("050-123 45 67").who;
	CHECK_INT(dana.contact_id, 0);
	const struct val *v = exported(JID, &out);
	CHECK_INT(val_get(v, "scheduled_messages")->count, 1);
	CHECK_INT(val_get(v, "broadcast_recipients")->count, 1);
	buf_done(&out);
	struct store_erase e = {.tenant = STR("1"), .who = dana};
	CHECK_INT(RUN(store_erase, &e), 0);
	CHECK_INT(store_empty_log(store, words), 0);
	CHECK(!holds("zq-canary") && !holds("97250123"));
	CHECK_STR(text("SELECT group_concat(name) FROM scheduled_messages"), "Sam");
	CHECK_STR(text("SELECT group_concat(name) FROM broadcast_recipients"), "Sam");
	CHECK_STR(text("SELECT body FROM broadcasts"), "to all");
	end();
}

TEST(an_erase_leaves_an_audit_row_without_personal_data)
{
	begin_here();
	talk("M1", JID, "hello", LID);
	erase(JID);
	struct store_audit_list l = {.tenant = STR("1"), .limit = 10};
	CHECK_INT(RUN(store_audit_list, &l), 0);
	CHECK_INT(l.count, 1);
	CHECK_STR(l.rows[0].action, "person.erase");
	CHECK(str_starts(l.rows[0].detail,
		STR("messages=2 turns=1 tokens_in=10 tokens_out=3 of ")));
	CHECK_INT(number("SELECT tokens_in FROM ai_usage"), 10); /* is the tenant's */
	CHECK(!memmem(l.rows[0].detail.p, l.rows[0].detail.n, "97250", 5));
	end();
}

TEST(an_erase_of_nobody_leaves_no_trace)
{
	begin_here();
	struct store_erase e = {.tenant = STR("1"), .who = who(JID).who};
	CHECK_INT(RUN(store_erase, &e), 0);
	CHECK_INT(e.rows, 0);
	CHECK_INT(number("SELECT count(*) FROM audit"), 0);
	e.elsewhere = true; /* Redis knew him */
	CHECK_INT(RUN(store_erase, &e), 0);
	CHECK_INT(number("SELECT count(*) FROM audit"), 1);
	end();
}

TEST(who_was_erased_and_writes_again_is_a_new_contact)
{
	begin_here();
	talk("M1", JID, "hello", LID);
	talk("M2", OTHER, "hello", NULL);
	erase(JID);
	struct store_load l = load("M1", JID, "hello", LID);
	CHECK(!l.known);
	CHECK_INT(l.history_count, 0);
	CHECK_INT(who(JID).who.contact_id, number("SELECT max(id) FROM contacts"));
	CHECK_INT(who(JID).received, 1);
	end();
}

TEST(another_tenants_person_of_the_same_name_stays)
{
	begin_here();
	talk("M1", JID, "hello", NULL);
	struct store_load l = {.tenant = STR("2"),
		.provider = STR("baileys"),
		.chat = STR(JID),
		.message_id = STR("M1"),
		.job_id = STR("J"),
		.kind = STR("text"),
		.text = STR("to the other"),
		.attempt = 1};
	CHECK_INT(RUN(store_load, &l), 0);
	erase(JID);
	CHECK_INT(number("SELECT count(*) FROM messages WHERE tenant_id = '2'"), 1);
	struct store_erase e = {.tenant = STR("1"),
		.who.contact_id = number("SELECT id FROM contacts")};
	CHECK_INT(RUN(store_erase, &e), 0);
	CHECK_INT(number("SELECT count(*) FROM contacts"), 1);
	end();
}

/* --- retention ------------------------------------------------------------ */

static void
age(const char *id, int days)
{
	struct str sql = arena_printf(&arena,
		"UPDATE messages SET created_us = created_us - %d * " DAY
		" WHERE provider_message_id = '%s'",
		days, id);

	script(sql.p);
}

static struct store_retain
retain(int64_t messages_days, int64_t raw_days)
{
	struct store_retain k = {.tenant = STR("1"),
		.messages_days = messages_days,
		.raw_days = raw_days,
		.limit = 500};

	CHECK_INT(RUN(store_retain, &k), 0);
	return k;
}

TEST(raw_goes_earlier_than_what_was_said)
{
	begin_here();
	talk("OLD", JID, "long ago", NULL);
	talk("MID", JID, "lately", NULL);
	talk("NEW", JID, "now", NULL);
	age("OLD", 100);
	age("MID", 40);
	struct store_retain k = retain(90, 30);
	CHECK_INT(k.messages, 1);
	CHECK_INT(k.raw, 1);
	CHECK_STR(text("SELECT group_concat(ifnull(body, '-') || ':' || (raw IS NOT "
		       "NULL)) FROM messages WHERE direction = 'in'"),
		"-:0,lately:0,now:1");
	k = retain(90, 30);
	CHECK_INT(k.messages + k.raw, 0);
	end();
}

TEST(zero_days_are_for_ever)
{
	begin_here();
	talk("OLD", JID, "long ago", NULL);
	age("OLD", 10000);
	struct store_retain k = retain(0, 0);
	CHECK_INT(k.messages + k.raw, 0);
	end();
}

TEST(a_tenant_may_keep_longer_or_shorter_than_is_usual)
{
	begin_here();
	talk("OLD", JID, "long ago", NULL);
	age("OLD", 10);
	CHECK_INT(put_tenant("1", "retain_raw_days", "0"), 0);
	CHECK_INT(retain(0, 5).raw, 0);
	CHECK_INT(put_tenant("1", "retain_raw_days", "5"), 0);
	CHECK_INT(retain(0, 0).raw, 1);
	CHECK_INT(put_tenant("1", "retain_messages_days", "5"), 0);
	CHECK_INT(retain(0, 0).messages, 1);
	end();
}

TEST(nothing_of_a_turn_that_is_not_over_is_blanked)
{
	begin_here();
	load("OPEN", JID, "still to be answered", NULL);
	talk("DONE", OTHER, "answered", NULL);
	age("OPEN", 100);
	age("DONE", 100);
	struct store_retain k = retain(30, 30);
	CHECK_INT(k.messages, 1);
	CHECK_STR(text("SELECT body FROM messages WHERE provider_message_id = 'OPEN'"),
		"still to be answered");
	end();
}

TEST(a_scheduled_message_that_is_over_is_blanked_one_that_waits_is_not)
{
	begin_here();
	script("INSERT INTO scheduled_messages (tenant_id, chat, who, body, status,"
	       " slot_us, due_us, created_us, updated_us) VALUES"
	       " ('1', 'a', 'a', 'was sent', 'sent', 1, 1, 1, 1),"
	       " ('1', 'a', 'a', 'waits', 'waiting', 1, 1, 1, 1)");
	CHECK_INT(retain(30, 30).messages, 1);
	CHECK_STR(text("SELECT group_concat(body) FROM scheduled_messages"), ",waits");
	end();
}

TEST(a_run_is_bounded_and_takes_the_oldest)
{
	begin_here();
	talk("A", JID, "a", NULL);
	talk("B", JID, "b", NULL);
	talk("C", JID, "c", NULL);
	age("A", 40);
	age("B", 60);
	age("C", 50);
	struct store_retain k = {
		.tenant = STR("1"), .messages_days = 30, .raw_days = 30, .limit = 2};
	CHECK_INT(RUN(store_retain, &k), 0);
	CHECK_INT(k.messages, 2);
	CHECK_STR(text("SELECT group_concat(provider_message_id) FROM messages"
		       " WHERE direction = 'in' AND body IS NOT NULL"),
		"A");
	end();
}

TEST(a_blanked_message_that_is_delivered_again_is_a_duplicate)
{
	begin_here();
	talk("OLD", JID, "long ago", NULL);
	age("OLD", 100);
	CHECK_INT(retain(30, 30).messages, 1);
	struct store_load l = load("OLD", JID, "long ago", NULL);
	CHECK(l.known);
	CHECK_INT(l.state, TURN_DONE);
	CHECK_INT(number("SELECT count(*) FROM messages WHERE body IS NOT NULL"
			 " AND direction = 'in'"),
		0);
	end();
}

/* --- audit ---------------------------------------------------------------- */

TEST(the_audit_lists_the_newest_first)
{
	begin_here();
	for (int i = 0; i < 3; i++) {
		struct store_audit_add a = {.tenant = STR("business_1"),
			.action = STR("jobs.retry"),
			.detail = arena_printf(&arena, "%d", i)};

		CHECK_INT(RUN(store_audit_add, &a), 0);
	}
	struct store_audit_list l = {.tenant = STR("1"), .limit = 2};
	CHECK_INT(RUN(store_audit_list, &l), 0);
	CHECK_INT(l.count, 2);
	CHECK_STR(l.rows[0].detail, "2");
	CHECK_STR(l.rows[1].detail, "1");
	struct store_audit_add a = {.tenant = STR("7"), .action = STR("jobs.retry")};
	CHECK_INT(RUN(store_audit_add, &a), ERR_NOT_FOUND);
	end();
}

UNIT_MAIN
