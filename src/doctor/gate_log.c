/* SPDX-License-Identifier: MIT */
/* gate_log.c: the api's log while a gate stands. */
#include "doctor/gate_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor/gate.h"

/* A worker's line, and that of the code before the guide. */
static const char *const processing[] = {"[WEBHOOK_JOB]", "[FLASK_WEBHOOK_IN]"};

static void
count_lines(struct gate *g, FILE *f)
{
	char line[4096];

	while (fgets(line, sizeof(line), f)) {
		if (strchr(line, '\n'))
			g->log_lines++;
		for (size_t i = 0; i < ARRAY_LEN(processing); i++)
			g->log_jobs += strstr(line, processing[i]) != NULL;
	}
}

void
gate_log_begin(struct gate *g)
{
	struct stat st;

	if (!g->o.api_log)
		return;
	if (strcmp(g->o.api_log, "-") == 0)
		count_lines(g, stdin);
	else if (stat(g->o.api_log, &st) < 0)
		g->log_words = strerror(errno);
	else
		g->log_from = st.st_size;
}

static void
read_file(struct gate *g)
{
	struct stat st;
	FILE *f = fopen(g->o.api_log, "re");

	if (!f || fstat(fileno(f), &st) < 0) {
		g->log_words = strerror(errno);
	} else {
		bool turned = st.st_size < g->log_from; /* another file by now */

		if (fseeko(f, turned ? 0 : g->log_from, SEEK_SET) == 0)
			count_lines(g, f);
	}
	if (f)
		fclose(f);
}

/* A unit's name is a word of a command: it is given to journalctl as it is, without a
 * shell. */
static void
read_journal(struct gate *g)
{
	char since[32];
	int ends[2], status = -1;

	snprintf(since, sizeof(since), "@%lld", (long long)(g->from_us / 1000000));
	if (pipe(ends) < 0) {
		g->log_words = strerror(errno);
		return;
	}
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		execlp("journalctl", "journalctl", "-u", g->o.api_unit, "--since",
			since, "-o", "cat", "--no-pager", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	FILE *f = fdopen(ends[0], "r");
	if (f) {
		count_lines(g, f);
		fclose(f);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
		g->log_words = "journalctl failed";
}

void
gate_log_end(struct gate *g)
{
	if (g->o.api_unit)
		read_journal(g);
	else if (g->o.api_log && strcmp(g->o.api_log, "-") != 0 && !g->log_words)
		read_file(g);
}
