/* SPDX-License-Identifier: MIT */
/* cli_backup.h: prosaas backup and restore: all that we keep, in a folder.
 *
 *   DIR/prosaas.db      the database          DIR/manifest.json   what made it, when,
 *   DIR/redis.rdb       Redis                                     and sums; comes last
 *
 * Settings and secrets are not in it, nor what the gateway keeps. */
#ifndef CLI_BACKUP_H
#define CLI_BACKUP_H

struct settings;

int cli_backup(const struct settings *s, int argc, char **argv);
int cli_restore(const struct settings *s, int argc, char **argv);

#endif
