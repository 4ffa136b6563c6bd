/* SPDX-License-Identifier: MIT */
/* watchman.h: a worker sees to it that somebody evaluates alerts.
 *
 * Schedulers tell of all alerts but one: that no scheduler leads.  Workers look each
 * second ALERT_EVERY_MS whether the leader's key is there; when it has not been for
 * ALERT_FOR_S, the first of them makes the alert no_scheduler (script/incident.lua:
 * only while nobody leads) and delivers its notice.  The next leader ends it. */
#ifndef ROLE_WATCHMAN_H
#define ROLE_WATCHMAN_H

struct http_client;
struct loop;
struct redis;
struct settings;

void watchman_new(struct loop *l, const struct settings *s, struct redis *r,
	struct http_client *http);

#endif
