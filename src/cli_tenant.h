/* SPDX-License-Identifier: MIT */
/* cli_tenant.h: the commands that work on the database. */
#ifndef CLI_TENANT_H
#define CLI_TENANT_H

struct settings;

/* Both return the exit status: 0 done, 1 it failed (one line says why), 2 wrong
 * words.  argv[0] is the subcommand: add, list, show, set, remove. */
int cli_tenant(const struct settings *s, int argc, char **argv);
int cli_migrate(const struct settings *s);

#endif
