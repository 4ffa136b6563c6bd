/* SPDX-License-Identifier: MIT */
/* cli_chats.c: prosaas chats list|show|read|pause|resume: who answers in which chat,
 * and what a person has read.
 *
 * CHAT is a phone as people write it, an address (JID, LID, group) or #ID.  Shown are
 * names with the middle left out, unless --full. */
#include "cli_chats.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "cli_mask.h"
#include "cli_store.h"
#include "cli_table.h"
#include "cli_words.h"
#include "store/store.h"

enum { LIMIT = 50, MINUTES_MAX = 525600 /* a year */ };

struct chats {
	struct store *store;
	struct arena arena;
	struct cli_words words; /* tenant, chat */
	struct str chat;        /* absent: not given */
	int64_t limit, minutes; /* minutes: 0: until resumed */
	bool full, json;
};

static int chats_list(void *into), chats_read(void *into), chats_pause(void *into),
	chats_resume(void *into);

static const struct cli_row rows[] = {
	{"list", chats_list, 1, 1, "list TENANT [--limit N] [--full] [--json]",
		"The chats where something was said last, 50 or N: when, what is "
		"unread "
		"(*), and what\n"
		"silences the bot."},
	{"show", chats_list, 2, 2, "show TENANT CHAT [--full] [--json]",
		"One of them.  CHAT: a phone, a JID, a LID, a group or #ID."},
	{"read", chats_read, 2, 2, "read TENANT CHAT [--json]",
		"A person has read all of it."},
	{"pause", chats_pause, 2, 2, "pause TENANT CHAT [--minutes N]",
		"The bot is silent there for N minutes; without, until it is resumed."},
	{"resume", chats_resume, 2, 2, "resume TENANT CHAT",
		"The bot answers again, whether a person had silenced it or a "
		"command."},
};

static const struct cli_option options[] = {
	{"--limit", CLI_NUMBER, offsetof(struct chats, limit)},
	{"--minutes", CLI_NUMBER, offsetof(struct chats, minutes)},
	{"--full", CLI_FLAG, offsetof(struct chats, full)},
	{"--json", CLI_FLAG, offsetof(struct chats, json)},
};

static const struct cli_command command = {
	"chats", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

/* --- list, show ------------------------------------------------------------- */

static struct str
name(struct chats *c, struct str s)
{
	return c->full ? s : cli_mask(&c->arena, s);
}

static void
print_table(struct chats *c, const struct store_chat_list *l)
{
	static const char *const heads[] = {"ID", "UNREAD", "CHAT", "PHONE", "NAME",
		"LAST IN", "LAST OUT", "SILENCE", "UNTIL", NULL};
	struct cli_table t;

	cli_table_init(&t, heads);
	for (size_t i = 0; i < l->count; i++) {
		const struct store_chat *chat = &l->chats[i];

		cli_table_number(&t, &c->arena, chat->conversation_id);
		cli_table_add(&t, chat->unread ? STR("*") : STR(""));
		cli_table_add(&t, name(c, chat->chat));
		cli_table_add(&t, name(c, chat->phone));
		cli_table_add(&t, name(c, chat->name));
		cli_table_date(&t, &c->arena, chat->last_in_us);
		cli_table_date(&t, &c->arena, chat->last_out_us);
		cli_table_add(&t, str_of(silence_name(chat->silence)));
		cli_table_date(&t, &c->arena, chat->until_us);
	}
	cli_table_print(&t);
}

static void
print_json(struct chats *c, const struct store_chat_list *l)
{
	struct buf out;

	buf_init(&out);
	for (size_t i = 0; i < l->count; i++) {
		const struct store_chat *chat = &l->chats[i];

		buf_addf(&out, "{\"conversation_id\":%lld",
			(long long)chat->conversation_id);
		cli_json_text(&out, "chat", name(c, chat->chat));
		cli_json_text(&out, "phone", name(c, chat->phone));
		cli_json_text(&out, "name", name(c, chat->name));
		cli_json_text(&out, "silence", str_of(silence_name(chat->silence)));
		buf_addf(&out,
			",\"unread\":%s,\"last_read_us\":%lld,\"last_in_us\":%lld,"
			"\"last_out_us\":%lld,\"until_us\":%lld}\n",
			chat->unread ? "true" : "false", (long long)chat->last_read_us,
			(long long)chat->last_in_us, (long long)chat->last_out_us,
			(long long)chat->until_us);
	}
	cli_print_take(&out);
}

static int
chats_list(void *into)
{
	struct chats *c = into;
	struct store_chat_list l = {.op.arena = &c->arena,
		.tenant = c->words.words[0],
		.who = c->chat,
		.limit = c->limit};

	store_chat_list(c->store, &l, NULL);
	if (store_run(c->store, &l.op) < 0)
		return cli_store_report(&l.op);
	if (c->json)
		print_json(c, &l);
	else
		print_table(c, &l);
	return CLI_DONE;
}

/* --- read ------------------------------------------------------------------- */

static int
chats_read(void *into)
{
	struct chats *c = into;
	struct store_chat_read r = {
		.op.arena = &c->arena, .tenant = c->words.words[0], .who = c->chat};
	char when[CLOCK_ISO_SIZE];

	store_chat_read(c->store, &r, NULL);
	if (store_run(c->store, &r.op) < 0)
		return cli_store_report(&r.op);
	clock_iso(when, r.read_us);
	if (c->json)
		printf("{\"success\":true,\"conversation_id\":%lld,\"read_us\":%lld}\n",
			(long long)r.conversation_id, (long long)r.read_us);
	else
		printf("chat #%lld is read, %s\n", (long long)r.conversation_id, when);
	return CLI_DONE;
}

/* --- pause, resume ---------------------------------------------------------- */

static struct store_chat_pause
change(struct chats *c)
{
	return (struct store_chat_pause){.op.arena = &c->arena,
		.tenant = c->words.words[0],
		.who = c->chat,
		.actor = STR("cli"),
		.minutes = c->minutes};
}

static int
chats_pause(void *into)
{
	struct chats *c = into;
	struct store_chat_pause p = change(c);

	if (c->minutes > MINUTES_MAX)
		return cli_usage(&command, &rows[3], "that is more than a year");
	store_chat_pause(c->store, &p, NULL);
	if (store_run(c->store, &p.op) < 0)
		return cli_store_report(&p.op);
	if (c->minutes > 0)
		printf("paused for %lld minutes\n", (long long)c->minutes);
	else
		printf("%s until it is resumed\n", p.changed ? "paused" : "was paused");
	return CLI_DONE;
}

static int
chats_resume(void *into)
{
	struct chats *c = into;
	struct store_chat_pause p = change(c);

	store_chat_resume(c->store, &p, NULL);
	if (store_run(c->store, &p.op) < 0)
		return cli_store_report(&p.op);
	printf("%s\n", p.changed ? "resumed" : "was not paused");
	return CLI_DONE;
}

/* --- the command ------------------------------------------------------------ */

int
cli_chats(const struct settings *s, int argc, char **argv)
{
	static struct chats c; /* the words live as long as the process */
	int status;

	c.limit = LIMIT;
	const struct cli_row *r =
		cli_words(&command, argc, argv, &c, &c.words, &status);
	if (!r)
		return status;
	if (c.words.count > 1)
		c.chat = c.words.words[1];
	return cli_store_run(s, &c.store, &c.arena, r->run, &c);
}
