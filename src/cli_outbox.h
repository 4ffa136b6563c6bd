/* SPDX-License-Identifier: MIT */
/* cli_outbox.h: the commands that write to customers: prosaas send, prosaas scheduled,
 * prosaas broadcast. */
#ifndef CLI_OUTBOX_H
#define CLI_OUTBOX_H

struct settings;

int cli_send(const struct settings *s, int argc, char **argv);
int cli_scheduled(const struct settings *s, int argc, char **argv);
int cli_broadcast(const struct settings *s, int argc, char **argv);

#endif
