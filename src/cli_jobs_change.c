/* SPDX-License-Identifier: MIT */
/* cli_jobs_change.c: prosaas jobs retry|cancel|discard.
 *
 *   ids given ---------------------------.
 *   --all ---> find ---> in order ---> confirm ---> batches ---> what became of each
 *
 * A batch is one script: interrupted between two, what is done is done, and the same
 * command does the rest.  What was retried or discarded is noted in the audit of each
 * tenant. */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "cli_jobs_priv.h"
#include "cli_progress.h"
#include "cli_table.h"
#include "store/store.h"

enum { NOTED_MAX = 20 }; /* ids in a row of the audit; more are a number */

/* What was done to the jobs of one tenant. */
struct audit_note {
	struct str tenant;
	struct buf ids;
	size_t count;
};

struct change {
	struct jobs *j;
	void (*send)(struct jobs *j, const struct str *ids, size_t count);
	const char *action; /* in the audit; NULL: not noted */
	struct audit_note *notes;
	size_t note_count;
	const char *done;   /* "ID <done>" */
	const char *ask;    /* what --all would do without --yes; NULL: it may */
	const char *needed; /* what a job must be, for those that are not */
	const struct str *ids;
	size_t count, at; /* at: of the batch on its way */
	size_t good;
	bool told; /* a line for each that went well */
};

