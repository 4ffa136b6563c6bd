/* SPDX-License-Identifier: MIT */
/* main.c: which role or command the words ask for.
 *
 *   prosaas [role|command] [options]     without a word: SERVICE_ROLE
 *
 * Exit status: 0 done, 1 it failed (one line says why), 2 wrong words. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/seal.h"
#include "base/settings.h"
#include "base/zone.h"
#include "cli_ai.h"
#include "cli_alerts.h"
#include "cli_backup.h"
#include "cli_bench.h"
#include "cli_chats.h"
#include "cli_completion.h"
#include "cli_doctor.h"
#include "cli_jobs.h"
#include "cli_outbox.h"
#include "cli_person.h"
#include "cli_probe.h"
#include "cli_tail.h"
#include "cli_tenant.h"
#include "cli_top.h"
#include "cli_trace.h"
#include "main_priv.h"
#include "queue/redis.h"
#include "role/fake_gateway.h"
#include "role/role.h"
#include "role/solo.h"
#include "version.h"

enum { USAGE = 2 };

static command cmd_config, cmd_migrate, cmd_fake_gateway, cmd_replay;

const struct word main_words[] = {
	{"all", NULL, "", "the whole system on embedded defaults, for one machine",
		supervisor_run, READS_NOTHING, false},
	{"api", NULL, "", "answers webhooks: only enqueues", api_run, READS_NOTHING,
		true},
	{"worker", NULL, "", "works jobs: saves, answers, sends", worker_run,
		READS_NOTHING, true},
	{"scheduler", NULL, "", "moves due jobs, returns those of dead workers",
		scheduler_run, READS_NOTHING, true},
	{"admin", NULL, "", "the admin API on ADMIN_PORT", admin_run, READS_NOTHING,
		true},
	{"solo", NULL, "", "one job in a process of its own; workers start it",
		solo_run, READS_NOTHING, false},
	{"fake-gateway", cmd_fake_gateway, "",
		"shows what would have been sent to WhatsApp", NULL, READS_NOTHING,
		false},
	{"migrate", cmd_migrate, "", "brings the database to this version", NULL,
		READS_NOTHING, false},
	{"tenant", cli_tenant, "add|list|show|set|remove|seal ...", "tenants", NULL,
		READS_WORDS, false},
	{"jobs", cli_jobs, "list|show|retry|cancel|discard|enqueue ...",
		"jobs and dead letters", NULL, READS_ALL, false},
	{"replay", cmd_replay, "ID...|--all|--reason R ...",
		"dead letters, queued again: jobs retry", NULL, READS_ALL, false},
	{"queues", cli_queues, "[restore] ...",
		"queues, and the way back to Python workers", NULL, READS_ALL, false},
	{"sessions", cli_sessions, "[--json]",
		"how the tenants' WhatsApp sessions stand", NULL, READS_ALL, false},
	{"send", cli_send, "TENANT TO TEXT ...", "a message to one customer", NULL,
		READS_ALL, false},
	{"scheduled", cli_scheduled, "list|show|cancel ...",
		"messages sent or to be sent", NULL, READS_ALL, false},
	{"broadcast", cli_broadcast, "create|start|pause|resume|cancel|list|show ...",
		"one text to many customers", NULL, READS_ALL, false},
	{"ai", cli_ai, "usage|prompts|try TENANT ...",
		"what a tenant's AI costs, is told and says", NULL, READS_ALL, false},
	{"chats", cli_chats, "list|show|pause|resume TENANT [CHAT] ...",
		"who answers in which chat", NULL, READS_ALL, false},
	{"person", cli_person, "show|export|erase|unmerge TENANT WHO ...",
		"what is known of one person", NULL, READS_ALL, false},
	{"alerts", cli_alerts, "[--recent] [--json]",
		"what is wrong now, and the command that mends it", NULL, READS_ALL,
		false},
	{"audit", cli_audit, "TENANT [--limit N] [--json]",
		"what people and programs decided", NULL, READS_ALL, false},
	{"backup", cli_backup, "DIR [--force]", "database and Redis, to a folder", NULL,
		READS_ALL, false},
	{"restore", cli_restore, "DIR [--force]", "what backup made, put back", NULL,
		READS_ALL, false},
	{"probe", cli_probe, "[--live]",
		"whether the role of this environment is ready", NULL, READS_ALL,
		false},
	{"doctor", cli_doctor, "[--json] [--fix] ...",
		"what is wrong, why, and the command that mends it", NULL, READS_ALL,
		false},
	{"top", cli_top, "[--once]", "rates, times, queues, workers and alerts, live",
		NULL, READS_ALL, false},
	{"tail", cli_tail, "[--tenant T] [--chat C] ...",
		"what happens, message by message", NULL, READS_ALL, false},
	{"trace", cli_trace, "ID [--json]",
		"the life of one message, from the webhook to its answer", NULL,
		READS_ALL, false},
	{"bench", cli_bench, "[--rate N] [--for SECONDS] ...",
		"real webhooks at a rate, and how long each took", NULL, READS_ALL,
		false},
	{"config", cmd_config, "[--markdown]",
		"every setting, its value, and where it came from", NULL, READS_WORDS,
		false},
	{"completion", cli_completion, "bash|zsh",
		"what the shell needs to complete these words", NULL, READS_ALL, false},
	{NULL, NULL, NULL, NULL, NULL, READS_NOTHING, false},
};

static void
print_help(FILE *to)
{
	fputs("usage: prosaas [role or command] [options]\n\n", to);
	for (const struct word *w = main_words; w->name; w++)
		fprintf(to, "  %-13s %s\n", w->name, w->help);
	fputs("\nWithout a word: the role in SERVICE_ROLE, else all.  Settings are "
	      "environment variables;\n"
	      "`prosaas config` lists them.  prosaas --version; prosaas <command> "
	      "--help.\n",
		to);
}

static const struct word *
find_word(const char *name)
{
	for (const struct word *w = main_words; w->name; w++)
		if (strcmp(w->name, name) == 0)
			return w;
	return NULL;
}

static int
wrong_usage(const struct word *w, const char *what)
{
	fprintf(stderr, "prosaas: unknown option %s\nusage: prosaas %s %s\n", what,
		w->name, w->usage);
	return USAGE;
}

static int
cmd_config(const struct settings *s, int argc, char **argv)
{
	struct buf out;

	if (argc > 0 && strcmp(argv[0], "--markdown") != 0)
		return wrong_usage(find_word("config"), argv[0]);
	buf_init(&out);
	if (argc > 0)
		settings_markdown(&out);
	else
		settings_show(s, &out);
	fwrite(buf_str(&out).p, 1, buf_len(&out), stdout);
	buf_done(&out);
	return 0;
}

static int
cmd_migrate(const struct settings *s, int argc, char **argv)
{
	(void)argc, (void)argv;
	return cli_migrate(s);
}

/* The plain word for `jobs retry`. */
static int
cmd_replay(const struct settings *s, int argc, char **argv)
{
	char **words = xcalloc((size_t)argc + 2, sizeof(*words));

	words[0] = (char[]){"retry"};
	memcpy(words + 1, argv, (size_t)argc * sizeof(*words));
	int status = cli_jobs(s, argc + 1, words);
	free(words);
	return status;
}

