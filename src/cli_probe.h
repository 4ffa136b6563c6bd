/* SPDX-License-Identifier: MIT */
/* cli_probe.h: prosaas probe: is the process of this environment well? */
#ifndef CLI_PROBE_H
#define CLI_PROBE_H

struct settings;

int cli_probe(const struct settings *s, int argc, char **argv);

#endif
