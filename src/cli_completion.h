/* SPDX-License-Identifier: MIT */
/* cli_completion.h: prosaas completion: what bash and zsh need to complete our words.
 */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

struct settings;

int cli_completion(const struct settings *s, int argc, char **argv);

#endif
