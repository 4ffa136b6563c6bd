/* SPDX-License-Identifier: MIT */
/* work.c: the one look at Redis that checks of workers and jobs read. */
#include "codec/val.h"
#include "doctor/looks.h"
#include "doctor/work_priv.h"
#include "queue/checkup.h"
#include "queue/live.h"
#include "queue/registry.h"

bool
work_look(struct doctor *d)
{
	checkup_look(d->ask.redis, &d->ask.cmd, d->s->rq_queues, ask_done);
	const struct val *work = ask_wait(&d->ask);

	d->work = work ? work : d->work;
	return work != NULL;
}

const struct val *
work_part(const struct doctor *d, size_t i)
{
	return val_at(d->work, i);
}

struct str
work_text(const struct val *row, size_t i)
{
	return val_text(val_at(row, i));
}

int64_t
work_number(const struct val *row, size_t i)
{
	return val_int(val_at(row, i), 0);
}

bool
work_is_ours(const struct val *w)
{
	return str_eqz(work_text(w, W_PYTHON), "none (prosaas)");
}

bool
work_is_alive(const struct val *w)
{
	return work_number(w, W_THERE) == 1 && work_text(w, W_DEATH).n == 0 &&
	       work_text(w, W_HEARTBEAT).n > 0 &&
	       registry_age_s(work_text(w, W_HEARTBEAT)) <= LIVE_OLD_S;
}

size_t
work_alive(const struct doctor *d, bool ours)
{
	size_t n = 0;
	const struct val *w;

	for (size_t i = 0; (w = val_at(work_part(d, WORKERS), i)) != NULL; i++)
		n += work_is_alive(w) && work_is_ours(w) == ours;
	return n;
}

int64_t
work_sum(const struct doctor *d, size_t column)
{
	const struct val *q;
	int64_t n = 0;

	for (size_t i = 0; (q = val_at(work_part(d, QUEUES), i)) != NULL; i++)
		n += work_number(q, column);
	return n;
}

bool
work_has(const struct doctor *d, struct str worker)
{
	const struct val *w;

	for (size_t i = 0; (w = val_at(work_part(d, WORKERS), i)) != NULL; i++)
		if (str_eq(work_text(w, W_NAME), worker))
			return true;
	return false;
}

size_t
work_count(const struct doctor *d)
{
	return work_alive(d, true) + work_alive(d, false);
}

void
work_waiting(const struct doctor *d, int64_t *ret, int64_t *ret_oldest_s)
{
	const struct val *q;

	*ret = *ret_oldest_s = 0;
	for (size_t i = 0; (q = val_at(work_part(d, QUEUES), i)) != NULL; i++) {
		struct str name = work_text(q, Q_NAME), since = work_text(q, Q_OLDEST);
		int64_t age_s = since.n ? registry_age_s(since) : 0;

		if (!str_lists(str_of(d->s->rq_queues), name) ||
			str_eqz(name, OWN_QUEUE))
			continue;
		*ret += work_number(q, Q_WAITING);
		if (age_s > *ret_oldest_s)
			*ret_oldest_s = age_s;
	}
}
