/* SPDX-License-Identifier: MIT */
/* cli_jobs.c: prosaas jobs: its subcommands, and which jobs they are for.
 *
 * To add a subcommand: one row in `rows`.  An option: a row in `options`, and its name
 * in the usage of those that take it. */
#include "cli_jobs.h"

#include <hiredis/hiredis.h>

#include "base/err.h"
#include "base/settings.h"
#include "cli_jobs_priv.h"
#include "codec/tenant.h"

static const struct cli_row rows[] = {
	{"list", jobs_list, 0, 0,
		"list [--queue Q] [--status S] [--tenant T] [--reason R] [--limit N] "
		"[--json]",
		"Jobs of one status, newest first: failed (the default, the dead "
		"letters), queued,\n"
		"started, scheduled, deferred, finished, canceled, stopped.  A reason "
		"is one that\n"
		"begins so.  At most 50, or N."},
	{"show", jobs_show, 1, 1, "show ID [--json] [--raw]",
		"One job: its fields, where it is, why it failed.  --raw adds what "
		"customers wrote."},
	{"retry", jobs_retry, 0, -1,
		"retry [ID...] [--all] [--reason R] [--tenant T] [--queue Q] [--limit "
		"N]",
		"Dead letters go back to the tail of their queue, in the order they "
		"first came in:\n"
		"those named, all, or all of a reason."},
	{"cancel", jobs_cancel, 1, -1, "cancel ID...",
		"Jobs that wait are taken out; the worker of one that runs is asked to "
		"stop it."},
	{"discard", jobs_discard, 0, -1,
		"discard [ID...] [--all] [--status S] [--reason R] [--tenant T] "
		"[--queue Q] "
		"[--limit "
		"N] [--yes]",
		"Failed, stopped, canceled and finished jobs are deleted for good; "
		"--all means all\n"
		"failed ones, or those of another of these statuses, and asks for "
		"--yes."},
	{"enqueue", jobs_enqueue, 1, 1,
		"enqueue FUNCTION [--args JSON] [--kwargs JSON] [--queue Q] [--in "
		"SECONDS] [--at TIME] [--retry N] [--id ID] [--depends-on ID] "
		"[--timeout S] [--tenant T]",
		"Queues module.function(*args, **kwargs), at once, in SECONDS, at TIME "
		"(ISO 8601 or\n"
		"Unix seconds) or after another job, and prints its id."},
};

static const struct cli_option options[] = {
	{"--queue", CLI_TEXT, offsetof(struct jobs, queue)},
	{"--status", CLI_TEXT, offsetof(struct jobs, status)},
	{"--tenant", CLI_TEXT, offsetof(struct jobs, tenant)},
	{"--reason", CLI_TEXT, offsetof(struct jobs, reason)},
	{"--limit", CLI_NUMBER, offsetof(struct jobs, limit)},
	{"--json", CLI_FLAG, offsetof(struct jobs, json)},
	{"--raw", CLI_FLAG, offsetof(struct jobs, raw)},
	{"--all", CLI_FLAG, offsetof(struct jobs, all)},
	{"--yes", CLI_FLAG, offsetof(struct jobs, yes)},
	{"--args", CLI_TEXT, offsetof(struct jobs, args)},
	{"--kwargs", CLI_TEXT, offsetof(struct jobs, kwargs)},
	{"--in", CLI_NUMBER, offsetof(struct jobs, in_s)},
	{"--at", CLI_TEXT, offsetof(struct jobs, at)},
	{"--retry", CLI_NUMBER, offsetof(struct jobs, retries)},
	{"--id", CLI_TEXT, offsetof(struct jobs, id)},
	{"--depends-on", CLI_TEXT, offsetof(struct jobs, depends_on)},
	{"--timeout", CLI_NUMBER, offsetof(struct jobs, timeout_s)},
};

