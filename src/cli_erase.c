/* SPDX-License-Identifier: MIT */
/* cli_erase.c: prosaas person erase.
 *
 *   find ---> hold the chats ---> jobs ---> locks ---> database ---> release
 *                 | one runs: wait  | one runs: look again
 *                 v                 v
 *             refused           refused
 *
 * The database goes last: until then the same command, given again, finds the same
 * names and does the rest.  What a chat gets meanwhile waits behind the hold, or is
 * erased as well.  Redis keeps deleted text in its append-only file until that is
 * rewritten: it is asked to. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/settings.h"
#include "cli_person_priv.h"
#include "cli_progress.h"
#include "cli_redis.h"
#include "cli_store.h"
#include "cli_table.h"
#include "codec/tenant.h"
#include "job/belongs.h"
#include "queue/forget.h"

enum {
	WAIT_S = 30,       /* a job that runs is over by then, mostly */
	AGAIN_US = 200000, /* between two looks at what runs */
};

struct erase {
	struct person *p;
	struct cli_redis redis;
	struct whose whose;
	struct arena page; /* of one batch of keys */
	struct str me;     /* who holds the lanes */
	struct str *lanes;
	size_t lane_count;
	int64_t began_ms, wait_ms;

	struct str cursor;
	struct str *keys, *picked; /* of this page: found; theirs */
	size_t key_count, picked_count, picked_size;

	struct str busy; /* a job of theirs that runs; absent: none */
	int64_t rows, jobs, locks, left;
};

/* --- the chats ------------------------------------------------------------ */

static bool
is_late(const struct erase *e)
{
	return clock_mono_ms() - e->began_ms > e->wait_ms;
}

static int
refuse(const struct erase *e)
{
	fputs("prosaas: job ", stderr);
	cli_print_safe(stderr, e->busy);
	fputs(" of this person still runs: try again, or `prosaas jobs cancel` it\n",
		stderr);
	return -1;
}

static void
take_hold(void *arg, const struct redisReply *reply)
{
	struct erase *e = arg;
	struct str rest = redis_text(reply);
	struct str word = str_cut(&rest, ' ');

	e->busy = str_eqz(word, "busy") ? arena_str(&e->p->arena, rest)
					: (struct str){NULL, 0};
}

/* Tries until none of the jobs runs that it meets. */
static int
until_free(struct erase *e, int (*try)(struct erase *e))
{
	for (;;) {
		if (try(e) < 0)
			return -1;
		if (!e->busy.p)
			return 0;
		if (is_late(e))
			return refuse(e);
		usleep(AGAIN_US);
	}
}

static int
hold(struct erase *e)
{
	forget_hold(e->redis.redis, &e->redis.cmd, e->me, e->lanes, e->lane_count,
		cli_redis_done);
	return cli_redis_wait(&e->redis, take_hold, e);
}

static int
release(struct erase *e)
{
	forget_release(e->redis.redis, &e->redis.cmd, e->me, e->lanes, e->lane_count,
		cli_redis_done);
	return cli_redis_wait(&e->redis, NULL, NULL);
}

/* --- pages of keys -------------------------------------------------------- */

static void
take_keys(void *arg, const struct redisReply *reply)
{
	struct erase *e = arg;
	const struct redisReply *keys = redis_at(reply, 1);

	e->cursor = arena_str(&e->page, redis_text(redis_at(reply, 0)));
	e->key_count = 0;
	e->keys = arena_alloc(
		&e->page, (keys ? keys->elements : 0) * sizeof(*e->keys) + 1);
	while (redis_at(keys, e->key_count)) {
		struct str key = redis_text(redis_at(keys, e->key_count));

		e->keys[e->key_count++] = arena_str(&e->page, key);
	}
	e->picked_count = e->picked_size = 0;
}

/* Goes through all keys of a pattern; work does one page, of at least one key. */
static int
each_page(struct erase *e, const char *pattern, int (*work)(struct erase *e))
{
	char cursor[32] = "0";
	int64_t seen = 0;
	int bad = 0;

	do {
		arena_init(&e->page);
		forget_scan(e->redis.redis, &e->redis.cmd, str_of(cursor), pattern,
			cli_redis_done);
		bad = cli_redis_wait(&e->redis, take_keys, e);
		if (bad == 0) {
			snprintf(cursor, sizeof(cursor), "%.*s", STR_FMT(e->cursor));
			bad = e->key_count > 0 ? work(e) : 0;
		}
		seen += (int64_t)e->key_count;
		cli_progress("keys of Redis looked at:", seen, 0);
		arena_done(&e->page);
	} while (bad == 0 && strcmp(cursor, "0") != 0);
	cli_progress_end();
	return bad;
}

