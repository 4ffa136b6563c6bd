/* SPDX-License-Identifier: MIT */
/* cli_queues.c: prosaas queues; prosaas queues restore. */
#include <hiredis/hiredis.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/settings.h"
#include "cli_jobs.h"
#include "cli_redis.h"
#include "cli_table.h"
#include "cli_words.h"
#include "codec/rqjob.h"
#include "codec/val.h"
#include "queue/manage.h"
#include "queue/registry.h"

enum { QUEUES_MAX = 1000, TENANTS_LIMIT = 20 };

struct queues {
	const struct settings *s;
	const struct cli_row *row;
	struct cli_redis redis;
	struct arena arena;
	struct cli_words words;
	struct str queue;
	struct str tenant;
	int64_t limit;
	bool json, yes, force, tenants;

	struct str names[QUEUES_MAX]; /* for restore */
	size_t name_count;

	/* of one queue's restore */
	struct str name;
	int64_t moved;
	bool refused;
};

static int queues_show(void *into), queues_restore(void *into);

static const struct cli_row rows[] = {
	{"", queues_show, 0, 0, "[--tenants | --tenant T] [--limit N] [--json]",
		"Every queue: jobs queued (still in the queue, holding, ready, waiting "
		"for their\n"
		"chat), started, scheduled, deferred, failed; age of the oldest; "
		"workers.  Or by tenant: the 20 or N\n"
		"that have most queued, or T."},
	{"restore", queues_restore, 0, 0, "restore [--queue Q] [--yes] [--force]",
		"Puts every held, dealt, parked and due job back on RQ's own lists in "
		"order of\n"
		"arrival, for Python workers.  Refused while a worker of ours lives, "
		"unless --force."},
};

static const struct cli_option options[] = {
	{"--json", CLI_FLAG, offsetof(struct queues, json)},
	{"--queue", CLI_TEXT, offsetof(struct queues, queue)},
	{"--tenants", CLI_FLAG, offsetof(struct queues, tenants)},
	{"--tenant", CLI_TEXT, offsetof(struct queues, tenant)},
	{"--limit", CLI_NUMBER, offsetof(struct queues, limit)},
	{"--yes", CLI_FLAG, offsetof(struct queues, yes)},
	{"--force", CLI_FLAG, offsetof(struct queues, force)},
};