static int
cmd_fake_gateway(const struct settings *s, int argc, char **argv)
{
	(void)argc, (void)argv;
	return fake_gateway_run(s);
}

static int
run_role(const struct word *w, const struct settings *s)
{
	char err[256];

	log_init(w->name, s->log_level, strcmp(s->log_format, "json") == 0);
	if (w->needs_redis && !s->redis_url)
		die("REDIS_URL is not set: `%s` needs it (only `all` starts a Redis of "
		    "its own)",
			w->name);
	if (s->redis_url && redis_url_check(s->redis_url, err) < 0)
		die("%s", err);
	return w->start(s);
}

/* What could not be written to a full disk is no success.  A reader that has gone had
 * enough. */
static int
printed(int status)
{
	struct pollfd p = {.fd = STDOUT_FILENO};
	int bad = fflush(stdout) == 0 ? 0 : errno;

	if ((!bad && !ferror(stdout)) || (poll(&p, 1, 0) > 0 && (p.revents & POLLERR)))
		return status;
	fprintf(stderr, "prosaas: stdout: %s\n",
		bad ? strerror(bad) : "not all could be written");
	return status == 0 ? 1 : status;
}

static int
run(const struct word *w, const struct settings *s, int argc, char **argv)
{
	if (argc > 0 && strcmp(argv[0], "--help") == 0 && w->reads < READS_ALL) {
		printf("usage: prosaas %s %s\n\n%s\n", w->name, w->usage, w->help);
		return 0;
	}
	if (argc > 0 && w->reads == READS_NOTHING)
		return wrong_usage(w, argv[0]);
	return w->start ? run_role(w, s) : printed(w->run(s, argc, argv));
}

/* Who is started without stdin, stdout or stderr would get a socket for it, print into
 * that, and close it under the loop. */
static void
hold_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int
main(int argc, char **argv)
{
	static struct settings s; /* its texts live as long as the process */
	char err[256];
	const char *name = argc > 1 ? argv[1] : NULL;

	hold_stdio();
	if (name && (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)) {
		print_help(stdout);
		return 0;
	}
	if (name && strcmp(name, "--version") == 0) {
		puts("prosaas " PROSAAS_VERSION " (" PROSAAS_COMMIT ")");
		return 0;
	}
	if (name && !find_word(name)) {
		fprintf(stderr, "prosaas: unknown %s %s\n",
			*name == '-' ? "option" : "command", name);
		print_help(stderr);
		return USAGE;
	}
	zone_ready();
	if (settings_load(&s, err) < 0 ||
		seal_init(s.secrets_key, s.secrets_key_previous, err) < 0)
		die("%s", err);
	return run(
		find_word(name ? name : s.role), &s, argc > 2 ? argc - 2 : 0, argv + 2);
}
