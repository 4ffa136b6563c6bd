/* SPDX-License-Identifier: MIT */
/* cli_tail.h: prosaas tail: what happens, message by message. */
#ifndef CLI_TAIL_H
#define CLI_TAIL_H

struct settings;

int cli_tail(const struct settings *s, int argc, char **argv);

#endif