static const struct cli_command command = {
	"queues", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

/* --- queues --------------------------------------------------------------- */

/* As script/queues.lua counts, "queued" being the sum of the first four. */
static const char *const counts[] = {"in_queue", "holding", "ready", "waiting",
	"started", "scheduled", "deferred", "failed", "workers"};

enum { QUEUED_PLACES = 4, OLDEST = 1 + ARRAY_LEN(counts) };

static int64_t
count_of(const struct redisReply *row, size_t i)
{
	return redis_int(redis_at(row, i + 1), 0);
}

static int64_t
queued_of(const struct redisReply *row)
{
	int64_t sum = 0;

	for (size_t i = 0; i < QUEUED_PLACES; i++)
		sum += count_of(row, i);
	return sum;
}

static void
take_json(void *arg, const struct redisReply *reply)
{
	struct buf out;

	(void)arg;
	buf_init(&out);
	for (size_t i = 0; redis_at(reply, i); i++) {
		const struct redisReply *row = redis_at(reply, i);

		buf_addz(&out, "{\"queue\":");
		json_quote(&out, redis_text(redis_at(row, 0)));
		buf_addf(&out, ",\"queued\":%lld", (long long)queued_of(row));
		for (size_t k = 0; k < ARRAY_LEN(counts); k++)
			buf_addf(&out, ",\"%s\":%lld", counts[k],
				(long long)count_of(row, k));
		buf_addf(&out, ",\"oldest_age_seconds\":%lld}\n",
			(long long)registry_age_s(redis_text(redis_at(row, OLDEST))));
	}
	cli_print_take(&out);
}

static void
take_table(void *arg, const struct redisReply *reply)
{
	static const char *const heads[] = {"QUEUE", "QUEUED", "HOLDING", "READY",
		"WAITING", "STARTED", "SCHEDULED", "DEFERRED", "FAILED", "OLDEST",
		"WORKERS", NULL};
	struct queues *q = arg;
	struct cli_table t;

	cli_table_init(&t, heads);
	for (size_t i = 0; redis_at(reply, i); i++) {
		const struct redisReply *row = redis_at(reply, i);
		struct str oldest = redis_text(redis_at(row, OLDEST));

		cli_table_add(&t, redis_text(redis_at(row, 0)));
		cli_table_number(&t, &q->arena, queued_of(row));
		for (size_t k = 1; k + 1 < ARRAY_LEN(counts); k++)
			cli_table_number(&t, &q->arena, count_of(row, k));
		cli_table_add(&t, oldest.n ? arena_printf(&q->arena, "%lld s",
						     (long long)registry_age_s(oldest))
					   : oldest);
		cli_table_number(&t, &q->arena, count_of(row, ARRAY_LEN(counts) - 1));
	}
	cli_table_print(&t);
}

static void
take_tenants_json(void *arg, const struct redisReply *reply)
{
	struct queues *q = arg;
	struct buf out;

	buf_init(&out);
	registry_tenants_json(reply, q->tenant, &out);
	cli_print_take(&out);
}

static void
take_tenants(void *arg, const struct redisReply *reply)
{
	static const char *const heads[] = {
		"TENANT", "QUEUED", "STARTED", "OLDEST", NULL};
	int64_t unseen = redis_int(redis_at(reply, 0), 0);
	const struct redisReply *row;
	struct queues *q = arg;
	struct cli_table t;

	cli_table_init(&t, heads);
	for (size_t i = 2; (row = redis_at(reply, i)); i++) {
		cli_table_add(&t, redis_text(redis_at(row, 0)));
		for (size_t k = 1; k <= 2; k++)
			cli_table_number(&t, &q->arena, redis_int(redis_at(row, k), 0));
		cli_table_add(&t, arena_printf(&q->arena, "%lld s",
					  (long long)registry_age_s(
						  redis_text(redis_at(row, 3)))));
	}
	cli_table_print(&t);
	if (unseen > 0)
		printf("%lld more were not looked at: nobody has dealt them out yet\n",
			(long long)unseen);
}

static int
queues_by_tenant(struct queues *q)
{
	registry_tenants(q->redis.redis, &q->redis.cmd, q->s->rq_queues, q->tenant,
		q->limit, cli_redis_done);
	return cli_redis_show(&q->redis, q->json ? take_tenants_json : take_tenants, q);
}

static int
queues_show(void *into)
{
	struct queues *q = into;

	if (q->tenants || q->tenant.p)
		return queues_by_tenant(q);
	manage_queues(q->redis.redis, &q->redis.cmd, q->s->rq_queues, cli_redis_done);
	return cli_redis_show(&q->redis, q->json ? take_json : take_table, q);
}

/* --- restore -------------------------------------------------------------- */

static void
take_names(void *arg, const struct redisReply *reply)
{
	struct queues *q = arg;

	for (size_t i = 0; redis_at(reply, i) && i < QUEUES_MAX; i++)
		q->names[q->name_count++] = arena_str(
			&q->arena, redis_text(redis_at(redis_at(reply, i), 0)));
}

static void
refuse(struct queues *q, const struct redisReply *reply)
{
	bool live = str_eqz(redis_text(redis_at(reply, 0)), "live");

	q->refused = true;
	fputs(live ? "prosaas: workers of ours live, stop them first (or --force):"
		   : "prosaas:",
		stderr);
	for (size_t i = 1; redis_at(reply, i); i++) {
		fputc(' ', stderr);
		cli_print_safe(stderr, redis_text(redis_at(reply, i)));
	}
	fputc('\n', stderr);
}

static void
take_restored(void *arg, const struct redisReply *reply)
{
	static const char *const places[] = {"held", "dealt out", "parked", "due",
		"left by dead workers", "dropped"};
	struct queues *q = arg;
	const char *comma = ": ";

	if (!str_eqz(redis_text(redis_at(reply, 0)), "ok")) {
		refuse(q, reply);
		return;
	}
	cli_print_safe(stdout, q->name);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		int64_t n = redis_int(redis_at(reply, i + 1), 0);

		q->moved += n;
		if (n > 0) {
			printf("%s%lld %s", comma, (long long)n, places[i]);
			comma = ", ";
		}
	}
	puts(*comma == ':' ? ": nothing to put back" : "");
}

/* All queues, one script each; stops at the first that is refused. */
static int
restore_all(struct queues *q, bool act)
{
	q->moved = 0;
	for (size_t i = 0; i < q->name_count; i++) {
		q->name = q->names[i];
		manage_restore(q->redis.redis, &q->redis.cmd, q->name, act, q->force,
			cli_redis_done);
		if (cli_redis_wait(&q->redis, take_restored, q) < 0 || q->refused)
			return CLI_FAILED;
	}
	return CLI_DONE;
}

static int
queues_restore(void *into)
{
	struct queues *q = into;

	if (q->queue.p) {
		q->names[q->name_count++] = q->queue;
	} else {
		manage_queues(
			q->redis.redis, &q->redis.cmd, q->s->rq_queues, cli_redis_done);
		if (cli_redis_wait(&q->redis, take_names, q) < 0)
			return CLI_FAILED;
	}
	int status = restore_all(q, q->yes);
	if (status != CLI_DONE || q->yes || q->moved == 0)
		return status;
	fprintf(stderr, "prosaas: this would put %lld jobs back: add --yes\n",
		(long long)q->moved);
	return CLI_USAGE;
}

int
cli_queues(const struct settings *s, int argc, char **argv)
{
	static struct queues q; /* the loop in it is left to the kernel */
	int status;

	q.s = s;
	q.limit = TENANTS_LIMIT;
	q.row = cli_words(&command, argc, argv, &q, &q.words, &status);
	if (!q.row)
		return status;
	arena_init(&q.arena);
	status = cli_redis_run(&q.redis, s, q.row->run, &q);
	arena_done(&q.arena);
	return status;
}
