/* SPDX-License-Identifier: MIT */
/* jobs.c: which function name runs what. */
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "codec/rqjob.h"
#include "job/inbound.h"
#include "job/job.h"
#include "job/split.h"
#include "net/http_client.h"

static void
webhook_start(struct job *job, const struct rqjob_call *call)
{
	if (split_wanted(job))
		split_start(job, call);
	else
		inbound_start(job, call);
}

/* The last part of a Python name decides, so that the original's module path and
 * any other work alike. */
static const struct {
	const char *name;
	void (*start)(struct job *job, const struct rqjob_call *call);
} rows[] = {
	{"webhook_process_job", webhook_start},
};

static struct str
last_part(struct str name)
{
	const char *dot = memrchr(name.p, '.', name.n);

	if (!dot)
		return name;
	return (struct str){dot + 1, name.n - (size_t)(dot + 1 - name.p)};
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
		if (str_eqz(last_part(call.func), rows[i].name)) {
			rows[i].start(job, &call);
			return;
		}
	}
	job_end(job, job_fail(job, ERR_NO_FUNCTION, "unknown_function: %.*s",
			     STR_FMT(call.func)));
}

int
job_fail(struct job *job, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(job->words, sizeof(job->words), fmt, ap);
	va_end(ap);
	return err;
}

void
job_end(struct job *job, int err)
{
	job->err = err;
	job->waits = NULL;
	if (err < 0 && !job->words[0])
		snprintf(job->words, sizeof(job->words), "%s", err_text(err));
	job->ended(job);
}

void
job_hurry(struct job *job, const char *why)
{
	if (!job->waits)
		return;
	snprintf(job->words, sizeof(job->words), "%s", why);
	http_call_cancel(job->waits);
}
