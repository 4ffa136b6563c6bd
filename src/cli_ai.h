/* SPDX-License-Identifier: MIT */
/* cli_ai.h: prosaas ai usage|prompts|try. */
#ifndef CLI_AI_H
#define CLI_AI_H

struct settings;

int cli_ai(const struct settings *s, int argc, char **argv);

#endif
