/* SPDX-License-Identifier: MIT */
/* cli_top.h: prosaas top: how the whole stands, live. */
#ifndef CLI_TOP_H
#define CLI_TOP_H

struct settings;

int cli_top(const struct settings *s, int argc, char **argv);

#endif
