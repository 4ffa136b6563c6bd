/* SPDX-License-Identifier: MIT */
/* cli_ai.c: prosaas ai usage|prompts|try: what a tenant's AI costs, is told and says.
 *
 * `try` asks as a worker does, with job/ask.c: the same order, models and limits; only
 * there is no history. */
#include "cli_ai.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/settings.h"
#include "cli_store.h"
#include "cli_table.h"
#include "cli_time.h"
#include "cli_words.h"
#include "client/ai.h"
#include "client/breaker.h"
#include "codec/val.h"
#include "job/ask.h"
#include "job/job.h"
#include "job/spend.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "store/store.h"

enum { DAYS = 30, MICROS = 1000000 };

struct cli_ai {
	const struct settings *s;
	struct store *store;
	struct arena arena;
	struct cli_words words; /* tenant, text or version */
	int64_t days;           /* below 0: not given */
	bool json, show;
};

static int ai_usage(void *into), ai_prompts(void *into), ai_try(void *into);

static const struct cli_row rows[] = {
	{"usage", ai_usage, 1, 1, "usage TENANT [--days N] [--json]",
		"Requests, tokens and cost of the last 30 or N days with any, by "
		"model."},
	{"prompts", ai_prompts, 1, 2, "prompts TENANT [VERSION] [--json]",
		"The versions that the tenant's prompt has had, or the text of one."},
	{"try", ai_try, 2, 2, "try TENANT TEXT [--show]",
		"Asks the AI once, as for a first message, and prints its answer; with "
		"--show also\n"
		"all that it is told.  Nothing is sent; what it costs is counted."},
};

static const struct cli_option options[] = {
	{"--days", CLI_NUMBER, offsetof(struct cli_ai, days)},
	{"--json", CLI_FLAG, offsetof(struct cli_ai, json)},
	{"--show", CLI_FLAG, offsetof(struct cli_ai, show)},
};

