/* SPDX-License-Identifier: MIT */
/* cli_broadcast.c: prosaas broadcast: one text to many people.
 *
 *   create:  file ---> rows of cells ---> recipients ---> store_broadcast_add
 *            each that is wrong is told with its line */
#include "cli_outbox.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "cli_file.h"
#include "cli_outbox_priv.h"
#include "cli_store.h"
#include "cli_table.h"
#include "cli_time.h"
#include "codec/csv.h"
#include "codec/val.h"
#include "store/store_broadcasts.h"

enum { SHOWN_MAX = 50 }; /* lines that are wrong */

static int create(void *into), list(void *into), show(void *into), act(void *into);

static const struct cli_row rows[] = {
	{"create", create, 1, 1,
		"create TENANT --text T --file FILE [--name N] [--rate N] "
		"[--template T [--language L] | --content JSON] [--skip-bad]",
		"A draft: TEXT (or @file; {name} and {first_name}) to each line of a "
		"CSV "
		"file: phone\n"
		"or address, name.  Prints its number.  With a line that is wrong "
		"nothing is made,\n"
		"unless --skip-bad.  Who stands there twice is written to once.  At "
		"most "
		"N (20)\n"
		"messages a minute.  --template, --language and --content as in "
		"`prosaas send`."},
	{"start", act, 2, 2, "start TENANT ID", "It begins, or goes on after a pause."},
	{"pause", act, 2, 2, "pause TENANT ID",
		"Nobody more is written to; what is just being sent arrives."},
	{"resume", act, 2, 2, "resume TENANT ID", "It goes on."},
	{"cancel", act, 2, 2, "cancel TENANT ID", "It ends, for good."},
	{"list", list, 1, 1, "list TENANT [--limit N] [--json]",
		"Broadcasts, newest first; at most 50, or N."},
	{"show", show, 2, 2, "show TENANT ID [--json]",
		"How far it is: sent, failed, skipped, left, and when it will be "
		"done."},
};

static const struct cli_command command = {"broadcast", rows, ARRAY_LEN(rows), NULL, 0};

/* --- create ----------------------------------------------------------------- */

struct list {
	struct broadcast_recipient *items;
	size_t *lines;
	size_t count, size;
	size_t to, name; /* columns */
};

static bool
is_one_of(struct str s, const char *words)
{
	struct str rest = str_of(words), word;

	while (str_next(&rest, &word))
		if (str_ieq(s, word))
			return true;
	return false;
}

/* A first row that says what the columns are. */
static bool
take_heads(struct list *l, const struct csv *row)
{
	bool found = false;

	for (size_t i = 0; i < row->count; i++) {
		if (is_one_of(row->cells[i], "phone,number,to,chat,jid,whatsapp")) {
			l->to = i;
			found = true;
		} else if (is_one_of(row->cells[i], "name")) {
			l->name = i;
		}
	}
	return found;
}

static struct str
cell(const struct csv *row, size_t i)
{
	return i < row->count ? row->cells[i] : (struct str){NULL, 0};
}

static void
add(struct list *l, const struct csv *row)
{
	struct str name = cell(row, l->name), to = cell(row, l->to);

	if (l->count == l->size) {
		l->size = l->size ? 2 * l->size : 256;
		l->items = xrealloc(l->items, l->size * sizeof(*l->items));
		l->lines = xrealloc(l->lines, l->size * sizeof(*l->lines));
	}
	l->items[l->count] = (struct broadcast_recipient){
		.to = to.p ? to : STR(""),
		.name = name.n && l->name != l->to ? name : (struct str){NULL, 0},
	};
	l->lines[l->count++] = row->line;
}

static void
read_list(struct outbox_cli *c, struct str text, struct list *ret)
{
	static struct csv row; /* large */
	bool first = true;

	*ret = (struct list){.to = 0, .name = 1};
	csv_init(&row, text);
	while (csv_next(&row, &c->arena)) {
		if (!first || !take_heads(ret, &row))
			add(ret, &row);
		first = false;
	}
}

static void
tell_wrong(struct outbox_cli *c, const struct list *l, size_t wrong)
{
	size_t shown = 0;

	for (size_t i = 0; i < l->count && shown < SHOWN_MAX; i++) {
		const struct broadcast_recipient *r = &l->items[i];

		if (!r->wrong)
			continue;
		fprintf(stderr, "%.*s:%zu: ", STR_FMT(c->file), l->lines[i]);
		cli_print_safe(stderr, r->to);
		fprintf(stderr, ": %s\n", r->wrong);
		shown++;
	}
	if (wrong > shown)
		fprintf(stderr, "... and %zu more\n", wrong - shown);
}

static int
make(struct outbox_cli *c, struct str text, const struct list *l)
{
	struct store_broadcast_add a = {.op.arena = &c->arena,
		.tenant = c->words.words[0],
		.name = c->name,
		.text = text,
		.rate_per_min = c->rate == OUTBOX_UNSET ? 20 : c->rate,
		.recipients = l->items,
		.count = l->count,
		.skip_wrong = c->skip_bad};

	int wrong = outbox_content(c, &a.content);
	if (wrong != CLI_DONE)
		return wrong;

	store_broadcast_add(c->store, &a, NULL);
	int bad = store_run(c->store, &a.op);
	tell_wrong(c, l, a.wrong);
	if (bad < 0)
		return cli_store_report(&a.op);
	fprintf(stderr, "prosaas: %zu recipients, %zu twice, %zu wrong\n",
		l->count - a.twice - a.wrong, a.twice, a.wrong);
	printf("%lld\n", (long long)a.id);
	return CLI_DONE;
}

