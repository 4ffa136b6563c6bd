/* SPDX-License-Identifier: MIT */
/* manager.h: the service manager that started us, if one did (systemd, or whoever
 * speaks as it does).
 *
 *   LISTEN_PID, LISTEN_FDS         it opened our port and hands it in; it keeps it
 *                                  while we restart, so that nobody is refused
 *   NOTIFY_SOCKET                  wants to hear READY=1 and STOPPING=1
 *   WATCHDOG_USEC, WATCHDOG_PID    and WATCHDOG=1 so often, from the loop: one that
 *                                  hangs is killed and started again
 *
 * Without these variables everything here does nothing.  They are ours alone: the
 * first call takes them out of the environment, a child does not get them. */
#ifndef NET_MANAGER_H
#define NET_MANAGER_H

struct loop;

/* manager_listener is the first socket handed in, or -1.  It is the caller's. */
int manager_listener(void);

/* manager_ready says that we serve, and begins to feed the watchdog. */
void manager_ready(struct loop *l);

void manager_stopping(void);

#endif
