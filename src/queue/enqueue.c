/* SPDX-License-Identifier: MIT */
/* enqueue.c: batches of messages on their way into Redis. */
#include "queue/enqueue.h"

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "codec/rqjob.h"
#include "net/loop.h"
#include "queue/redis.h"

enum {
	BATCH_MSGS = 512, /* measured: larger ones only make clients wait in step */
	BATCH_BYTES =
		1 << 20, /* one 50 kB message costs Redis 200 us: bound the stall */
	WAITING_BYTES = 64 << 20,
	ARGS_HEAD = 6,
	ARGS_EACH = 8,
};

struct waiter {
	enqueue_done *done;
	void *arg;
	size_t index;
};

struct batch {
	TAILQ_ENTRY(batch) next;
	struct redis_cmd cmd;
	struct enqueue *e;
	int64_t opened_ms, sent_us;
	struct buf args;
	size_t count;
	struct waiter waiters[BATCH_MSGS];
};

TAILQ_HEAD(batch_list, batch);

struct enqueue {
	struct redis *redis;
	const struct settings *s;
	struct batch_list waiting; /* the last one is open */
	struct batch_list spare;
	struct batch *in_flight;
	size_t waiting_bytes;
	struct loop_hook turn;
	uv_timer_t sweep;
	struct buf exc;
};

static struct batch *
batch_new(struct enqueue *e)
{
	struct batch *b = TAILQ_FIRST(&e->spare);

	if (b) {
		TAILQ_REMOVE(&e->spare, b, next);
		return b;
	}
	b = xcalloc(1, sizeof(*b));
	b->e = e;
	return b;
}

static void
batch_free(struct batch *b)
{
	b->count = 0;
	buf_clear(&b->args, BATCH_BYTES);
	TAILQ_INSERT_HEAD(&b->e->spare, b, next);
}

static struct batch *
open_batch(struct enqueue *e, size_t need)
{
	struct batch *b = TAILQ_LAST(&e->waiting, batch_list);

	if (b && b->count < BATCH_MSGS &&
		(b->count == 0 || buf_len(&b->args) + need <= BATCH_BYTES))
		return b;
	b = batch_new(e);
	b->opened_ms = clock_mono_ms();
	TAILQ_INSERT_TAIL(&e->waiting, b, next);
	return b;
}

/* The last argument packs what belongs to one kind only; see script/enqueue.lua. */
static void
add_tail(struct enqueue *e, struct buf *out, const struct enqueue_msg *m)
{
	struct str parts[5] = {m->split_from, m->description, m->trace, m->lane};
	size_t count = 4, len = 0;

	if (m->dead_reason.p) {
		buf_clear(&e->exc, 4096);
		rqjob_exc(&e->exc, m->dead_reason);
		parts[0] = m->dead_reason;
		parts[1] = m->description;
		parts[3] = buf_str(&e->exc);
		parts[4] = m->raw;
		count = 5;
	}
	for (size_t i = 0; i < count; i++)
		len += parts[i].n + (i > 0);
	buf_addc(out, '$');
	buf_addu(out, len);
	buf_add(out, "\r\n", 2);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_addc(out, '\0');
		buf_adds(out, parts[i]);
	}
	buf_add(out, "\r\n", 2);
}

void
enqueue_add(struct enqueue *e, const struct enqueue_msg *m, enqueue_done *done,
	void *arg, size_t index)
{
	struct batch *b = open_batch(e, m->data.n + m->raw.n);
	size_t before = buf_len(&b->args);

	redis_format(&b->args, m->dead_reason.p ? STR("x") : STR("q"));
	redis_format(&b->args, m->queue);
	redis_format(&b->args, m->lock_key);
	redis_format(&b->args, m->lock_field);
	redis_format(&b->args, m->job_id);
	redis_format(&b->args, m->data);
	redis_format(&b->args, m->tenant);
	add_tail(e, &b->args, m);
	b->waiters[b->count++] = (struct waiter){done, arg, index};
	e->waiting_bytes += buf_len(&b->args) - before;
}

