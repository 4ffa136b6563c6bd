/* SPDX-License-Identifier: MIT */
/* prompt.h: what the model is told, and in which order.
 *
 *   system      date and time where the tenant is
 *               the tenant's prompt
 *               the house rules: safety, no repetition, language
 *               what is known of the customer
 *               what was said longer ago, in short
 *   user, assistant ...   the history, oldest first, in its real roles
 *   user        what the customer says now, once: each line of the burst, behind
 *               what it quotes
 *
 * One system message: many compatible servers take no second one.  The sender of a
 * line is told by its role alone: a person who answers from the phone speaks for the
 * business as the bot does.
 *
 * All of it is to fit into a budget of tokens.  The oldest history goes first; what
 * the customer says now is shortened in its middle only when it would not fit
 * without any history, and never below PROMPT_SAID_MIN; the system message is never
 * touched, so a budget below it is overdrawn. */
#ifndef JOB_PROMPT_H
#define JOB_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct ai_turn;
struct arena;
struct store_history;
struct store_text;

enum {
	PROMPT_SAID_MIN = 200,  /* tokens: about a screen of WhatsApp */
	PROMPT_MESSAGE = 4,     /* what a message costs beside its text */
	PROMPT_QUOTE_MAX = 100, /* tokens of what a line quotes */
};

struct prompt_input {
	int64_t now_us;   /* UTC */
	int64_t offset_s; /* what the tenant's zone adds to UTC now */
	struct str zone;  /* its name, to be shown; absent: UTC */
	struct str prompt, language, facts, summary; /* each may be absent */
	const struct store_history *history;
	size_t history_count;
	const struct store_text *lines;
	size_t line_count;
	int64_t budget; /* tokens */
};

struct prompt {
	struct ai_turn *turns; /* the system's first, the current one last */
	size_t count;
	int64_t tokens; /* estimated, of all of it */
	size_t dropped; /* how much of the history */
	bool cut;       /* the current turn was shortened */
};

/* prompt_build reads nothing but its input: no clock, no setting. */
void prompt_build(struct arena *a, const struct prompt_input *in, struct prompt *ret);

/* prompt_tokens estimates what a text costs, rather too high than too low: four ASCII
 * characters a token (as OpenAI says of English), two of the alphabets of two bytes
 * (Hebrew, Arabic, Cyrillic: 2 to 3 with its newer encodings), one of three bytes
 * (Chinese, Thai), half an emoji. */
int64_t prompt_tokens(struct str text);

/* prompt_shorten is s, or when it costs more than tokens its head and its tail with a
 * mark between them, in the arena. */
struct str prompt_shorten(struct arena *a, struct str s, int64_t tokens);

#endif