static void
pick(struct erase *e, struct str text)
{
	if (e->picked_count == e->picked_size) {
		struct str *was = e->picked;

		e->picked_size = e->picked_size ? 2 * e->picked_size : 64;
		e->picked = arena_alloc(&e->page, e->picked_size * sizeof(*e->picked));
		if (e->picked_count)
			memcpy(e->picked, was, e->picked_count * sizeof(*was));
	}
	e->picked[e->picked_count++] = arena_str(&e->page, text);
}

/* --- jobs ----------------------------------------------------------------- */

static bool
is_theirs(struct erase *e, const struct forget_job *j)
{
	if (whose_lane(&e->whose, &e->page, j->lane))
		return true;
	return (j->data.n > 0 && whose_data(&e->whose, &e->page, j->data)) ||
	       whose_raw(&e->whose, j->raw);
}

/* A Python api's job may hold what others wrote as well: a worker of ours makes one job
 * a message of it first. */
static bool
is_mixed(const struct forget_job *j)
{
	return j->tenant.n == 0 &&
	       (str_eqz(j->status, "queued") || str_eqz(j->status, "scheduled") ||
		       str_eqz(j->status, "deferred"));
}

static void
take_jobs(void *arg, const struct redisReply *reply)
{
	struct erase *e = arg;
	struct forget_job j;

	for (size_t i = 0; forget_job(reply, i, &j); i++) {
		if (str_eq(j.id, e->me) || !is_theirs(e, &j))
			continue;
		if (is_mixed(&j))
			e->left++;
		else if (str_eqz(j.status, "started"))
			e->busy = arena_str(&e->p->arena, j.id);
		else
			pick(e, j.id);
	}
}

static void
take_forgotten(void *arg, const struct redisReply *reply)
{
	struct erase *e = arg;

	for (size_t i = 0; redis_at(reply, i); i++) {
		struct str word = redis_text(redis_at(reply, i));

		e->jobs += str_eqz(word, "ok");
		if (str_eqz(word, "busy"))
			e->busy = arena_str(&e->p->arena, e->picked[i]);
	}
}

static int
forget_page(struct erase *e)
{
	forget_look(e->redis.redis, &e->redis.cmd, e->me, e->whose.tenant, e->keys,
		e->key_count, cli_redis_done);
	if (cli_redis_wait(&e->redis, take_jobs, e) < 0)
		return -1;
	if (e->picked_count == 0)
		return 0;
	forget_jobs(e->redis.redis, &e->redis.cmd, e->picked, e->picked_count,
		cli_redis_done);
	return cli_redis_wait(&e->redis, take_forgotten, e);
}

static int
forget_all(struct erase *e)
{
	e->busy = (struct str){NULL, 0};
	e->left = 0;
	return each_page(e, "rq:job:*", forget_page);
}

/* --- locks ---------------------------------------------------------------- */

static void
take_fields(void *arg, const struct redisReply *reply)
{
	struct erase *e = arg;

	for (size_t i = 0; redis_at(reply, i); i++) {
		const struct redisReply *row = redis_at(reply, i);
		const struct redisReply *fields = redis_at(row, 1);

		for (size_t k = 0; redis_at(fields, k); k++) {
			struct str field = redis_text(redis_at(fields, k));

			if (!whose_field(&e->whose, &e->page, field))
				continue;
			pick(e, redis_text(redis_at(row, 0)));
			pick(e, field);
		}
	}
}

static void
take_unlocked(void *arg, const struct redisReply *reply)
{
	((struct erase *)arg)->locks += redis_int(reply, 0);
}

static int
unlock_page(struct erase *e)
{
	forget_locks(
		e->redis.redis, &e->redis.cmd, e->keys, e->key_count, cli_redis_done);
	if (cli_redis_wait(&e->redis, take_fields, e) < 0)
		return -1;
	if (e->picked_count == 0)
		return 0;
	forget_unlock(e->redis.redis, &e->redis.cmd, e->picked, e->picked_count,
		cli_redis_done);
	return cli_redis_wait(&e->redis, take_unlocked, e);
}

/* --- the append-only file ------------------------------------------------- */

