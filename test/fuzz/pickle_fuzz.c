/* SPDX-License-Identifier: MIT */
/* pickle_fuzz.c: any bytes as a pickle; what is read must be what is written.
 *
 *   bytes --> pickle_parse --> pickle_val --> pickle_parse   says the same
 *                          --> val_json, which is JSON, and as such pickles to
 *                              what the tree of it says
 *
 * The last goes by the second JSON text: surrogates that Python had apart become
 * one character when they are read from escapes. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/pickle.h"
#include "codec/val.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct arena arena;
static char err[128];

/* check_same checks that the pickle in bytes says json. */
static void
check_same(struct buf *bytes, struct str json)
{
	struct buf out;
	struct val *v;

	buf_init(&out);
	assert(pickle_parse(&arena, buf_str(bytes), &v, err) == 0);
	val_json(&out, v);
	assert(str_eq(buf_str(&out), json));
	buf_done(&out);
}

static void
check_tree(const struct val *v, struct str json)
{
	struct buf bytes;

	buf_init(&bytes);
	pickle_begin(&bytes);
	pickle_val(&bytes, v);
	pickle_end(&bytes);
	check_same(&bytes, json);
	buf_done(&bytes);
}

static void
check_json(struct str json)
{
	struct buf bytes, second;
	struct val *v;
	int r = json_parse(&arena, json, PICKLE_NODES_MAX, &v, err);

	if (r == ERR_LIMIT) /* JSON may not nest as deep */
		return;
	assert(r == 0);
	buf_init(&bytes);
	buf_init(&second);
	val_json(&second, v);
	pickle_begin(&bytes);
	assert(pickle_json(&bytes, json, PICKLE_NODES_MAX) == 0);
	pickle_end(&bytes);
	check_same(&bytes, buf_str(&second));
	buf_done(&bytes);
	buf_done(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf json;
	struct val *v;

	arena_init(&arena);
	buf_init(&json);
	if (pickle_parse(&arena, (struct str){(const char *)data, n}, &v, err) == 0) {
		val_json(&json, v);
		check_tree(v, buf_str(&json));
		check_json(buf_str(&json));
	}
	buf_done(&json);
	arena_done(&arena);
	return 0;
}
