/* SPDX-License-Identifier: MIT */
/* role.h: what a process can be.  Each runs until SIGTERM or SIGINT has drained
 * it, and returns the exit status. */
#ifndef ROLE_ROLE_H
#define ROLE_ROLE_H

struct settings;

/* Of roles without a port of their own, unless METRICS_PORT says otherwise. */
enum { WORKER_METRICS_PORT = 5001, SCHEDULER_METRICS_PORT = 5002 };

int api_run(const struct settings *s);
int worker_run(const struct settings *s);
int scheduler_run(const struct settings *s);
int admin_run(const struct settings *s);
int supervisor_run(const struct settings *s); /* `all` */

#endif