static const struct cli_command command = {
	"jobs", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

int
jobs_usage(const struct jobs *j, const char *wrong)
{
	return cli_usage(j->command, j->row, wrong);
}

/* --- finding -------------------------------------------------------------- */

struct names {
	struct arena *arena;
	struct str *names;
	size_t count;
};

static void
add_name(struct names *n, struct str name)
{
	for (size_t i = 0; i < n->count; i++)
		if (str_eq(n->names[i], name))
			return;
	n->names[n->count++] = arena_str(n->arena, name);
}

static void
take_names(void *arg, const struct redisReply *reply)
{
	struct names *n = arg;
	size_t known = reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
	struct str *grown =
		arena_alloc(n->arena, (n->count + known) * sizeof(*grown) + 1);

	memcpy(grown, n->names, n->count * sizeof(*grown));
	n->names = grown;
	for (size_t i = 0; i < known; i++) {
		struct str key = redis_text(redis_at(reply, i));

		if (str_starts(key, STR("rq:queue:")))
			add_name(n, (struct str){key.p + 9, key.n - 9});
	}
}

/* --queue, or RQ_QUEUES and whatever else Redis knows. */
static int
find_names(struct jobs *j, struct names *n)
{
	struct str rest = str_of(j->s->rq_queues), name;

	*n = (struct names){.arena = &j->arena};
	if (j->queue.p) {
		n->names = &j->queue;
		n->count = 1;
		return 0;
	}
	n->names = arena_alloc(&j->arena, (rest.n + 1) * sizeof(*n->names));
	while (str_next(&rest, &name))
		add_name(n, name);
	redis_call(j->redis.redis, &j->redis.cmd, "SMEMBERS", 1, cli_redis_done);
	redis_argz(j->redis.redis, "rq:queues");
	return cli_redis_wait(&j->redis, take_names, n);
}

static void
take_page(void *arg, const struct redisReply *reply)
{
	struct jobs *j = arg;
	struct manage_row row;

	j->next_offset = manage_page(reply);
	for (size_t i = 0; manage_row(reply, i, &j->arena, &row); i++) {
		if (j->count == j->size) {
			j->size = j->size ? 2 * j->size : 64;
			j->found = xrealloc(j->found, j->size * sizeof(*j->found));
		}
		j->found[j->count] = (struct jobs_found){row, j->count};
		j->count++;
	}
}

int
jobs_find(struct jobs *j, const char *status, bool newest_first, int64_t most)
{
	struct manage_find f = {.status = status,
		.tenant = tenant_id(j->tenant),
		.reason = j->reason,
		.newest_first = newest_first};
	struct names n;

	if (find_names(j, &n) < 0)
		return -1;
	for (size_t i = 0; i < n.count; i++) {
		size_t before = j->count;

		f.queue = n.names[i];
		for (int64_t at = 0; at >= 0; at = j->next_offset) {
			manage_find(
				j->redis.redis, &j->redis.cmd, &f, at, cli_redis_done);
			if (cli_redis_wait(&j->redis, take_page, j) < 0)
				return -1;
			if (most >= 0 && j->count - before >= (size_t)most)
				break;
		}
	}
	return 0;
}

#define STATUSES \
	"failed, queued, started, scheduled, deferred, finished, canceled, stopped"

void
jobs_say_none(const struct jobs *j)
{
	fprintf(stderr, "prosaas: no %s job matches\n",
		j->status.p ? j->status.p : "failed");
}

/* --- the command ---------------------------------------------------------- */

int
cli_jobs(const struct settings *s, int argc, char **argv)
{
	static struct jobs j; /* the loop in it is left to the kernel */
	int status;

	j = (struct jobs){.s = s,
		.command = &command,
		.limit = JOBS_UNSET,
		.in_s = JOBS_UNSET,
		.retries = JOBS_UNSET,
		.timeout_s = JOBS_UNSET};
	j.row = cli_words(&command, argc, argv, &j, &j.words, &status);
	if (!j.row)
		return status;
	if (j.limit == 0)
		return jobs_usage(&j, "--limit: at least 1");
	if (j.status.p && !str_lists(STR(STATUSES), j.status))
		return jobs_usage(
			&j, "--status: no such status: allowed are " STATUSES);
	arena_init(&j.arena);
	return j.row->run(&j);
}
