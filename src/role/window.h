/* SPDX-License-Identifier: MIT */
/* window.h: what the counters of all processes rose by lately.
 *
 *   vitals of each process ---> what they rose by ---> one total, which only rises
 *                                                          |
 *        window_rise: total now, less total a window ago <--'
 *
 * A process that is seen for the first time counts from its start when that was after
 * ours, else from now on; a counter that fell began anew.  Of a process that died the
 * last two seconds are not known. */
#ifndef ROLE_WINDOW_H
#define ROLE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/vitals.h"

struct settings;
struct window;

struct window *window_new(const struct settings *s);

/* window_add takes the vitals of one process (who: "<role>:<id>"), then window_seal
 * ends the look. */
void window_add(struct window *w, struct str who, const struct vitals *v);
void window_seal(struct window *w);

/* window_rise is what all rose by within ALERT_WINDOW_S; false while it has not looked
 * for so long. */
bool window_rise(const struct window *w, struct vitals *ret);

/* window_span_ms is the time in which that was. */
int64_t window_span_ms(const struct window *w);

/* window_growth is by how many percent the memory of the process that grew most did in
 * the last one to two ALERT_MEMORY_WINDOW_S, 0 where it is less than
 * ALERT_MEMORY_MIN_MB; *ret_who is its name, until the next look.  Redis's memory is
 * given as one of a process, with window_redis. */
double window_growth(const struct window *w, const char **ret_who);
double window_redis(struct window *w, int64_t memory);

#endif
