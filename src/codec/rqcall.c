/* SPDX-License-Identifier: MIT */
/* rqcall.c: any call, as the job data of RQ. */
#include "codec/rqcall.h"

#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/pickle.h"
#include "codec/rqjob.h"
#include "codec/val.h"

/* A list's values, one after another. */
static int
pickle_items(struct buf *out, struct str list)
{
	struct json j;
	char err[128];
	int bad = 0;

	json_init(&j, list);
	for (bool more = json_enter(&j, '['); more && bad == 0;
		more = json_more(&j, ']'))
		bad = pickle_json(out, json_skip(&j), RQJOB_VALUES_MAX);
	return bad < 0 ? bad : json_end(&j, err);
}

static int
call_pickle(struct buf *out, struct str func, struct str args, struct str kwargs)
{
	pickle_begin(out);
	pickle_tuple_open(out);
	pickle_text(out, func);
	pickle_null(out);
	pickle_tuple_open(out);
	int bad = pickle_items(out, args);
	pickle_tuple_close(out);
	if (bad == 0)
		bad = pickle_json(out, kwargs, RQJOB_VALUES_MAX);
	pickle_tuple_close(out);
	pickle_end(out);
	return bad;
}

/* One value that begins with `open` and nothing else. */
static int
check_json(struct str text, char open)
{
	struct json j;
	char err[128];

	json_init(&j, text);
	bool fits = json_peek(&j) == open;
	json_skip(&j);
	int bad = json_end(&j, err);
	return bad < 0 ? bad : fits ? 0 : ERR_SHAPE;
}

int
rqcall_write(struct buf *out, bool as_json, struct str func, struct str args,
	struct str kwargs)
{
	size_t before = buf_len(out);
	int bad = check_json(args, '[');

	if (bad == 0)
		bad = check_json(kwargs, '{');
	if (bad < 0)
		return bad;
	if (!as_json) {
		bad = call_pickle(out, func, args, kwargs);
	} else {
		buf_addc(out, '[');
		json_quote(out, func);
		buf_addz(out, ", null, ");
		buf_adds(out, str_trim(args));
		buf_addz(out, ", ");
		buf_adds(out, str_trim(kwargs));
		buf_addc(out, ']');
	}
	if (bad < 0)
		buf_truncate(out, before);
	return bad;
}
