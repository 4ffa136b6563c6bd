/* SPDX-License-Identifier: MIT */
/* cli_doctor.h: prosaas doctor. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

struct settings;

/* Returns the exit status: 0 healthy, 1 something is wrong, 2 it could not be looked
 * at, or wrong words. */
int cli_doctor(const struct settings *s, int argc, char **argv);

#endif
