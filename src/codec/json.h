/* SPDX-License-Identifier: MIT */
/* json.h: strict JSON (RFC 8259), read in one pass.
 *
 * struct json is a cursor over borrowed bytes; each function validates what it
 * passes.  Strings must be UTF-8 without raw control bytes; lone surrogate
 * escapes, \u0000 and numbers of any size pass.  Depth is bounded.  The first
 * error sticks: later calls do nothing and return what ends every loop, so a
 * caller checks json_end() once.
 *
 * Three readers stand on it: json_parse() (a tree), pickle_json() (straight to
 * pickle, pickle.h) and webhook_scan() (webhook.h). */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include <stdbool.h>

#include "base/str.h"

struct arena;
struct val;

enum { JSON_DEPTH_MAX = 64 };

struct json {
	const char *at, *end, *start;
	int depth;
	size_t values_left; /* how many more may be passed, keys too; json_init: any */
	const char *err;    /* NULL, or what is wrong at `at` */
};

void json_init(struct json *j, struct str text);

/* json_peek skips blanks and returns the first byte of the next value: one of
 * { [ " t f n - 0..9, or 0 after an error. */
char json_peek(struct json *j);

/* Objects and arrays are walked like this:
 *
 *   for (bool more = json_enter(j, '{'); more; more = json_more(j, '}')) {
 *           struct str key = json_key(j);      raw, between the quotes
 *           ... exactly one value is read or skipped ...
 *   }
 */
bool json_enter(struct json *j, char open);
bool json_more(struct json *j, char close);
struct str json_key(struct json *j);

/* json_read_string reads a string and returns what stands between the quotes, raw;
 * *ret_escaped says whether it needs json_unescape(). */
struct str json_read_string(struct json *j, bool *ret_escaped);

/* json_read_number reads a number and returns its text; *ret_integer: no . e E. */
struct str json_read_number(struct json *j, bool *ret_integer);

/* json_skip validates one value of any kind and returns its bytes. */
struct str json_skip(struct json *j);

/* json_read_literal reads true, false or null and returns its first letter, or 0. */
char json_read_literal(struct json *j);

/* json_end checks that only blanks follow.  0 or ERR_SYNTAX, ERR_LIMIT (depth),
 * with err saying what and at which byte. */
int json_end(struct json *j, char err[128]) MUSTCHECK;

/* json_fail records an error of a reader's own, if it is the first. */
void json_fail(struct json *j, const char *what);

/* json_unescape decodes what json_read_string() or json_key() returned into the arena
 * as WTF-8: a pair of surrogate escapes becomes its one character, a lone one
 * its three bytes.  json_unescape_to writes at most raw.n bytes, unterminated,
 * and returns how many. */
struct str json_unescape(struct arena *a, struct str raw);
size_t json_unescape_to(char *to, struct str raw);

/* json_text is json_unescape() for a raw string that rarely has escapes: without
 * them it is raw itself. */
struct str json_text(struct arena *a, struct str raw);

/* json_parse builds a tree of a whole text, at most nodes_max values (a key is
 * one too).  The tree is all in the arena.  0, ERR_SYNTAX or ERR_LIMIT, with words in
 * err. */
int json_parse(struct arena *a, struct str text, size_t nodes_max, struct val **ret,
	char err[128]) MUSTCHECK;

#endif