static const struct cli_command command = {
	"ai", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

/* --- usage ---------------------------------------------------------------- */

static void
usage_json(const struct store_usage_day *d)
{
	struct buf out;

	buf_init(&out);
	buf_addf(&out, "{\"day\":\"%.*s\",\"model\":", STR_FMT(d->day));
	json_quote(&out, d->model);
	buf_addf(&out,
		",\"requests\":%" PRId64 ",\"estimated\":%" PRId64
		",\"tokens_in\":%" PRId64 ",\"tokens_out\":%" PRId64
		",\"cost_micros\":%" PRId64 "}\n",
		d->requests, d->estimated, d->tokens_in, d->tokens_out, d->cost_micros);
	cli_print_take(&out);
}

static void
usage_row(struct cli_ai *c, struct cli_table *t, const struct store_usage_day *d)
{
	cli_table_add(t, d->day);
	cli_table_add(t, d->model);
	cli_table_number(t, &c->arena, d->requests);
	cli_table_number(t, &c->arena, d->tokens_in);
	cli_table_number(t, &c->arena, d->tokens_out);
	cli_table_add(t, arena_printf(&c->arena, "%" PRId64 ".%06" PRId64,
				 d->cost_micros / MICROS, d->cost_micros % MICROS));
}

static int
ai_usage(void *into)
{
	static const char *const heads[] = {
		"DAY", "MODEL", "REQUESTS", "TOKENS IN", "TOKENS OUT", "COST", NULL};
	struct cli_ai *c = into;
	struct store_usage_list op = {.op.arena = &c->arena,
		.tenant = c->words.words[0],
		.days = c->days < 0 ? DAYS : c->days};
	struct cli_table table;

	store_usage_list(c->store, &op, NULL);
	if (store_run(c->store, &op.op) < 0)
		return cli_store_report(&op.op);
	for (size_t i = 0; c->json && i < op.count; i++)
		usage_json(&op.rows[i]);
	if (c->json)
		return CLI_DONE;
	cli_table_init(&table, heads);
	for (size_t i = 0; i < op.count; i++)
		usage_row(c, &table, &op.rows[i]);
	cli_table_print(&table);
	return CLI_DONE;
}

/* --- prompts -------------------------------------------------------------- */

static void
prompt_json(const struct store_prompt *p)
{
	struct buf out;

	buf_init(&out);
	buf_addf(&out, "{\"version\":%" PRId64 ",\"created_us\":%" PRId64 ",\"text\":",
		p->version, p->created_us);
	json_quote(&out, p->text);
	buf_addz(&out, "}\n");
	cli_print_take(&out);
}

/* The first line, for the list. */
static void
prompt_row(struct cli_ai *c, struct cli_table *t, const struct store_prompt *p)
{
	struct str rest = p->text;

	cli_table_number(t, &c->arena, p->version);
	cli_table_add(t, cli_time_text(&c->arena, p->created_us));
	cli_table_number(t, &c->arena, (int64_t)p->text.n);
	cli_table_add(t, str_cut(&rest, '\n'));
}

static int
print_version(const struct cli_ai *c, const struct store_prompt_list *op)
{
	int64_t wanted;

	if (str_int(c->words.words[1], &wanted) < 0)
		return cli_usage(&command, &rows[1], "a VERSION is a number");
	for (size_t i = 0; i < op->count; i++) {
		if (op->prompts[i].version != wanted)
			continue;
		if (c->json)
			prompt_json(&op->prompts[i]);
		else
			cli_print_lines(stdout, op->prompts[i].text);
		if (!c->json)
			putchar('\n');
		return CLI_DONE;
	}
	fprintf(stderr, "prosaas: no such version\n");
	return CLI_FAILED;
}

static int
ai_prompts(void *into)
{
	static const char *const heads[] = {
		"VERSION", "SINCE", "BYTES", "FIRST LINE", NULL};
	struct cli_ai *c = into;
	struct store_prompt_list op = {
		.op.arena = &c->arena, .tenant = c->words.words[0]};
	struct cli_table table;

	store_prompt_list(c->store, &op, NULL);
	if (store_run(c->store, &op.op) < 0)
		return cli_store_report(&op.op);
	if (c->words.count > 1)
		return print_version(c, &op);
	for (size_t i = 0; c->json && i < op.count; i++)
		prompt_json(&op.prompts[i]);
	if (c->json)
		return CLI_DONE;
	cli_table_init(&table, heads);
	for (size_t i = 0; i < op.count; i++)
		prompt_row(c, &table, &op.prompts[i]);
	cli_table_print(&table);
	return CLI_DONE;
}

/* --- try ------------------------------------------------------------------ */

/* What a worker has around a question, as far as one needs it. */
struct trial {
	struct flow flow;
	struct loop loop;
	struct job_env env;
	struct job job;
	struct store_load load;
	struct store_text line;
	struct ask ask;
};

static int
trial_over(struct flow *f)
{
	loop_quit(&container_of(f, struct trial, flow)->loop);
	return FLOW_WAIT;
}

static void
trial_run(struct trial *t, struct cli_ai *c, const struct tenant *who)
{
	loop_init(&t->loop);
	t->env = (struct job_env){.s = c->s, .loop = &t->loop};
	t->env.ai =
		ai_client_new(http_client_new(&t->loop), c->s, breaker_new(NULL, NULL));
	t->job.env = &t->env;
	t->job.id = STR("try");
	t->job.tenant = who->id;
	arena_init(&t->job.arena);
	t->load.found = *who;
	t->line.text = c->words.words[1];
	t->ask = (struct ask){
		.job = &t->job, .load = &t->load, .lines = &t->line, .line_count = 1};
	flow_init(&t->flow, trial_over, "over", NULL);
	ask_start(&t->ask, &t->flow);
	loop_run(&t->loop);
}

static void
print_told(const struct prompt *p)
{
	static const char *const names[] = {[AI_SYSTEM] = "system",
		[AI_USER] = "user",
		[AI_ASSISTANT] = "assistant"};

	for (size_t i = 0; i < p->count; i++) {
		printf("--- %s\n", names[p->turns[i].role]);
		cli_print_lines(stdout, p->turns[i].text);
		putchar('\n');
	}
	printf("--- answer (told: %" PRId64 " tokens by estimate)\n", p->tokens);
}

static int
count_trial(struct cli_ai *c, const struct trial *t)
{
	const struct tenant *who = &t->load.found;
	struct store_spend op = {.op.arena = &c->arena,
		.tenant = who->id,
		.usage = t->ask.usage,
		.usage_count = t->ask.usage_count,
		.budget = who->ai_daily_budget};

	store_spend(c->store, &op, NULL);
	if (store_run(c->store, &op.op) < 0)
		return cli_store_report(&op.op);
	spend_log(who->id, op.budget_crossed);
	return CLI_DONE;
}

static int
ai_try(void *into)
{
	static struct trial t; /* the loop in it is left to the kernel */
	struct cli_ai *c = into;
	struct store_tenant_get op = {.op.arena = &c->arena, .id = c->words.words[0]};

	store_tenant_get(c->store, &op, NULL);
	if (store_run(c->store, &op.op) < 0)
		return cli_store_report(&op.op);
	if (op.found.prompt.n == 0) {
		fprintf(stderr, "prosaas: the tenant has no prompt: no AI is asked\n");
		return CLI_FAILED;
	}
	trial_run(&t, c, &op.found);
	if (c->show)
		print_told(&t.ask.prompt);
	int status = count_trial(c, &t);
	if (t.ask.err < 0) {
		fprintf(stderr, "prosaas: %s\n", t.job.words);
		status = CLI_FAILED;
	} else {
		cli_print_lines(stdout, t.ask.answer);
		putchar('\n');
	}
	arena_done(&t.job.arena);
	return status;
}

/* --- words ---------------------------------------------------------------- */

int
cli_ai(const struct settings *s, int argc, char **argv)
{
	static struct cli_ai c; /* the words live as long as the process */
	int status;

	c.s = s;
	c.days = -1;
	const struct cli_row *row =
		cli_words(&command, argc, argv, &c, &c.words, &status);
	return row ? cli_store_run(s, &c.store, &c.arena, row->run, &c) : status;
}
