/* SPDX-License-Identifier: MIT */
/* json_fuzz.c: three readers of one text, which must agree.
 *
 *   text --> json_skip                          same verdict from all
 *        --> json_parse  --> val_json --> json_parse --> val_json  the same again
 *        --> pickle_json --> pickle_parse --> pickle_val           the same bytes
 *
 * And whatever the bytes are, json_quote() makes JSON of them. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"
#include "codec/pickle.h"
#include "codec/val.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { NODES_MAX = 1 << 20 }; /* more than -max_len has bytes: never in the way */

static void
check_round(struct arena *a, const struct val *v)
{
	struct buf once, twice;
	struct val *again;
	char err[128];

	buf_init(&once);
	buf_init(&twice);
	val_json(&once, v);
	assert(json_parse(a, buf_str(&once), NODES_MAX, &again, err) == 0);
	val_json(&twice, again);
	assert(str_eq(buf_str(&once), buf_str(&twice)));
	buf_done(&once);
	buf_done(&twice);
}

static void
check_pickle(struct arena *a, struct str text, int verdict)
{
	struct buf once, twice;
	struct val *v;
	char err[128];

	buf_init(&once);
	buf_init(&twice);
	pickle_begin(&once);
	assert(pickle_json(&once, text, PICKLE_NODES_MAX) == verdict);
	pickle_end(&once);
	if (verdict == 0) {
		assert(pickle_parse(a, buf_str(&once), &v, err) == 0);
		pickle_begin(&twice);
		pickle_val(&twice, v);
		pickle_end(&twice);
		assert(str_eq(buf_str(&once), buf_str(&twice)));
	}
	buf_done(&once);
	buf_done(&twice);
}

static void
check_quote(struct arena *a, struct str text)
{
	struct buf out;
	struct val *v;
	char err[128];

	buf_init(&out);
	json_quote(&out, text);
	assert(json_parse(a, buf_str(&out), 1, &v, err) == 0);
	assert(v->kind == VAL_TEXT);
	buf_done(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = {(const char *)data, n};
	struct arena a;
	struct json j;
	struct val *v;
	char err[128];

	arena_init(&a);
	json_init(&j, text);
	json_skip(&j);
	int verdict = json_end(&j, err);
	assert(json_parse(&a, text, NODES_MAX, &v, err) == verdict);
	if (verdict == 0)
		check_round(&a, v);
	check_pickle(&a, text, verdict);
	check_quote(&a, text);
	arena_done(&a);
	return 0;
}
