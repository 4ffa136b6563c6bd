/* SPDX-License-Identifier: MIT */
/* vitals.h: how each process fares, told to whoever evaluates alerts.
 *
 *   vitals_new ---> HSET prosaas:vitals <role>:<id> ... <--- survey.h: the scheduler
 *                                                          reads those of all
 *
 * It is told each VITALS_EVERY_MS in which something happened, else each
 * VITALS_IDLE_MS.
 *
 * What is told is lines: when, then a name of metrics.h and its value, a counter that
 * only rises or the buckets of a histogram; so a release that does not know a number of
 * another leaves it alone.  Who reads keeps the last of each process and adds the
 * difference: rates over any window, whoever restarts meanwhile. */
#ifndef QUEUE_VITALS_H
#define QUEUE_VITALS_H

#include <stdint.h>

#include "base/metrics.h"
#include "base/str.h"

struct loop;
struct redis;

enum { VITALS_EVERY_MS = 2000, VITALS_IDLE_MS = 20000 };

/* clang-format off */
#define VITAL_COUNTERS(X)                                                                  \
	X(M_MSG_ENQUEUED) X(M_MSG_DUPLICATE) X(M_MSG_DEAD) X(M_MSG_FULL) X(M_MSG_ERROR)    \
	X(M_MSG_UNAVAILABLE) X(M_JOBS_OK) X(M_JOBS_FAILED) X(M_AI_OK) X(M_AI_ERROR) X(M_AI_RESTING)        \
	X(M_SEND_OK) X(M_SEND_ERROR) X(M_SEND_RESTING) X(M_REDIS_REFUSED) X(M_REDIS_LOST) X(M_REDIS_LATE)    \
	X(M_STORE_ERRORS) X(M_DEAD_NO_TENANT) X(M_DEAD_NO_FUNCTION) X(M_DEAD_UNPROCESSABLE) \
	X(M_DEAD_AMBIGUOUS) X(M_DEAD_POISON) X(M_DEAD_SPENT) X(M_DEAD_OTHER)
#define VITAL_HISTOGRAMS(X) X(M_HTTP_SECONDS) X(M_JOB_OWN_SECONDS)
/* clang-format on */

enum vital_counter {
#define VITAL_ENUM_(m) V_##m,
	VITAL_COUNTERS(VITAL_ENUM_) V_COUNTERS
};

enum vital_histogram { VITAL_HISTOGRAMS(VITAL_ENUM_) V_HISTOGRAMS };
#undef VITAL_ENUM_

/* The last bucket takes what is above all bounds. */
struct vitals {
	int64_t counter[V_COUNTERS];
	int64_t bucket[V_HISTOGRAMS][METRIC_BUCKETS + 1];
	int64_t started_us, memory; /* wall; bytes */
};

/* vitals_new tells of this process for its life.  role has no blank or colon. */
void vitals_new(struct loop *l, struct redis *r, const char *role);

/* vitals_read takes what a process told. */
void vitals_read(struct str told, struct vitals *ret);

/* vitals_quantile_ms is the time below which the part q of all are, within a bucket as
 * if they were spread evenly: histogram_quantile() of Prometheus.  NAN for fewer than
 * `least`. */
double vitals_quantile_ms(
	const struct vitals *v, enum vital_histogram h, double q, int64_t least);

#endif