bool
enqueue_may(const struct enqueue *e)
{
	return redis_ready(e->redis) && e->waiting_bytes < WAITING_BYTES;
}

static void
end_batch(struct batch *b, const struct redisReply *reply)
{
	for (size_t i = 0; i < b->count; i++) {
		struct waiter *w = &b->waiters[i];
		struct str word = redis_text(redis_at(reply, i));
		enum enqueue_outcome outcome = ENQUEUE_UNAVAILABLE;

		switch (word.n ? word.p[0] : 0) {
		case 'q':
			outcome = ENQUEUE_OK;
			break;
		case 'x':
			outcome = ENQUEUE_DEAD;
			break;
		case 'd':
			outcome = ENQUEUE_DUPLICATE;
			break;
		case 'f':
			outcome = ENQUEUE_FULL;
			break;
		case 'e':
			outcome = ENQUEUE_ERROR;
			word = (struct str){word.p + 1, word.n - 1};
			break;
		}
		w->done(w->arg, w->index, outcome, word);
	}
	batch_free(b);
}

static void
on_reply(struct redis_cmd *cmd)
{
	struct batch *b = container_of(cmd, struct batch, cmd);
	struct enqueue *e = b->e;

	e->in_flight = NULL;
	metric_observe(M_BATCH_SECONDS, clock_mono_us() - b->sent_us);
	end_batch(b, cmd->err == 0 ? cmd->reply : NULL);
}

static void
send_batch(struct enqueue *e, struct batch *b)
{
	int64_t wall_us = clock_wall_us();
	int64_t left = b->opened_ms + e->s->enqueue_deadline_ms - clock_mono_ms();

	TAILQ_REMOVE(&e->waiting, b, next);
	e->waiting_bytes -= buf_len(&b->args);
	e->in_flight = b;
	b->sent_us = clock_mono_us();
	metric_add(M_BATCHES, 1);
	metric_observe(M_BATCH_SIZE, (int64_t)b->count);

	redis_eval(e->redis, &b->cmd, SCRIPT_ENQUEUE, 0,
		ARGS_HEAD + ARGS_EACH * (int)b->count, on_reply);
	redis_deadline(&b->cmd, left > 1 ? left : 1);
	redis_arg_date(e->redis, wall_us);
	redis_argi(e->redis, wall_us / 1000000);
	redis_argi(e->redis, e->s->dedupe_ttl_s);
	redis_argi(e->redis, e->s->max_queue_depth);
	redis_argi(e->redis, e->s->job_timeout_s);
	redis_argi(e->redis, e->s->job_retries);
	redis_args_raw(e->redis, buf_str(&b->args));
}

static void
on_turn(struct loop_hook *h)
{
	struct enqueue *e = container_of(h, struct enqueue, turn);
	struct batch *b = TAILQ_FIRST(&e->waiting);

	if (b && !e->in_flight)
		send_batch(e, b);
}

/* What waited its whole deadline without being sent. */
static void
on_sweep(uv_timer_t *t)
{
	struct enqueue *e = t->data;
	int64_t oldest_ms = clock_mono_ms() - e->s->enqueue_deadline_ms;

	for (;;) {
		struct batch *b = TAILQ_FIRST(&e->waiting);

		if (!b || b->opened_ms > oldest_ms)
			break;
		TAILQ_REMOVE(&e->waiting, b, next);
		e->waiting_bytes -= buf_len(&b->args);
		end_batch(b, NULL);
	}
}

struct enqueue *
enqueue_new(struct loop *l, struct redis *r, const struct settings *s)
{
	struct enqueue *e = xcalloc(1, sizeof(*e));
	uint64_t period_ms = (uint64_t)(s->enqueue_deadline_ms / 10 + 1);

	e->redis = r;
	e->s = s;
	TAILQ_INIT(&e->waiting);
	TAILQ_INIT(&e->spare);
	e->turn.run = on_turn;
	loop_each_turn(l, &e->turn);
	uv_timer_init(&l->uv, &e->sweep);
	e->sweep.data = e;
	uv_timer_start(&e->sweep, on_sweep, period_ms, period_ms);
	return e;
}
