/* SPDX-License-Identifier: MIT */
/* cli_person.c: prosaas person show|name|export|erase|unmerge.
 *
 * WHO is a phone as people write it, or an address (JID, LID).  Shown are names with
 * the middle left out, unless --full: a screen is seen by others. */
#include "cli_person.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli_mask.h"
#include "cli_person_priv.h"
#include "cli_store.h"
#include "cli_table.h"

static int person_show(void *into), person_name(void *into), person_export(void *into),
	person_unmerge(void *into);

static const struct cli_row rows[] = {
	{"show", person_show, 2, 2, "show TENANT WHO [--full]",
		"A person's names and how much is known.  WHO: a phone, a JID or a "
		"LID."},
	{"name", person_name, 3, 3, "name TENANT WHO NAME",
		"What somebody is called from now on, whatever WhatsApp and the AI "
		"say; \"\" takes\n"
		"that back."},
	{"export", person_export, 2, 2, "export TENANT WHO",
		"All that the database holds of a person, as one JSON document."},
	{"erase", person_erase, 2, 2, "erase TENANT WHO [--yes] [--wait SECONDS]",
		"Deletes a person from the database and from Redis, for good.  Without "
		"--yes it is\n"
		"only said how much.  Jobs of theirs that run are waited for, 30 "
		"seconds or SECONDS."},
	{"unmerge", person_unmerge, 2, 2, "unmerge TENANT AUDIT_ID",
		"Parts two contacts that a contact.merge of `prosaas audit` made one."},
};

static const struct cli_option options[] = {
	{"--full", CLI_FLAG, offsetof(struct person, full)},
	{"--yes", CLI_FLAG, offsetof(struct person, yes)},
	{"--wait", CLI_NUMBER, offsetof(struct person, wait_s)},
};

static const struct cli_command command = {
	"person", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

bool
person_find(struct person *p)
{
	p->found = (struct store_person){.op.arena = &p->arena,
		.tenant = p->words.words[0],
		.name = p->words.words[1]};
	store_person(p->store, &p->found, NULL);
	if (store_run(p->store, &p->found.op) == 0)
		return true;
	cli_store_report(&p->found.op);
	return false;
}

int
person_nobody(const struct person *p)
{
	fprintf(stderr, "prosaas: nobody of that name is known to tenant ");
	cli_print_safe(stderr, p->words.words[0]);
	fputc('\n', stderr);
	return CLI_FAILED;
}

/* --- show ----------------------------------------------------------------- */

static struct str
masked(struct person *p, struct str s)
{
	return p->full ? s : cli_mask(&p->arena, s);
}

static void
line(const char *name, struct str value)
{
	printf("%-14s", name);
	cli_print_safe(stdout, value);
	putchar('\n');
}

static void
date_line(const char *name, int64_t us)
{
	char when[CLOCK_ISO_SIZE];

	clock_iso(when, us);
	if (us > 0)
		line(name, str_of(when));
}

static int
person_show(void *into)
{
	struct person *p = into;
	struct store_person *f = &p->found;

	if (!person_find(p))
		return CLI_FAILED;
	if (f->who.contact_id == 0)
		return person_nobody(p);
	printf("%-14s%lld\n", "contact", (long long)f->who.contact_id);
	line("name", masked(p, f->called));
	if (f->name_source.p)
		line("name from", f->name_source);
	for (size_t i = 0; i < f->name_count; i++)
		line(arena_z(&p->arena, f->names[i].kind),
			masked(p, f->names[i].value));
	printf("%-14s%lld\n%-14s%lld\n%-14s%lld received, %lld sent\n", "conversations",
		(long long)f->conversations, "turns", (long long)f->turns, "messages",
		(long long)f->received, (long long)f->sent);
	date_line("first", f->first_us);
	date_line("last", f->last_us);
	return CLI_DONE;
}

/* --- name ----------------------------------------------------------------- */

static int
person_name(void *into)
{
	struct person *p = into;
	struct store_person_name n = {.who = {.op.arena = &p->arena,
					      .tenant = p->words.words[0],
					      .name = p->words.words[1]},
		.name = p->words.words[2],
		.actor = STR("cli")};

	store_person_name(p->store, &n, NULL);
	if (store_run(p->store, &n.who.op) < 0)
		return cli_store_report(&n.who.op);
	if (!n.changed)
		printf("that was so already\n");
	else if (str_trim(n.name).n == 0)
		printf("the name is what the next message says\n");
	else
		printf("contact %lld has that name now\n",
			(long long)n.who.who.contact_id);
	return CLI_DONE;
}

/* --- export, unmerge ------------------------------------------------------ */

static int
person_export(void *into)
{
	struct person *p = into;
	struct buf out;
	int status = CLI_DONE;

	if (!person_find(p))
		return CLI_FAILED;
	buf_init(&out);
	struct store_export e = {.op.arena = &p->arena,
		.tenant = p->words.words[0],
		.who = p->found.who,
		.out = &out};
	store_export(p->store, &e, NULL);
	if (store_run(p->store, &e.op) < 0)
		status = cli_store_report(&e.op);
	else if (e.rows == 0)
		status = person_nobody(p);
	else if (fwrite(buf_str(&out).p, 1, buf_len(&out), stdout) < buf_len(&out))
		status = CLI_FAILED;
	buf_done(&out);
	return status;
}

static int
person_unmerge(void *into)
{
	struct person *p = into;
	struct store_unmerge u = {.op.arena = &p->arena, .tenant = p->words.words[0]};

	if (str_int(p->words.words[1], &u.merge_id) < 0)
		return cli_usage(&command, &rows[4],
			"AUDIT_ID is a number: see `prosaas audit`");
	store_unmerge(p->store, &u, NULL);
	if (store_run(p->store, &u.op) < 0)
		return cli_store_report(&u.op);
	printf("contact %lld is a contact of its own again\n", (long long)u.contact_id);
	return CLI_DONE;
}

/* --- the command ---------------------------------------------------------- */

int
cli_person(const struct settings *s, int argc, char **argv)
{
	static struct person p; /* the words live as long as the process */
	int status;

	p = (struct person){.s = s, .wait_s = PERSON_UNSET};
	const struct cli_row *r =
		cli_words(&command, argc, argv, &p, &p.words, &status);
	return r ? cli_store_run(s, &p.store, &p.arena, r->run, &p) : status;
}
