/* SPDX-License-Identifier: MIT */
/* gate_log.h: the api's log while a gate stands: does the api process what it should
 * only queue? */
#ifndef DOCTOR_GATE_LOG_H
#define DOCTOR_GATE_LOG_H

struct gate;

/* gate_log_begin notes where the log stands; stdin is read to its end. */
void gate_log_begin(struct gate *g);

/* gate_log_end counts the lines since then, and those of processing. */
void gate_log_end(struct gate *g);

#endif
