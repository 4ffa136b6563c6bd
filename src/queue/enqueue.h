/* SPDX-License-Identifier: MIT */
/* enqueue.h: the way of messages into Redis.
 *
 * Messages collect in a batch; ONE script call is in flight, and what arrives
 * meanwhile is the next batch (at most 512 messages or about 1 MiB).  A lone
 * message goes out at the end of its loop turn.  script/enqueue.lua does dedupe,
 * job hash and push for each message in one step and returns one outcome each.
 *
 *   open batch ---> waiting batches ---> in flight ---> outcome per message
 *                        `--- deadline passed: ENQUEUE_UNAVAILABLE
 *
 * A message whose outcome is not known (connection lost, deadline) is
 * ENQUEUE_UNAVAILABLE although Redis may have taken it: the sender repeats it,
 * and it is a duplicate then. */
#ifndef QUEUE_ENQUEUE_H
#define QUEUE_ENQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct enqueue;
struct loop;
struct redis;
struct settings;

enum enqueue_outcome {
	ENQUEUE_OK,          /* queued */
	ENQUEUE_DEAD,        /* kept as a dead letter */
	ENQUEUE_DUPLICATE,   /* known: nothing was written */
	ENQUEUE_FULL,        /* the queue is at MAX_QUEUE_DEPTH */
	ENQUEUE_ERROR,       /* Redis refused this message: words say why */
	ENQUEUE_UNAVAILABLE, /* no answer from Redis */
};

struct enqueue_msg {
	struct str queue;
	struct str lock_key, lock_field; /* dedupe: key, and scope within it */
	struct str job_id;
	struct str data; /* of the RQ job */
	struct str tenant;
	struct str lane;        /* "<tenant>:<chat>"; empty: waits for nobody */
	struct str description; /* never message text */
	struct str trace;       /* see codec/trace.h */
	struct str split_from;  /* the job this message is taken out of: that job's own
				   lock does not make it a duplicate, and no queue is
				   too full for it; absent: it came to the door */
	struct str dead_reason; /* absent: queue it; else keep it as a dead letter */
	struct str raw;         /* of a dead letter: the message's bytes */
};

typedef void
enqueue_done(void *arg, size_t index, enum enqueue_outcome outcome, struct str words);

struct enqueue *enqueue_new(struct loop *l, struct redis *r, const struct settings *s);

/* enqueue_add copies the message into a batch.  done(arg, index, ...) is called
 * once, from the loop, never inside this call. */
void enqueue_add(struct enqueue *e, const struct enqueue_msg *m, enqueue_done *done,
	void *arg, size_t index);

/* enqueue_may says whether there is any point: Redis is ready and what waits is
 * bounded.  When not, answer 503 at once. */
bool enqueue_may(const struct enqueue *e);

#endif
