/* SPDX-License-Identifier: MIT */
/* jobs.c: which function name runs what. */
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/settings.h"
#include "codec/rqjob.h"
#include "job/inbound.h"
#include "job/job.h"
#include "job/outbox.h"
#include "job/phones.h"
#include "job/send.h"
#include "job/retention.h"
#include "job/sessions.h"
#include "job/split.h"
#include "job/summary.h"
#include "job/testing.h"
#include "job/update.h"
#include "net/http_client.h"

static void
webhook_run(struct job *job, const struct rqjob_call *call)
{
	if (update_wanted(call))
		update_start(job, call);
	else
		inbound_start(job, call);
}

static void
webhook_start(struct job *job, const struct rqjob_call *call)
{
	if (split_wanted(job)) {
		split_start(job, call);
		return;
	}
	job->tenant = rqjob_tenant(&job->arena, call);
	if (phones_wanted(job))
		phones_find(job, call, webhook_run);
	else
		webhook_run(job, call);
}

/* Of a job of the original the last part of its Python name decides, so that any
 * module path works alike; of our own the whole name, and of one for tests only
 * with TEST_JOBS. */
enum known_by { LAST_PART, WHOLE_NAME, TEST_NAME };

static const struct row {
	const char *name;
	enum known_by known_by;
	void (*start)(struct job *job, const struct rqjob_call *call);
} rows[] = {
	{"webhook_process_job", LAST_PART, webhook_start},
	{"prosaas.sessions", WHOLE_NAME, sessions_start},
	{"prosaas.summary", WHOLE_NAME, summary_start},
	{"prosaas.outbox", WHOLE_NAME, outbox_start},
	{"prosaas.send", WHOLE_NAME, send_start},
	{"prosaas.retention", WHOLE_NAME, retention_start},
	{"prosaas.directory", WHOLE_NAME, phones_publish},
	{"prosaas.test.echo", TEST_NAME, testing_echo},
	{"prosaas.test.add", TEST_NAME, testing_add},
	{"prosaas.test.noop", TEST_NAME, testing_noop},
	{"prosaas.test.sleep", TEST_NAME, testing_sleep},
	{"prosaas.test.fail", TEST_NAME, testing_fail},
	{"prosaas.test.flaky", TEST_NAME, testing_flaky},
	{"prosaas.test.crash", TEST_NAME, testing_crash},
	{"prosaas.test.follow", TEST_NAME, testing_follow},
};

static struct str
last_part(struct str name)
{
	const char *dot = memrchr(name.p, '.', name.n);

	if (!dot)
		return name;
	return (struct str){dot + 1, name.n - (size_t)(dot + 1 - name.p)};
}

static bool
is_named(const struct row *row, struct str func, const struct settings *s)
{
	if (row->known_by == LAST_PART)
		return str_eqz(last_part(func), row->name);
	if (row->known_by == TEST_NAME && strcmp(s->test_jobs, "on") != 0)
		return false;
	return str_eqz(func, row->name);
}

void
job_run(struct job *job, struct str data)
{
	struct rqjob_call call;
	char why[128];

	int bad = rqjob_parse(&job->arena, data, &call, why);
	if (bad < 0) {
		job_end(job, job_fail(job, bad, "undecodable: %s", why));
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (is_named(&rows[i], call.func, job->env->s)) {
			rows[i].start(job, &call);
			return;
		}
	}
	job_end(job, job_fail(job, ERR_NO_FUNCTION, "unknown_function: %.*s",
			     STR_FMT(call.func)));
}

/* An answer a day late is no answer; a person should look. */
enum { WAIT_MAX_S = 86400 };

bool
job_gives_up(const struct job *job, int err)
{
	switch (err_class(err)) {
	case CLASS_TRANSIENT:
		return job->retries_left <= 0;
	case CLASS_LIMITED:
	case CLASS_OPEN:
		return job->waited_s >= WAIT_MAX_S;
	case CLASS_PERMANENT:
		break;
	}
	return true;
}

int
job_fail(struct job *job, int err, const char *fmt, ...)
{
	va_list ap;

	if (job->hurried && job->words[0])
		return err; /* who hurried it has said why */
	va_start(ap, fmt);
	vsnprintf(job->words, sizeof(job->words), fmt, ap);
	va_end(ap);
	return err;
}

void
job_end(struct job *job, int err)
{
	job->err = err;
	job_waits(job, NULL, NULL);
	job->on_notice = NULL;
	if (err < 0 && !job->words[0])
		snprintf(job->words, sizeof(job->words), "%s", err_text(err));
	job->ended(job);
}

void
job_waits(struct job *job, void (*hurry)(struct job *job), void *what)
{
	job->hurry = hurry;
	job->waits_for = what;
}

void
job_hurry_http(struct job *job)
{
	http_call_cancel(job->waits_for);
}

void
job_notice(struct job *job)
{
	if (job->on_notice)
		job->on_notice(job);
}

void
job_hurry(struct job *job, const char *why)
{
	if (!job->hurried)
		snprintf(job->words, sizeof(job->words), "%s", why);
	job->hurried = true;
	if (job->hurry)
		job->hurry(job);
}
