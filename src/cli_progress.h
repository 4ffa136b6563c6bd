/* SPDX-License-Identifier: MIT */
/* cli_progress.h: how far long work is, for who waits: one line on stderr that is
 * drawn again and again, and wiped at the end.  Where stderr is no terminal nothing is
 * written. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdint.h>

/* cli_progress draws "what [####    ] 40 % 400 of 1000", or without a total (0) only
 * the count: ten times a second at most, and nothing within the first half second. */
void cli_progress(const char *what, int64_t at, int64_t total);

/* cli_progress_end wipes the line: call it before anything else is printed. */
void cli_progress_end(void);

#endif
