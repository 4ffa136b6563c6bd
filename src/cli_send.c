/* SPDX-License-Identifier: MIT */
/* cli_send.c: prosaas send: one message to one person, now, later or again and again.
 */
#include "cli_outbox.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/schedule.h"
#include "base/zone.h"
#include "cli_file.h"
#include "cli_outbox_priv.h"
#include "cli_store.h"
#include "cli_table.h"
#include "cli_time.h"
#include "job/outbox.h"
#include "store/store_outbox.h"

enum {
	LOOK_US = 100 * 1000,
	PATIENCE_US = 60 * 1000000, /* of --wait, after it is due */
};

static int send_one(void *into);

static const struct cli_row rows[] = {
	{"", send_one, 3, 3,
		"TENANT TO TEXT [--at TIME] [--in SPAN] [--every SCHEDULE] [--zone Z] "
		"[--template T [--language L] | --content JSON] [--unless-reply] "
		"[--key K] [--wait] [--json]",
		"Writes to a phone or an address, at once, at TIME, in SPAN (90m) or "
		"on "
		"a SCHEDULE\n"
		"(\"0 9 * * MON\"), and prints the message's number.  TEXT, or @file, "
		"may "
		"say {name} and\n"
		"{first_name}.  --unless-reply: not if the customer writes before.  "
		"--key: the same key\n"
		"again writes nothing.  --wait: until it is over.  At the Cloud API: "
		"--template, "
		"whose one\n"
		"parameter the text is (language en), or --content, JSON or @file, "
		"what else is sent\n"
		"(docs/sending.md); the text is then what the history shows."},
};

static const struct cli_command command = {"send", rows, ARRAY_LEN(rows), NULL, 0};

/* --- when ------------------------------------------------------------------- */

static const char *
read_every(struct outbox_cli *c, const struct zone *z, struct store_outbox_add *add)
{
	static char err[128];
	struct schedule s;

	if (schedule_parse(&s, c->every, err) < 0)
		return err;
	int64_t next = schedule_next(&s, z, clock_wall_us() / 1000000);
	if (next == SCHEDULE_NEVER)
		return "--every: it never comes";
	add->schedule = c->every;
	add->due_us = next * 1000000;
	return NULL;
}

/* Returns what is wrong, or NULL. */
static const char *
read_when(struct outbox_cli *c, struct store_outbox_add *add)
{
	static char err[128];
	const struct zone *z = zone_known(add->zone);
	int64_t s;

	if ((c->at.p != NULL) + (c->in.p != NULL) + (c->every.p != NULL) > 1)
		return "only one of --at, --in and --every";
	if (!z)
		return "--zone: a time zone is like Europe/Berlin";
	if (c->every.p)
		return read_every(c, z, add);
	add->zone = (struct str){NULL, 0};
	add->due_us = clock_wall_us();
	if (c->in.p && schedule_span(c->in, &s, err) < 0)
		return err;
	if (c->in.p)
		add->due_us += s * 1000000;
	if (c->at.p && cli_time_read(&c->arena, c->at, z, &s) < 0)
		return "--at: a time is 2026-11-24 05:30, 2026-11-24T05:30:00Z or "
		       "+02:00, or Unix seconds";
	if (c->at.p)
		add->due_us = s * 1000000;
	return NULL;
}

/* --zone, else the tenant's. */
static int
find_zone(struct outbox_cli *c, struct str *ret)
{
	struct store_tenant_get get = {.op.arena = &c->arena, .id = c->words.words[0]};

	store_tenant_get(c->store, &get, NULL);
	if (store_run(c->store, &get.op) < 0)
		return cli_store_report(&get.op);
	*ret = c->zone.p ? c->zone : get.found.time_zone;
	if (!ret->n)
		*ret = STR("UTC");
	return CLI_DONE;
}

/* --- what became of it ------------------------------------------------------ */

static bool
is_over(const struct outbox_row *row)
{
	bool open = str_eqz(row->status, "waiting") || str_eqz(row->status, "queued");

	return !open || row->sent_count > 0;
}

/* Each look is a short transaction of its own. */
static int
wait_for(struct outbox_cli *c, struct outbox_row *row)
{
	struct store_outbox_get get = {
		.op.arena = &c->arena, .tenant = row->tenant, .id = row->id};

	while (!is_over(row) && !row->held_us &&
		clock_wall_us() < row->due_us + PATIENCE_US) {
		usleep(LOOK_US);
		store_outbox_get(c->store, &get, NULL);
		if (store_run(c->store, &get.op) < 0)
			return cli_store_report(&get.op);
		*row = get.row;
	}
	return CLI_DONE;
}

static void
print(const struct outbox_cli *c, const struct outbox_row *row)
{
	struct buf out;

	buf_init(&out);
	if (c->json)
		outbox_json(&out, row);
	else if (c->wait)
		buf_addf(&out, "%lld %.*s\n", (long long)row->id, STR_FMT(row->status));
	else
		buf_addf(&out, "%lld\n", (long long)row->id);
	cli_print_take(&out);
}

static int
finish(struct outbox_cli *c, struct outbox_row *row)
{
	int64_t soon_us = clock_wall_us() + OUTBOX_AHEAD_S * INT64_C(1000000);

	if (!is_over(row) && row->due_us < soon_us)
		outbox_poke(c);
	if (c->wait && wait_for(c, row) != CLI_DONE)
		return CLI_FAILED;
	print(c, row);
	if (!c->wait || row->sent_count > 0)
		return CLI_DONE;
	fprintf(stderr, "prosaas: message %lld is %.*s%s%.*s\n", (long long)row->id,
		STR_FMT(row->status), row->reason.n ? ": " : "", STR_FMT(row->reason));
	return CLI_FAILED;
}

static int
send_one(void *into)
{
	struct outbox_cli *c = into;
	struct store_outbox_add add = {.op.arena = &c->arena,
		.tenant = c->words.words[0],
		.to = c->words.words[1],
		.unless_reply = c->unless_reply,
		.key = c->key};

	if (cli_file_or_word(&c->arena, c->words.words[2], OUTBOX_FILE_MAX, &add.text) <
			0 ||
		find_zone(c, &add.zone) != CLI_DONE)
		return CLI_FAILED;
	int bad = outbox_content(c, &add.content);
	if (bad != CLI_DONE)
		return bad;
	const char *wrong = read_when(c, &add);
	if (wrong)
		return outbox_usage(c, wrong);
	store_outbox_add(c->store, &add, NULL);
	if (store_run(c->store, &add.op) < 0)
		return cli_store_report(&add.op);
	if (add.known)
		fputs("prosaas: this key was used before: nothing is added\n", stderr);
	return finish(c, &add.row);
}

int
cli_send(const struct settings *s, int argc, char **argv)
{
	return outbox_run(&command, s, argc, argv);
}
