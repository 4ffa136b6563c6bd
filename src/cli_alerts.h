/* SPDX-License-Identifier: MIT */
/* cli_alerts.h: prosaas alerts. */
#ifndef CLI_ALERTS_H
#define CLI_ALERTS_H

#include "base/str.h"

struct arena;
struct settings;
struct val;

int cli_alerts(const struct settings *s, int argc, char **argv);

/* cli_alert_measure is how bad it is, of an alert's JSON: "1200 jobs", or its words. */
struct str cli_alert_measure(struct arena *a, const struct val *alert);

#endif
