/* SPDX-License-Identifier: MIT */
/* gate_api.h: the api while a gate stands.
 *
 * Its counters only rise, so a look that it does not answer costs no numbers.  But it
 * is away then, and whoever posts finds nobody: that is counted. */
#ifndef DOCTOR_GATE_API_H
#define DOCTOR_GATE_API_H

#include <stdbool.h>

struct gate;
struct gate_numbers;

/* gate_api_look notes its numbers; one that does not answer is asked again for as long
 * as a restart takes. */
void gate_api_look(struct gate *g);

/* gate_api_unseen: it answered no look, so nothing is known of it: g->api_words. */
bool gate_api_unseen(const struct gate *g);

/* gate_api_sum is what all processes did meanwhile. */
struct gate_numbers gate_api_sum(const struct gate *g);

#endif
