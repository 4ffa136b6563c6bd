/* SPDX-License-Identifier: MIT */
/* work_priv.h: the reply of script/checkup.lua, for the checks that read it: work.c,
 * workers.c, jobs.c.  look_worker() asks for it; d->work is NULL until then. */
#ifndef DOCTOR_WORK_PRIV_H
#define DOCTOR_WORK_PRIV_H

#include "doctor/doctor.h"

struct val;

/* Its parts, in order; the rows of WORKERS and of QUEUES. */
enum { SUSPENDED, LEADER_MS, SEEN_MS, DUE, LANES, WORKERS, QUEUES };
enum { W_NAME, W_THERE, W_HEARTBEAT, W_DEATH, W_PYTHON, W_VERSION, W_QUEUES };
enum {
	Q_NAME,
	Q_WAITING,
	Q_HELD,
	Q_OLDEST,
	Q_LEASES,
	Q_LEASE_ID,
	Q_LATE,
	Q_STARTED,
	Q_LAST_END,
	Q_LOCK
};

/* work_look asks for it, again as well; false with ask.words: what was seen before
 * stays. */
bool work_look(struct doctor *d);

const struct val *work_part(const struct doctor *d, size_t i);
struct str work_text(const struct val *row, size_t i);
int64_t work_number(const struct val *row, size_t i);

/* A worker of ours, not of RQ; one whose heartbeat is young; how many live. */
bool work_is_ours(const struct val *w);
bool work_is_alive(const struct val *w);
size_t work_alive(const struct doctor *d, bool ours);

/* work_sum adds up a column of the queues. */
int64_t work_sum(const struct doctor *d, size_t column);

#endif
