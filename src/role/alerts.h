/* SPDX-License-Identifier: MIT */
/* alerts.h: what is wrong, told once: for who has no Prometheus.
 *
 *        value above threshold          for ALERT_FOR_S
 *   well ------------------> suspected ---------------> firing
 *    ^                           |                        |
 *    |<--------------------------'                        | below threshold * calm
 *    '----------------------------------------------------'   for ALERT_RESOLVE_S
 *
 * Each scheduler looks every ALERT_EVERY_MS (queue/survey.h), so that one that takes
 * over knows what was; the one that leads evaluates the table (alert_table.h).  What
 * fires stands in Redis (queue/incident.h): a new leader does not repeat it.
 *
 * Without Redis nothing is known but that: the scheduler that led when it was lost, or
 * any that never reached it, tells so by itself, and hands the incident over when Redis
 * is back.  Its connection is its own, so another's trouble is not its. */
#ifndef ROLE_ALERTS_H
#define ROLE_ALERTS_H

#include <stdbool.h>

struct alerts;
struct lead;
struct loop;
struct settings;

/* alerts_new begins to look; dies when ALERT_OFF names no alert. */
struct alerts *
alerts_new(struct loop *l, const struct settings *s, const struct lead *lead);

/* alerts_leads says whether this scheduler leads. */
void alerts_leads(struct alerts *a, bool leading);

/* alerts_stop: no more looks. */
void alerts_stop(struct alerts *a);

#endif
