/* SPDX-License-Identifier: MIT */
/* cli_trace.h: prosaas trace: the life of one message. */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

struct settings;

int cli_trace(const struct settings *s, int argc, char **argv);

#endif
