/* SPDX-License-Identifier: MIT */
/* cli_outbox.c: what the commands that write to customers share. */
#include "cli_outbox_priv.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/settings.h"
#include "cli_file.h"
#include "cli_store.h"
#include "client/gateway.h"
#include "codec/rqcall.h"
#include "codec/val.h"
#include "queue/manage.h"
#include "store/store_outbox.h"

/* Of all three commands: a row takes those that its usage names. */
static const struct cli_option options[] = {
	{"--at", CLI_TEXT, offsetof(struct outbox_cli, at)},
	{"--in", CLI_TEXT, offsetof(struct outbox_cli, in)},
	{"--every", CLI_TEXT, offsetof(struct outbox_cli, every)},
	{"--zone", CLI_TEXT, offsetof(struct outbox_cli, zone)},
	{"--unless-reply", CLI_FLAG, offsetof(struct outbox_cli, unless_reply)},
	{"--key", CLI_TEXT, offsetof(struct outbox_cli, key)},
	{"--wait", CLI_FLAG, offsetof(struct outbox_cli, wait)},
	{"--json", CLI_FLAG, offsetof(struct outbox_cli, json)},
	{"--status", CLI_TEXT, offsetof(struct outbox_cli, status)},
	{"--limit", CLI_NUMBER, offsetof(struct outbox_cli, limit)},
	{"--text", CLI_TEXT, offsetof(struct outbox_cli, text)},
	{"--file", CLI_TEXT, offsetof(struct outbox_cli, file)},
	{"--name", CLI_TEXT, offsetof(struct outbox_cli, name)},
	{"--rate", CLI_NUMBER, offsetof(struct outbox_cli, rate)},
	{"--skip-bad", CLI_FLAG, offsetof(struct outbox_cli, skip_bad)},
	{"--template", CLI_TEXT, offsetof(struct outbox_cli, template)},
	{"--language", CLI_TEXT, offsetof(struct outbox_cli, language)},
	{"--content", CLI_TEXT, offsetof(struct outbox_cli, content)},
};

int
outbox_run(const struct cli_command *command, const struct settings *s, int argc,
	char **argv)
{
	static struct outbox_cli c;     /* the loop in it is left to the kernel */
	static struct cli_command with; /* c.command borrows it */
	int status;

	with = *command;
	with.options = options;
	with.option_count = ARRAY_LEN(options);
	c = (struct outbox_cli){
		.s = s, .command = &with, .limit = OUTBOX_UNSET, .rate = OUTBOX_UNSET};
	c.row = cli_words(&with, argc, argv, &c, &c.words, &status);
	if (!c.row)
		return status;
	return cli_store_run(s, &c.store, &c.arena, c.row->run, &c);
}

int
outbox_usage(const struct outbox_cli *c, const char *wrong)
{
	return cli_usage(c->command, c->row, wrong);
}

int
outbox_id(const struct outbox_cli *c, int word, int64_t *ret)
{
	if (str_int(c->words.words[word], ret) == 0 && *ret > 0)
		return CLI_DONE;
	return outbox_usage(c, "an ID is a number");
}

/* --- more than a text --------------------------------------------------------- */

static struct str
template_content(struct outbox_cli *c)
{
	struct buf b;

	buf_init(&b);
	buf_addz(&b, "{\"type\":\"template\",\"template\":{\"name\":");
	json_quote(&b, c->template);
	buf_addz(&b, ",\"language\":{\"code\":");
	json_quote(&b, c->language.p ? c->language : STR("en"));
	buf_addz(&b, "}}}");
	struct str s = arena_str(&c->arena, buf_str(&b));
	buf_done(&b);
	return s;
}

