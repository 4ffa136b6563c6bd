/* SPDX-License-Identifier: MIT */
/* process.h: what this process takes from the machine, as numbers of metrics.h. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

/* process_measure sets memory, descriptors and CPU time: some system calls, so when
 * somebody asks and not all the time. */
void process_measure(void);

#endif