static int
compare(struct str a, struct str b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* By when it first came in: per chat that is the order it was written in.  What came
 * in one call has one time; what ended first ran first. */
static int
by_arrival(const void *pa, const void *pb)
{
	const struct jobs_found *a = pa, *b = pb;
	int order = compare(a->row.created_at, b->row.created_at);

	if (order == 0)
		order = compare(a->row.ended_at, b->row.ended_at);
	return order ? order : (a->order > b->order) - (a->order < b->order);
}

static void
say(const struct change *c, struct str id, struct str word)
{
	struct str rest = word;
	struct str first = str_cut(&rest, ' ');
	bool ok = str_eqz(first, "ok") || str_eqz(first, "asked");
	FILE *to = ok ? stdout : stderr;

	if (ok && !c->told)
		return;
	cli_progress_end();
	if (!ok)
		fputs("prosaas: ", to);
	cli_print_safe(to, id);
	if (str_eqz(first, "ok"))
		fprintf(to, " %s\n", c->done);
	else if (str_eqz(first, "asked"))
		fprintf(to, " runs: its worker %s was asked to stop it\n",
			log_safe(rest));
	else if (str_eqz(first, "deaf"))
		fprintf(to, " runs, and its worker %s does not listen\n",
			log_safe(rest));
	else if (str_eqz(first, "is"))
		fprintf(to, " is %s, not %s\n", log_safe(rest), c->needed);
	else if (str_eqz(first, "gone"))
		fputs(": no such job\n", to);
	else {
		fputs(": ", to);
		cli_print_safe(to, rest);
		fputc('\n', to);
	}
}

/* word: "ok queue tenant". */
static void
take_note(struct change *c, struct str id, struct str word)
{
	struct str tenant = word;
	size_t i = 0;

	str_cut(&tenant, ' ');
	str_cut(&tenant, ' ');
	if (!c->action || !str_starts(word, STR("ok ")) || tenant.n == 0)
		return;
	while (i < c->note_count && !str_eq(c->notes[i].tenant, tenant))
		i++;
	if (i == c->note_count) {
		c->notes = xrealloc(c->notes, ++c->note_count * sizeof(*c->notes));
		c->notes[i] =
			(struct audit_note){.tenant = arena_str(&c->j->arena, tenant)};
		buf_init(&c->notes[i].ids);
	}
	if (c->notes[i].count++ < NOTED_MAX)
		buf_addf(&c->notes[i].ids, " %.*s", STR_FMT(id));
}

static void
take_words(void *arg, const struct redisReply *reply)
{
	struct change *c = arg;

	for (size_t i = 0; redis_at(reply, i); i++) {
		struct str word = redis_text(redis_at(reply, i));

		c->good +=
			str_starts(word, STR("ok ")) || str_starts(word, STR("asked "));
		say(c, c->ids[c->at + i], word);
		take_note(c, c->ids[c->at + i], word);
	}
}

static int
run(struct change *c)
{
	for (c->at = 0; c->at < c->count; c->at += MANAGE_BATCH) {
		size_t left = c->count - c->at;

		cli_progress("jobs", (int64_t)c->at, (int64_t)c->count);
		c->send(c->j, c->ids + c->at,
			left < MANAGE_BATCH ? left : MANAGE_BATCH);
		if (cli_redis_wait(&c->j->redis, take_words, c) < 0)
			return CLI_FAILED;
	}
	cli_progress_end();
	return c->good == c->count ? CLI_DONE : CLI_FAILED;
}

/* Ids in the words, or --all with filters: one of the two. */
static const char *
wrong_choice(const struct jobs *j)
{
	if (j->all == (j->words.count > 0))
		return "either ids or --all";
	if (!j->all && (j->status.p || j->reason.p || j->tenant.p || j->queue.p ||
			       j->limit >= 0))
		return "--status, --reason, --tenant, --queue and --limit go with "
		       "--all";
	return NULL;
}

/* The ids of --all, in order of arrival.  -1 after words. */
static int
find_all(struct change *c)
{
	struct jobs *j = c->j;

	int bad = jobs_find(j, j->status.p ? j->status.p : "failed", false, -1);
	if (bad == 0 && !j->status.p)
		bad = jobs_find(j, "stopped", false, -1);
	if (bad < 0)
		return -1;
	if (j->count == 0) {
		jobs_say_none(j);
		return -1;
	}
	qsort(j->found, j->count, sizeof(*j->found), by_arrival);
	c->count = j->limit >= 0 && (size_t)j->limit < j->count ? (size_t)j->limit
								: j->count;
	struct str *ids = arena_alloc(&j->arena, c->count * sizeof(*ids) + 1);
	for (size_t i = 0; i < c->count; i++)
		ids[i] = j->found[i].row.id;
	c->ids = ids;
	return 0;
}

/* Without --yes nothing is done but said. */
static bool
may(const struct change *c)
{
	if (!c->ask || !c->j->all || c->j->yes)
		return true;
	fprintf(stderr, "prosaas: this would %s %zu jobs: add --yes\n", c->ask,
		c->count);
	return false;
}

static int
find_and_run(void *into)
{
	struct change *c = into;

	if (c->j->all && find_all(c) < 0)
		return CLI_FAILED;
	if (!may(c))
		return CLI_USAGE;
	int status = run(c);
	if (c->j->all)
		printf("%zu jobs %s\n", c->good, c->done);
	return status;
}

static void
write_note(struct change *c, struct store *store, struct audit_note *n)
{
	struct store_audit_add op = {.op.arena = &c->j->arena,
		.tenant = n->tenant,
		.action = str_of(c->action),
		.actor = STR("cli"),
		.detail = arena_printf(&c->j->arena, "%zu jobs:%.*s%s", n->count,
			STR_FMT(buf_str(&n->ids)), n->count > NOTED_MAX ? " ..." : "")};

	store_audit_add(store, &op, NULL);
	if (store_run(store, &op.op) < 0)
		fprintf(stderr, "prosaas: not in the audit: %s\n", op.op.words);
}

/* Redis is enough for the work itself: where the database is not, that is said. */
static void
write_notes(struct change *c)
{
	char err[256];

	if (c->note_count == 0)
		return;
	struct store *store = store_open(NULL, store_url(c->j->s, &c->j->arena), err);
	if (!store)
		fprintf(stderr, "prosaas: not in the audit: %s\n", err);
	for (size_t i = 0; i < c->note_count; i++) {
		if (store)
			write_note(c, store, &c->notes[i]);
		buf_done(&c->notes[i].ids);
	}
	store_close(store);
	free(c->notes);
}

static int
change(struct change *c)
{
	struct jobs *j = c->j;
	const char *wrong = wrong_choice(j);

	if (wrong)
		return jobs_usage(j, wrong);
	c->ids = j->words.words;
	c->count = (size_t)j->words.count;
	c->told = !j->all;
	int status = cli_redis_run(&j->redis, j->s, find_and_run, c);
	write_notes(c);
	return status;
}

static void
send_retry(struct jobs *j, const struct str *ids, size_t count)
{
	manage_retry(j->redis.redis, &j->redis.cmd, ids, count, j->s->job_retries,
		cli_redis_done);
}

int
jobs_retry(void *into)
{
	struct jobs *j = into;
	struct change c = {.j = j,
		.send = send_retry,
		.action = "jobs.retry",
		.done = "queued again",
		.needed = "failed"};

	j->all = j->all || (j->reason.p && j->words.count == 0);
	return change(&c);
}

static void
send_cancel(struct jobs *j, const struct str *ids, size_t count)
{
	manage_cancel(j->redis.redis, &j->redis.cmd, ids, count, cli_redis_done);
}

int
jobs_cancel(void *into)
{
	struct change c = {.j = into,
		.send = send_cancel,
		.done = "canceled",
		.needed = "waiting"};

	return change(&c);
}

static void
send_discard(struct jobs *j, const struct str *ids, size_t count)
{
	manage_discard(j->redis.redis, &j->redis.cmd, ids, count, cli_redis_done);
}

int
jobs_discard(void *into)
{
	struct change c = {.j = into,
		.send = send_discard,
		.action = "jobs.discard",
		.done = "deleted",
		.ask = "delete for good",
		.needed = "failed, stopped, canceled or finished"};

	return change(&c);
}
