/* SPDX-License-Identifier: MIT */
/* cli_jobs_enqueue.c: prosaas jobs enqueue: one job by hand. */
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/settings.h"
#include "cli_jobs_priv.h"
#include "cli_time.h"
#include "codec/rqcall.h"
#include "codec/tenant.h"

enum { WORD_SIZE = 256 };

/* A random id in the form of RQ's own (a version 4 UUID). */
static struct str
new_id(struct arena *a)
{
	uint8_t dice[16];
	char hex[33];

	digest_random(dice, sizeof(dice));
	dice[6] = (uint8_t)(0x40 | (dice[6] & 0x0f));
	dice[8] = (uint8_t)(0x80 | (dice[8] & 0x3f));
	digest_hex(dice, sizeof(dice), hex);
	return arena_printf(a, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
		hex + 16, hex + 20);
}

/* Returns what is wrong with the words, or NULL. */
static const char *
read_words(struct jobs *j, struct manage_job *job)
{
	if (j->id.p && !manage_is_id(j->id))
		return "--id: allowed are A-Z a-z 0-9 _ -, at most 200";
	if (j->tenant.p && !tenant_is_id(tenant_id(j->tenant)))
		return "--tenant: no id of a tenant";
	if ((j->in_s >= 0) + (j->at.p != NULL) + (j->depends_on.p != NULL) > 1)
		return "only one of --in, --at and --depends-on";
	if (j->at.p && cli_time_read(&j->arena, j->at, NULL, &job->due_s) < 0)
		return "--at: allowed are Unix seconds and 2026-11-24T05:30:00Z or "
		       "+02:00";
	if (j->in_s > INT32_MAX || j->retries > INT32_MAX || j->timeout_s > INT32_MAX)
		return "a number is too large";
	if (j->in_s >= 0)
		job->due_s = clock_wall_us() / 1000000 + j->in_s;
	if (j->queue.p && (j->queue.n == 0 || memchr(j->queue.p, ',', j->queue.n)))
		return "--queue: a name has no comma";
	return NULL;
}

static const char *
make_data(struct jobs *j, struct buf *data)
{
	bool as_json = strcmp(j->s->rq_serializer, "json") == 0;
	struct str args = j->args.p ? j->args : STR("[]");
	struct str kwargs = j->kwargs.p ? j->kwargs : STR("{}");

	if (rqcall_write(data, as_json, j->words.words[0], args, kwargs) == 0)
		return NULL;
	return "--args takes a JSON array, --kwargs a JSON object";
}

static void
take_word(void *arg, const struct redisReply *reply)
{
	char *word = arg;

	snprintf(word, WORD_SIZE, "%.*s", STR_FMT(redis_text(reply)));
}

static int
answer(const struct manage_job *job, const char *word)
{
	if (strcmp(word, "exists") == 0)
		fprintf(stderr, "prosaas: job %.*s exists\n", STR_FMT(job->id));
	else if (strcmp(word, "no parent") == 0)
		fprintf(stderr, "prosaas: --depends-on %.*s: no such job\n",
			STR_FMT(job->parent));
	else if (strncmp(word, "error ", 6) == 0)
		fprintf(stderr, "prosaas: %s\n", word + 6);
	else {
		printf("%.*s\n", STR_FMT(job->id));
		return CLI_DONE;
	}
	return CLI_FAILED;
}

static int
submit(struct jobs *j, const struct manage_job *job)
{
	char word[WORD_SIZE];

	if (cli_redis_open(&j->redis, j->s) < 0)
		return CLI_FAILED;
	manage_submit(j->redis.redis, &j->redis.cmd, job, cli_redis_done);
	int bad = cli_redis_wait(&j->redis, take_word, word);
	cli_redis_close(&j->redis);
	return bad < 0 ? CLI_FAILED : answer(job, word);
}

int
jobs_enqueue(void *into)
{
	struct jobs *j = into;
	struct manage_job job = {
		.id = j->id.p ? j->id : new_id(&j->arena),
		.queue = j->queue.p ? j->queue : STR("default"),
		.tenant = tenant_id(j->tenant),
		.description =
			j->words.words[0], /* no arguments: they may be private */
		.parent = j->depends_on,
		.timeout_s = j->timeout_s >= 0 ? j->timeout_s : j->s->job_timeout_s,
		.retries = j->retries,
	};
	struct buf data;

	buf_init(&data);
	const char *wrong = read_words(j, &job);
	if (!wrong)
		wrong = make_data(j, &data);
	job.data = buf_str(&data);
	int status = wrong ? jobs_usage(j, wrong) : submit(j, &job);
	buf_done(&data);
	return status;
}
