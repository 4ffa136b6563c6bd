/* SPDX-License-Identifier: MIT */
/* defs.h: the few words every file may use. */
#ifndef BASE_DEFS_H
#define BASE_DEFS_H

#include <stddef.h>

#define MUSTCHECK      __attribute__((warn_unused_result))
#define PRINTF(fmt, a) __attribute__((format(printf, fmt, a)))
#define NORETURN       _Noreturn

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* container_of turns a pointer to an embedded member into its owner. */
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
