/* SPDX-License-Identifier: MIT */
/* gate.h: after a deployment: go, or roll back.
 *
 * The guide's list ("When to Rollback") over a window of time:
 *
 *   sample ---> (sleep) ---> sample ... the window is over ---> judge each of the five
 *     |
 *     '- /metrics of the api (several share a port: each answers by chance and is known
 *        by when it started), and the jobs that ended in Redis
 *
 * What can't be judged is no reason to go. */
#ifndef DOCTOR_GATE_H
#define DOCTOR_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "doctor/doctor.h"

struct buf;

struct gate_options {
	int64_t window_s;
	const char *api_log;  /* a file that the api's log goes to, "-": stdin; NULL */
	const char *api_unit; /* a unit of systemd, whose journal it goes to; NULL */
};

enum { GATE_COUNT = 5, GATE_APIS_MAX = 32 };

/* The guide's list, in its order. */
struct gate;
extern const struct gate_criterion {
	const char *name;
	void (*judge)(struct gate *g, struct finding *f);
	const char *looks_at, *rolls_back_at;
} gate_criteria[GATE_COUNT];

struct gate_numbers { /* of one api process, since it started */
	double answers, errors, slow, jobs;
};

struct gate {
	struct finding findings[GATE_COUNT]; /* without a check */
	int64_t from_us;                     /* wall time */
	int64_t window_s;
	/* private */
	struct doctor *d;
	struct gate_options o;
	struct {
		double started; /* its start: who it is */
		struct gate_numbers first, last;
	} apis[GATE_APIS_MAX];
	size_t api_count;
	size_t api_looks, api_missed; /* as gate_api.h counts them */
	bool jobs_fail; /* the last sample could not be had: the end is not known */
	char api_words[256], jobs_words[256];
	int64_t from_s; /* jobs that ended until then are counted */
	int64_t finished, failed;
	int64_t log_from, log_lines, log_jobs;
	const char *log_words; /* why the log could not be read */
	struct str queues;     /* without our own */
};

/* gate_run takes as long as the window. */
void gate_run(struct gate *g, struct doctor *d, const struct gate_options *o);
bool gate_go(const struct gate *g);

/* gate_text ends with the line "GO" or "ROLL BACK: reasons". */
void gate_text(const struct gate *g, struct buf *out);
/* {"decision":"go"|"roll back","from","window_seconds","criteria":[{"name","verdict",
 * "evidence"}],"reasons":[...]} */
void gate_json(const struct gate *g, struct buf *out);

#endif
