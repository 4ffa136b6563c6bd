/* SPDX-License-Identifier: MIT */
/* cli_jobs.h: the commands that work on what is in Redis. */
#ifndef CLI_JOBS_H
#define CLI_JOBS_H

struct settings;

/* Both return the exit status: 0 done, 1 refused or nothing matched (a line says
 * why), 2 wrong words. */
int cli_jobs(const struct settings *s, int argc, char **argv);
int cli_queues(const struct settings *s, int argc, char **argv);
int cli_sessions(const struct settings *s, int argc, char **argv);

#endif
