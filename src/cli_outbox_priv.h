/* SPDX-License-Identifier: MIT */
/* cli_outbox_priv.h: what the commands that write to customers share.
 *
 *   outbox_begin ---> a row's function ---> store_run ... ---> outbox_poke ---> done
 *
 * They write rows into the database.  A poke tells a worker to look at once; without
 * it the scheduler does within a minute. */
#ifndef CLI_OUTBOX_PRIV_H
#define CLI_OUTBOX_PRIV_H

#include <stdint.h>

#include "base/arena.h"
#include "cli_redis.h"
#include "cli_words.h"

struct buf;
struct outbox_row;
struct settings;
struct store;

enum {
	OUTBOX_UNSET = -1,
	OUTBOX_FILE_MAX = 64 << 20, /* bytes that a file may have */
};

struct outbox_cli {
	const struct settings *s;
	const struct cli_command *command; /* for usage lines */
	const struct cli_row *row;
	struct cli_words words;
	struct arena arena;
	struct store *store;
	struct cli_redis redis;

	/* options; texts absent and numbers OUTBOX_UNSET when not given */
	struct str at, in, every, zone, key, status, text, file, name;
	struct str template, language, content;
	int64_t limit, rate;
	bool unless_reply, wait, json, skip_bad;
};

/* outbox_run reads the words and runs the row they name: the exit status. */
int outbox_run(
	const struct cli_command *c, const struct settings *s, int argc, char **argv);

/* outbox_usage says what is wrong with the words. */
int outbox_usage(const struct outbox_cli *c, const char *wrong);

/* outbox_id reads a word as the number of a row: CLI_DONE, or CLI_USAGE after words. */
int outbox_id(const struct outbox_cli *c, int word, int64_t *ret) MUSTCHECK;

/* outbox_poke: a worker looks at what is due now.  Where Redis is away it says so. */
void outbox_poke(struct outbox_cli *c);

/* outbox_content makes of --template and --language, or of --content, what is sent
 * instead of a text; absent when none is given.  CLI_DONE, or another exit status after
 * words: also when the tenant's gateway sends texts only. */
int outbox_content(struct outbox_cli *c, struct str *ret) MUSTCHECK;

/* outbox_json appends a row as JSON. */
void outbox_json(struct buf *out, const struct outbox_row *row);

#endif