/* It would fail later; who asks for it is told now. */
static int
may_have_content(struct outbox_cli *c)
{
	struct store_tenant_get get = {.op.arena = &c->arena, .id = c->words.words[0]};

	store_tenant_get(c->store, &get, NULL);
	if (store_run(c->store, &get.op) < 0)
		return cli_store_report(&get.op);
	struct gateway_account from = gateway_account_of(&get.found);
	if (gateway_takes_content(&from))
		return CLI_DONE;
	fprintf(stderr,
		"prosaas: tenant %.*s has gateway=%.*s, which sends texts only\n",
		STR_FMT(get.found.id), STR_FMT(get.found.gateway));
	return CLI_FAILED;
}

int
outbox_content(struct outbox_cli *c, struct str *ret)
{
	*ret = (struct str){NULL, 0};
	if (c->template.p && c->content.p)
		return outbox_usage(c, "only one of --template and --content");
	if (c->language.p && !c->template.p)
		return outbox_usage(c, "--language is that of a --template");
	if (!c->template.p && !c->content.p)
		return CLI_DONE;
	if (c->template.p)
		*ret = template_content(c);
	else if (cli_file_or_word(&c->arena, c->content, OUTBOX_FILE_MAX, ret) < 0)
		return CLI_FAILED;
	return may_have_content(c);
}

/* --- poke ------------------------------------------------------------------- */

static void
take_word(void *arg, const struct redisReply *reply)
{
	struct str word = redis_text(reply);

	(void)arg;
	if (str_starts(word, STR("error ")))
		fprintf(stderr, "prosaas: %.*s\n", STR_FMT(word));
}

static void
submit(struct outbox_cli *c)
{
	bool as_json = strcmp(c->s->rq_serializer, "json") == 0;
	struct manage_job job = {.queue = STR(OWN_QUEUE),
		.description = STR("prosaas.outbox"),
		.timeout_s = c->s->job_timeout_s,
		.retries = c->s->job_retries};
	char hex[24 + 1];
	struct buf data;

	digest_random_hex(sizeof(hex) - 1, hex);
	job.id = arena_printf(&c->arena, "outbox_%s", hex);
	buf_init(&data);
	int bad = rqcall_write(&data, as_json, job.description, STR("[]"), STR("{}"));
	assert(bad == 0);
	job.data = buf_str(&data);
	manage_submit(c->redis.redis, &c->redis.cmd, &job, cli_redis_done);
	buf_done(&data);
}

void
outbox_poke(struct outbox_cli *c)
{
	int bad = cli_redis_open(&c->redis, c->s);

	if (bad == 0) {
		submit(c);
		bad = cli_redis_wait(&c->redis, take_word, c);
		cli_redis_close(&c->redis);
	}
	if (bad < 0)
		fputs("prosaas: it is written down; the scheduler will look within a "
		      "minute of Redis's return\n",
			stderr);
}

/* --- rows for eyes and machines --------------------------------------------- */

static void
json_number(struct buf *out, const char *name, int64_t v)
{
	buf_addf(out, ",\"%s\":%lld", name, (long long)v);
}

void
outbox_json(struct buf *out, const struct outbox_row *row)
{
	buf_addf(out, "{\"id\":%lld", (long long)row->id);
	json_member(out, "tenant", row->tenant);
	json_member(out, "chat", row->chat);
	json_member(out, "text", row->text);
	buf_addf(out, ",\"content\":%.*s",
		STR_FMT(row->content.p ? row->content : STR("null")));
	json_member(out, "status", row->status);
	json_member(out, "reason", row->reason);
	json_number(out, "due_us", row->due_us);
	json_number(out, "held_us", row->held_us);
	json_member(out, "schedule", row->schedule);
	json_member(out, "zone", row->zone);
	json_member(out, "key", row->key);
	buf_addf(out, ",\"unless_reply\":%s", row->unless_reply ? "true" : "false");
	json_number(out, "broadcast_id", row->broadcast_id);
	json_number(out, "message_id", row->message_id);
	json_number(out, "sent_count", row->sent_count);
	json_number(out, "sent_us", row->sent_us);
	json_number(out, "created_us", row->created_us);
	buf_addz(out, "}\n");
}