static int
create(void *into)
{
	struct outbox_cli *c = into;
	struct str file, text;
	struct list l;

	if (!c->text.p || !c->file.p)
		return outbox_usage(c, "--text and --file are needed");
	if (cli_file_or_word(&c->arena, c->text, OUTBOX_FILE_MAX, &text) < 0 ||
		cli_file(&c->arena, c->file.p, OUTBOX_FILE_MAX, &file) < 0)
		return CLI_FAILED;
	read_list(c, file, &l);
	int status = make(c, text, &l);
	free(l.items);
	free(l.lines);
	return status;
}

/* --- start, pause, resume, cancel ------------------------------------------- */

static int
act(void *into)
{
	struct outbox_cli *c = into;
	struct store_broadcast_act a = {.op.arena = &c->arena,
		.tenant = c->words.words[0],
		.act = str_of(c->row->name)};

	int bad = outbox_id(c, 1, &a.id);
	if (bad)
		return bad;
	store_broadcast_act(c->store, &a, NULL);
	if (store_run(c->store, &a.op) < 0)
		return cli_store_report(&a.op);
	printf("broadcast %lld is %.*s\n", (long long)a.id, STR_FMT(a.status));
	if (str_eqz(a.status, "running"))
		outbox_poke(c);
	return CLI_DONE;
}

/* --- list, show ------------------------------------------------------------- */

/* When the last is given out, at this pace; 0: nobody knows. */
static int64_t
eta_us(const struct broadcast *b)
{
	int64_t now = clock_wall_us();

	if (!str_eqz(b->status, "running"))
		return 0;
	return (b->next_us > now ? b->next_us : now) +
	       b->pending * (60000000 / b->rate_per_min);
}

static void
print_json(const struct broadcast *b)
{
	int64_t left = b->queued + b->pending;
	struct buf out;

	buf_init(&out);
	buf_addf(&out, "{\"id\":%lld,\"name\":", (long long)b->id);
	if (b->name.p)
		json_quote(&out, b->name);
	else
		buf_addz(&out, "null");
	buf_addz(&out, ",\"text\":");
	json_quote(&out, b->text);
	buf_addf(&out,
		",\"status\":\"%.*s\",\"rate_per_min\":%lld,\"total\":%lld,"
		"\"sent\":%lld,\"failed\":%lld,\"skipped\":%lld,\"left\":%lld,"
		"\"created_us\":%lld,\"eta_us\":",
		STR_FMT(b->status), (long long)b->rate_per_min, (long long)b->total,
		(long long)b->sent, (long long)b->failed, (long long)b->skipped,
		(long long)left, (long long)b->created_us);
	if (eta_us(b))
		buf_addf(&out, "%lld}\n", (long long)eta_us(b));
	else
		buf_addz(&out, "null}\n");
	cli_print_take(&out);
}

static void
print_table(struct outbox_cli *c, const struct broadcast *rows_, size_t count)
{
	static const char *const heads[] = {"ID", "STATUS", "TOTAL", "SENT", "FAILED",
		"SKIPPED", "LEFT", "RATE", "DONE AT", "NAME", NULL};
	struct cli_table t;

	cli_table_init(&t, heads);
	for (size_t i = 0; i < count; i++) {
		const struct broadcast *b = &rows_[i];

		cli_table_number(&t, &c->arena, b->id);
		cli_table_add(&t, b->status);
		cli_table_number(&t, &c->arena, b->total);
		cli_table_number(&t, &c->arena, b->sent);
		cli_table_number(&t, &c->arena, b->failed);
		cli_table_number(&t, &c->arena, b->skipped);
		cli_table_number(&t, &c->arena, b->queued + b->pending);
		cli_table_number(&t, &c->arena, b->rate_per_min);
		cli_table_add(&t, cli_time_text(&c->arena, eta_us(b)));
		cli_table_add(&t, b->name);
	}
	cli_table_print(&t);
}

static int
print(struct outbox_cli *c, int64_t id)
{
	struct store_broadcast_list l = {.op.arena = &c->arena,
		.tenant = c->words.words[0],
		.id = id,
		.limit = c->limit == OUTBOX_UNSET ? 50 : c->limit};

	store_broadcast_list(c->store, &l, NULL);
	if (store_run(c->store, &l.op) < 0)
		return cli_store_report(&l.op);
	for (size_t i = 0; c->json && i < l.count; i++)
		print_json(&l.rows[i]);
	if (!c->json)
		print_table(c, l.rows, l.count);
	return CLI_DONE;
}

static int
list(void *into)
{
	return print(into, 0);
}

static int
show(void *into)
{
	int64_t id;

	int bad = outbox_id(into, 1, &id);
	return bad ? bad : print(into, id);
}

int
cli_broadcast(const struct settings *s, int argc, char **argv)
{
	return outbox_run(&command, s, argc, argv);
}
