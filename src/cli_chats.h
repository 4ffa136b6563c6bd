/* SPDX-License-Identifier: MIT */
/* cli_chats.h: prosaas chats list|show|pause|resume. */
#ifndef CLI_CHATS_H
#define CLI_CHATS_H

struct settings;

int cli_chats(const struct settings *s, int argc, char **argv);

#endif
