/* SPDX-License-Identifier: MIT */
/* cli_alerts.h: prosaas alerts. */
#ifndef CLI_ALERTS_H
#define CLI_ALERTS_H

struct settings;

int cli_alerts(const struct settings *s, int argc, char **argv);

#endif
