/* SPDX-License-Identifier: MIT */
/* cli_sessions.c: prosaas sessions: the tenants' ways to WhatsApp. */
#include <hiredis/hiredis.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/settings.h"
#include "cli_jobs.h"
#include "cli_redis.h"
#include "cli_table.h"
#include "cli_words.h"
#include "codec/session.h"
#include "queue/sessions.h"

enum { DOWN_MOST = 1000 };

struct sessions {
	struct cli_redis redis;
	struct cli_words words;
	bool json;
};

static int sessions_run(void *into);

static const struct cli_row rows[] = {
	{"", sessions_run, 0, 0, "[--json]",
		"How the tenants' WhatsApp sessions stand, as their gateways told: how "
		"many of each\n"
		"state, and what is not connected, longest first."},
};

static const struct cli_option options[] = {
	{"--json", CLI_FLAG, offsetof(struct sessions, json)},
};

static const struct cli_command command = {
	"sessions", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

static void
take_json(void *arg, const struct redisReply *reply)
{
	struct buf out;

	(void)arg;
	buf_init(&out);
	sessions_json(reply, &out);
	cli_print_take(&out);
}

static void
print_counts(const struct redisReply *reply)
{
	const char *comma = "";

	for (const char *const *state = session_states; *state; state++) {
		int64_t n = sessions_count(sessions_all(reply), *state);

		if (n > 0) {
			printf("%s%lld %s", comma, (long long)n, *state);
			comma = ", ";
		}
	}
	puts(*comma ? "" : "no gateway has told of a session yet");
}

static void
take_table(void *arg, const struct redisReply *reply)
{
	static const char *const heads[] = {
		"TENANT", "STATE", "FOR", "REASON", "SAID", NULL};
	struct sessions_down d;
	struct cli_table t;
	struct arena a;

	(void)arg;
	print_counts(reply);
	if (!sessions_down(reply, 0, &d))
		return;
	arena_init(&a);
	cli_table_init(&t, heads);
	for (size_t i = 0; sessions_down(reply, i, &d); i++) {
		cli_table_add(&t, d.tenant);
		cli_table_add(&t, d.state);
		cli_table_add(&t, arena_printf(&a, "%lld s", (long long)d.seconds));
		cli_table_add(&t, d.reason);
		cli_table_add(&t, d.said);
	}
	cli_table_print(&t);
	arena_done(&a);
}

static int
sessions_run(void *into)
{
	struct sessions *s = into;

	sessions_read(s->redis.redis, &s->redis.cmd, DOWN_MOST, cli_redis_done);
	return cli_redis_show(&s->redis, s->json ? take_json : take_table, s);
}

int
cli_sessions(const struct settings *settings, int argc, char **argv)
{
	static struct sessions s; /* the words live as long as the process */
	int status;
	const struct cli_row *r =
		cli_words(&command, argc, argv, &s, &s.words, &status);

	return r ? cli_redis_run(&s.redis, settings, r->run, &s) : status;
}