static void
take_info(void *arg, const struct redisReply *reply)
{
	struct str info = redis_text(reply), on = STR("aof_enabled:1");

	*(bool *)arg = info.n > 0 && memmem(info.p, info.n, on.p, on.n);
}

static int
rewrite_log(struct erase *e)
{
	bool has_log = false;

	redis_call(e->redis.redis, &e->redis.cmd, "INFO", 1, cli_redis_done);
	redis_argz(e->redis.redis, "persistence");
	if (cli_redis_wait(&e->redis, take_info, &has_log) < 0)
		return -1;
	if (!has_log)
		return 0;
	redis_call(e->redis.redis, &e->redis.cmd, "BGREWRITEAOF", 0, cli_redis_done);
	return cli_redis_wait(&e->redis, NULL, NULL);
}

/* --- the command ---------------------------------------------------------- */

static int
erase_rows(struct erase *e)
{
	struct person *p = e->p;
	struct store_erase op = {.op.arena = &p->arena,
		.tenant = p->words.words[0],
		.actor = STR("cli"),
		.who = p->found.who,
		.elsewhere = e->jobs + e->locks > 0};
	char err[256];

	store_erase(p->store, &op, NULL);
	if (store_run(p->store, &op.op) < 0) {
		cli_store_report(&op.op);
		return -1;
	}
	e->rows = op.rows;
	for (size_t i = 0; i < op.table_count; i++)
		if (op.tables[i].rows > 0)
			printf("%-20s %lld\n", op.tables[i].table,
				(long long)op.tables[i].rows);
	if (store_empty_log(p->store, err) == 0)
		return 0;
	fprintf(stderr,
		"prosaas: erased, but its text is in the database's log until the next "
		"checkpoint: %s\n",
		err);
	return -1;
}

/* Every address of theirs, and the lane of each. */
static void
name_all(struct erase *e)
{
	struct person *p = e->p;
	const struct store_person *f = &p->found;

	e->whose.tenant = tenant_id(p->words.words[0]);
	e->lanes = arena_alloc(&p->arena, (f->name_count + 1) * sizeof(*e->lanes));
	for (size_t i = 0; i < f->name_count; i++) {
		whose_add(&e->whose, &p->arena, f->names[i].value);
		if (!str_eqz(f->names[i].kind, "phone"))
			e->lanes[e->lane_count++] = arena_printf(&p->arena, "%.*s:%.*s",
				STR_FMT(e->whose.tenant), STR_FMT(f->names[i].value));
	}
}

static int
erase(void *into)
{
	struct erase *e = into;

	e->began_ms = clock_mono_ms();
	e->wait_ms = 1000 * (e->p->wait_s >= 0 ? e->p->wait_s : WAIT_S);
	if (until_free(e, hold) < 0)
		return CLI_FAILED;
	int bad = until_free(e, forget_all);
	if (bad == 0)
		bad = each_page(e, "job_lock:webhook:*", unlock_page);
	if (bad == 0)
		bad = erase_rows(e);
	if (release(e) < 0 || bad < 0)
		return CLI_FAILED;
	if (e->rows + e->jobs + e->locks + e->left == 0)
		return person_nobody(e->p);
	printf("%-20s %lld\n%-20s %lld\n", "jobs", (long long)e->jobs, "locks",
		(long long)e->locks);
	if (e->left > 0)
		fprintf(stderr,
			"prosaas: %lld jobs of a Python api name this person beside "
			"others: once a worker has taken them, erase again\n",
			(long long)e->left);
	return rewrite_log(e) < 0 || e->left > 0 ? CLI_FAILED : CLI_DONE;
}

static int
ask(const struct person *p)
{
	fprintf(stderr,
		"prosaas: this would erase %lld messages received, %lld sent, and what "
		"Redis holds: add --yes\n",
		(long long)p->found.received, (long long)p->found.sent);
	return CLI_USAGE;
}

int
person_erase(void *into)
{
	static struct erase e; /* the loop in it is left to the kernel */
	char id[DIGEST_ID_SIZE];
	uint8_t dice[16];

	e.p = into;
	if (!person_find(e.p))
		return CLI_FAILED;
	if (!e.p->yes)
		return ask(e.p);
	digest_random(dice, sizeof(dice));
	digest_id(&(struct str){(const char *)dice, sizeof(dice)}, 1, id);
	e.me = arena_printf(&e.p->arena, "erase_%s", id);
	name_all(&e);
	return cli_redis_run(&e.redis, e.p->s, erase, &e);
}
