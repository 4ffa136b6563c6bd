/* SPDX-License-Identifier: MIT */
/* cli_alerts.c: prosaas alerts: what is wrong now, and what was lately. */
#include "cli_alerts.h"

#include <hiredis/hiredis.h>

#include "base/arena.h"
#include "base/buf.h"
#include "cli_redis.h"
#include "cli_table.h"
#include "cli_words.h"
#include "codec/json.h"
#include "codec/val.h"
#include "queue/incident.h"

enum { NODES_MAX = 100 };

struct alerts {
	struct cli_redis redis;
	struct cli_words words;
	bool json, recent;
	int status;
};

static int alerts_run(void *into);

static const struct cli_row rows[] = {
	{"", alerts_run, 0, 0, "[--recent] [--json]",
		"What is wrong now: since when, what it means, the command that begins "
		"to mend it.\n"
		"--recent: the last 100 changes, the newest first.  Exit status 1 "
		"while "
		"an alert fires."},
};

static const struct cli_option options[] = {
	{"--json", CLI_FLAG, offsetof(struct alerts, json)},
	{"--recent", CLI_FLAG, offsetof(struct alerts, recent)},
};

static const struct cli_command command = {
	"alerts", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

static void
take_json(void *arg, const struct redisReply *reply)
{
	struct buf out;

	(void)arg;
	buf_init(&out);
	incident_list_json(reply, &out);
	cli_print_take(&out);
}

struct str
cli_alert_measure(struct arena *a, const struct val *v)
{
	const struct val *value = val_get(v, "value");
	struct str unit = val_text(val_get(v, "unit"));
	struct buf text;

	if (unit.n == 0 || !value || value->kind == VAL_NULL)
		return val_text(val_get(v, "detail"));
	buf_init(&text);
	val_json(&text, value);
	struct str ret =
		arena_printf(a, "%.*s %.*s", STR_FMT(buf_str(&text)), STR_FMT(unit));
	buf_done(&text);
	return ret;
}

static void
add_row(struct arena *a, struct cli_table *t, struct str json)
{
	static const char *const members[] = {"at", "state", "severity", "name"};
	struct val *v;
	char why[128];

	if (json_parse(a, json, NODES_MAX, &v, why) < 0)
		return; /* not ours */
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		cli_table_add(t, val_text(val_get(v, members[i])));
	cli_table_add(t, cli_alert_measure(a, v));
	cli_table_add(t, val_text(val_get(v, "meaning")));
	cli_table_add(t, val_text(val_get(v, "command")));
}

static void
take_table(void *arg, const struct redisReply *reply)
{
	static const char *const heads[] = {
		"WHEN", "STATE", "SEVERITY", "ALERT", "VALUE", "MEANING", "MEND", NULL};
	struct alerts *u = arg;
	const struct redisReply *list = redis_at(reply, u->recent ? 1 : 0);
	struct cli_table t;
	struct arena a;

	arena_init(&a);
	cli_table_init(&t, heads);
	for (size_t i = 0; redis_at(list, i); i++)
		add_row(&a, &t, redis_text(redis_at(list, i)));
	cli_table_print(&t);
	arena_done(&a);
}

/* The status is for scripts: is anything wrong? */
static void
take(void *arg, const struct redisReply *reply)
{
	struct alerts *u = arg;

	if (u->json)
		take_json(u, reply);
	else
		take_table(u, reply);
	u->status = redis_at(redis_at(reply, 0), 0) ? CLI_FAILED : CLI_DONE;
}

static int
alerts_run(void *into)
{
	struct alerts *u = into;

	incident_list(u->redis.redis, &u->redis.cmd, cli_redis_done);
	if (cli_redis_wait(&u->redis, take, u) < 0)
		return CLI_FAILED;
	return u->status;
}

int
cli_alerts(const struct settings *s, int argc, char **argv)
{
	static struct alerts u; /* the loop in it is left to the kernel */
	int status;

	const struct cli_row *row =
		cli_words(&command, argc, argv, &u, &u.words, &status);
	return row ? cli_redis_run(&u.redis, s, row->run, &u) : status;
}
