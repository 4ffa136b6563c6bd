/* SPDX-License-Identifier: MIT */
/* cli_jobs_priv.h: what the files of `prosaas jobs` share. */
#ifndef CLI_JOBS_PRIV_H
#define CLI_JOBS_PRIV_H

#include "base/arena.h"
#include "cli_redis.h"
#include "cli_words.h"
#include "queue/manage.h"

struct settings;

struct jobs_found {
	struct manage_row row;
	size_t order; /* in which it was found */
};

struct jobs {
	const struct settings *s;
	const struct cli_command *command; /* for usage lines */
	const struct cli_row *row;
	struct cli_redis redis;
	struct arena arena;
	struct cli_words words;

	/* options; texts absent and numbers JOBS_UNSET when not given */
	struct str queue, status, tenant, reason, args, kwargs, at, id, depends_on;
	int64_t limit, in_s, retries, timeout_s;
	bool json, raw, all, yes;

	/* jobs_find() */
	struct jobs_found *found;
	size_t count, size;
	int64_t next_offset;
};

enum { JOBS_UNSET = -1 };

/* jobs_find finds the jobs that --queue, --tenant and --reason name, at most `most` of
 * each queue (-1: all).  0, or -1 after words. */
int jobs_find(
	struct jobs *j, const char *status, bool newest_first, int64_t most) MUSTCHECK;

/* jobs_say_none says that there is no job of that status. */
void jobs_say_none(const struct jobs *j);

/* jobs_usage says what is wrong with the words. */
int jobs_usage(const struct jobs *j, const char *wrong);

/* The subcommands: each returns the exit status. */
int jobs_list(void *into);
int jobs_show(void *into);
int jobs_retry(void *into);
int jobs_cancel(void *into);
int jobs_discard(void *into);
int jobs_enqueue(void *into);

#endif
