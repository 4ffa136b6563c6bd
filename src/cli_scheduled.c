/* SPDX-License-Identifier: MIT */
/* cli_scheduled.c: prosaas scheduled: what was sent or will be. */
#include "cli_outbox.h"

#include <stdio.h>

#include "base/buf.h"
#include "cli_outbox_priv.h"
#include "cli_store.h"
#include "cli_table.h"
#include "cli_time.h"
#include "store/store_outbox.h"

static int list(void *into), show(void *into), cancel(void *into);

static const struct cli_row rows[] = {
	{"list", list, 1, 1, "list TENANT [--status S] [--limit N] [--json]",
		"Messages that were written with `prosaas send`, and answers that wait "
		"for their customer\n"
		"to write, newest first; those of a status: waiting, queued, sent, "
		"failed, cancelled,\n"
		"skipped.  At most 50, or N."},
	{"show", show, 2, 2, "show TENANT ID [--json]", "One message, its text too."},
	{"cancel", cancel, 2, 2, "cancel TENANT ID",
		"It is not sent, and does not come again; not when it is just being "
		"sent."},
};

static const struct cli_command command = {"scheduled", rows, ARRAY_LEN(rows), NULL, 0};

static void
print_json(const struct outbox_row *row)
{
	struct buf out;

	buf_init(&out);
	outbox_json(&out, row);
	cli_print_take(&out);
}

static void
print_table(struct outbox_cli *c, const struct store_outbox_list *l)
{
	static const char *const heads[] = {
		"ID", "STATUS", "DUE", "TO", "SCHEDULE", "SENT", "REASON", NULL};
	struct cli_table t;

	cli_table_init(&t, heads);
	for (size_t i = 0; i < l->count; i++) {
		const struct outbox_row *row = &l->rows[i];

		cli_table_number(&t, &c->arena, row->id);
		cli_table_add(&t, row->status);
		cli_table_add(&t, cli_time_text(&c->arena, row->due_us));
		cli_table_add(&t, row->chat);
		cli_table_add(&t, row->schedule);
		cli_table_number(&t, &c->arena, row->sent_count);
		cli_table_add(&t, row->reason);
	}
	cli_table_print(&t);
}

static int
list(void *into)
{
	struct outbox_cli *c = into;
	struct store_outbox_list l = {.op.arena = &c->arena,
		.tenant = c->words.words[0],
		.status = c->status,
		.limit = c->limit == OUTBOX_UNSET ? 50 : c->limit};

	store_outbox_list(c->store, &l, NULL);
	if (store_run(c->store, &l.op) < 0)
		return cli_store_report(&l.op);
	for (size_t i = 0; c->json && i < l.count; i++)
		print_json(&l.rows[i]);
	if (!c->json)
		print_table(c, &l);
	return CLI_DONE;
}

static void
print_line(const char *name, struct str value)
{
	if (!value.n)
		return;
	printf("%-13s", name);
	cli_print_safe(stdout, value);
	putchar('\n');
}

static void
print_lines(struct outbox_cli *c, const struct outbox_row *row)
{
	printf("%-13s%lld\n", "id", (long long)row->id);
	print_line("status", row->status);
	print_line("reason", row->reason);
	print_line("due", cli_time_text(&c->arena, row->due_us));
	print_line("to", row->chat);
	print_line("schedule", row->schedule);
	print_line("zone", row->zone);
	print_line("key", row->key);
	print_line("unless reply", row->unless_reply ? STR("yes") : STR(""));
	if (row->broadcast_id)
		printf("%-13s%lld\n", "broadcast", (long long)row->broadcast_id);
	printf("%-13s%lld\n", "sent", (long long)row->sent_count);
	print_line("last sent",
		row->sent_us ? cli_time_text(&c->arena, row->sent_us) : STR(""));
	print_line("created", cli_time_text(&c->arena, row->created_us));
	fputs("\n", stdout);
	cli_print_lines(stdout, row->text);
	fputs("\n", stdout);
}

static int
show(void *into)
{
	struct outbox_cli *c = into;
	struct store_outbox_get g = {
		.op.arena = &c->arena, .tenant = c->words.words[0]};

	int bad = outbox_id(c, 1, &g.id);
	if (bad)
		return bad;
	store_outbox_get(c->store, &g, NULL);
	if (store_run(c->store, &g.op) < 0)
		return cli_store_report(&g.op);
	if (c->json)
		print_json(&g.row);
	else
		print_lines(c, &g.row);
	return CLI_DONE;
}

static int
cancel(void *into)
{
	struct outbox_cli *c = into;
	struct store_outbox_cancel op = {
		.op.arena = &c->arena, .tenant = c->words.words[0]};

	int bad = outbox_id(c, 1, &op.id);
	if (bad)
		return bad;
	store_outbox_cancel(c->store, &op, NULL);
	if (store_run(c->store, &op.op) < 0)
		return cli_store_report(&op.op);
	printf("message %lld cancelled\n", (long long)op.id);
	return CLI_DONE;
}

int
cli_scheduled(const struct settings *s, int argc, char **argv)
{
	return outbox_run(&command, s, argc, argv);
}
