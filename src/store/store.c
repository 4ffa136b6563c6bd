/* SPDX-License-Identifier: MIT */
/* store.c: the store's thread, its queue and the group commit.
 *
 *   loop:    store_start ---> waiting            deliver ---> flow_wake
 *                                |                  ^
 *   thread:  work ---> run_batch (BEGIN, run_one..., COMMIT) ---> finished
 *
 * While one transaction is on its way to the disk the next ones wait, and then go
 * together: under load a commit carries many operations, alone it carries one at
 * once.  The mutex guards the two lists and the flags, nothing else; whoever holds
 * an operation owns it.
 *
 * A store without a loop has no thread: store_run() runs a batch of one in the
 * caller's. */
#include "store/store.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/metrics.h"
#include "net/loop.h"
#include "store/store_priv.h"

struct op_list {
	struct store_op *first, **end;
};

struct store {
	struct sql *db;    /* the thread's, when there is one */
	struct loop *loop; /* NULL: no thread */
	uv_thread_t thread;
	uv_async_t notice; /* the thread tells the loop of finished operations */
	uv_mutex_t lock;
	uv_cond_t work_came, work_done;
	/* under the lock: */
	struct op_list waiting, finished;
	bool busy, closing;
};

static void
list_clear(struct op_list *l)
{
	*l = (struct op_list){NULL, NULL};
}

/* Appends a chain of operations. */
static void
list_add(struct op_list *l, struct store_op *chain, struct store_op **end)
{
	if (l->first)
		*l->end = chain;
	else
		l->first = chain;
	l->end = end;
}

static struct store_op *
list_take(struct op_list *l)
{
	struct store_op *first = l->first;

	list_clear(l);
	return first;
}

int
store_fail(struct store_op *op, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(op->words, sizeof(op->words), fmt, ap);
	va_end(ap);
	return err;
}

struct sql *
store_db(struct store *s)
{
	return s->db;
}

/* --- on the thread -------------------------------------------------------- */

static void
run_body(struct store *s, struct store_op *op)
{
	int r = op->run(s, op);

	sql_settle(s->db);
	op->err = r < 0 ? r : 0;
	if (r == ERR_STORE && !op->words[0])
		store_fail(op, r, "%s", sql_words(s->db));
	else if (r < 0 && !op->words[0])
		store_fail(op, r, "%s", err_text(r));
}

/* run_one gives op a savepoint of its own, so that its error undoes itself only.
 * Negative when the whole transaction is lost. */
static int
run_one(struct store *s, struct store_op *op)
{
	if (sql_do(s->db, "SAVEPOINT op") < 0)
		return ERR_STORE;
	run_body(s, op);
	if (!sql_in_transaction(s->db))
		return ERR_STORE;
	if (op->err < 0 && sql_do(s->db, "ROLLBACK TO op") < 0)
		return ERR_STORE;
	return sql_do(s->db, "RELEASE op");
}

/* run_alone needs no savepoint: the transaction is its own. */
static int
run_alone(struct store *s, struct store_op *op)
{
	run_body(s, op);
	if (op->err < 0) {
		sql_rollback(s->db);
		return 0;
	}
	return sql_commit(s->db);
}

static int
run_many(struct store *s, struct store_op *batch)
{
	for (struct store_op *op = batch; op; op = op->next) {
		int err = run_one(s, op);
		if (err < 0) {
			sql_rollback(s->db);
			return err;
		}
	}
	return sql_commit(s->db);
}

/* Nothing of the batch is in the database, whatever its operations believe. */
static void
fail_batch(struct store *s, struct store_op *batch)
{
	for (struct store_op *op = batch; op; op = op->next)
		op->err = store_fail(op, ERR_STORE, "%s", sql_words(s->db));
}

static void
run_batch(struct store *s, struct store_op *batch)
{
	int64_t began_us = clock_mono_us();

	int err = sql_begin(s->db);
	if (err >= 0)
		err = batch->next ? run_many(s, batch) : run_alone(s, batch);
	if (err < 0) {
		fail_batch(s, batch);
		return;
	}
	batch->commit_us = clock_mono_us() - began_us;
	batch->batch_ops = 0;
	for (struct store_op *op = batch; op; op = op->next)
		batch->batch_ops++;
}

static struct store_op **
end_of(struct store_op *chain)
{
	while (chain->next)
		chain = chain->next;
	return &chain->next;
}

static void
work(void *arg)
{
	struct store *s = arg;

	uv_mutex_lock(&s->lock);
	for (;;) {
		while (!s->waiting.first && !s->closing)
			uv_cond_wait(&s->work_came, &s->lock);
		struct store_op *batch = list_take(&s->waiting);
		if (!batch)
			break;
		s->busy = true;
		uv_mutex_unlock(&s->lock);

		run_batch(s, batch);

		uv_mutex_lock(&s->lock);
		list_add(&s->finished, batch, end_of(batch));
		s->busy = false;
		uv_async_send(&s->notice);
		uv_cond_signal(&s->work_done);
	}
	uv_mutex_unlock(&s->lock);
}

/* --- on the loop ---------------------------------------------------------- */

static void
count(const struct store_op *op)
{
	metric_add(M_STORE_OPS, 1);
	if (op->err == ERR_STORE)
		metric_add(M_STORE_ERRORS, 1);
	if (op->commit_us < 0)
		return;
	metric_add(M_STORE_COMMITS, 1);
	metric_observe(M_STORE_SECONDS, op->commit_us);
	metric_observe(M_STORE_BATCH, op->batch_ops);
}

static void
deliver(struct store *s)
{
	uv_mutex_lock(&s->lock);
	struct store_op *op = list_take(&s->finished);
	uv_mutex_unlock(&s->lock);

	while (op) {
		struct store_op *next = op->next; /* the flow may free op */

		count(op);
		flow_wake(op->flow);
		op = next;
	}
}

static void
on_notice(uv_async_t *h)
{
	deliver(container_of(h, struct store, notice));
}

void
store_start(struct store *s, struct store_op *op, store_run_fn *run, struct flow *f)
{
	op->run = run;
	op->flow = f;
	op->next = NULL;
	op->err = 0;
	op->words[0] = '\0';
	op->commit_us = -1;
	if (!f)
		return;

	assert(s->loop);
	uv_mutex_lock(&s->lock);
	list_add(&s->waiting, op, &op->next);
	uv_cond_signal(&s->work_came);
	uv_mutex_unlock(&s->lock);
}

int
store_run(struct store *s, struct store_op *op)
{
	assert(!s->loop && !op->flow);
	run_batch(s, op);
	count(op);
	return op->err;
}

/* --- life ----------------------------------------------------------------- */

static void
start_thread(struct store *s)
{
	if (uv_mutex_init(&s->lock) < 0 || uv_cond_init(&s->work_came) < 0 ||
		uv_cond_init(&s->work_done) < 0)
		die("store: no mutex");
	if (uv_async_init(&s->loop->uv, &s->notice, on_notice) < 0)
		die("store: no async handle");
	if (uv_thread_create(&s->thread, work, s) < 0)
		die("store: no thread");
}

struct store *
store_open(struct loop *wake_loop, const char *database_url, char err[256])
{
	struct sql *db = schema_open(database_url, err);
	if (!db)
		return NULL;

	struct store *s = xcalloc(1, sizeof(*s));
	s->db = db;
	s->loop = wake_loop;
	if (s->loop)
		start_thread(s);
	return s;
}

/* What completes now may start more: until nothing is under way. */
static void
finish_all(struct store *s)
{
	uv_mutex_lock(&s->lock);
	while (s->waiting.first || s->busy || s->finished.first) {
		if (!s->finished.first)
			uv_cond_wait(&s->work_done, &s->lock);
		uv_mutex_unlock(&s->lock);
		deliver(s);
		uv_mutex_lock(&s->lock);
	}
	s->closing = true;
	uv_cond_signal(&s->work_came);
	uv_mutex_unlock(&s->lock);
}

static void
on_closed(uv_handle_t *h)
{
	free(container_of((uv_async_t *)h, struct store, notice));
}

void
store_close(struct store *s)
{
	if (!s)
		return;
	if (!s->loop) {
		sql_close(s->db);
		free(s);
		return;
	}
	finish_all(s);
	uv_thread_join(&s->thread);
	uv_cond_destroy(&s->work_came);
	uv_cond_destroy(&s->work_done);
	uv_mutex_destroy(&s->lock);
	sql_close(s->db);
	uv_close((uv_handle_t *)&s->notice, on_closed);
}
