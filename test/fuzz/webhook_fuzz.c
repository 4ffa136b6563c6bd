/* SPDX-License-Identifier: MIT */
/* webhook_fuzz.c: any bytes as the body of a webhook.
 *
 * What the header promises of a good body is checked: slices lie in it, names are
 * names, ids are short, and each message becomes a job that a worker can read; of
 * a bad one: words that fit the 400 answer. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/rqjob.h"
#include "codec/tenant.h"
#include "codec/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_msg(const struct webhook_msg *m, struct str body)
{
	assert(m->raw.n > 0);
	assert(m->raw.p >= body.p && m->raw.p + m->raw.n <= body.p + body.n);
	assert(m->id.p && m->id.n > 0 && m->id.n <= WEBHOOK_ID_MAX);
	assert(m->unfit || m->chat.p);
	assert(!m->update || !m->stub);
}

static void
check_job(struct arena *a, struct str tenant, struct str raw, bool as_json)
{
	struct rqjob_call call;
	struct buf job;
	char err[128];

	buf_init(&job);
	if (rqjob_webhook(&job, as_json, STR("f"), tenant, raw) == 0)
		assert(rqjob_parse(a, buf_str(&job), &call, err) == 0);
	buf_done(&job);
}

static void
check_words(const char *err)
{
	size_t n = strnlen(err, 128);

	assert(n > 0 && n < 128);
	for (size_t i = 0; i < n; i++)
		assert(err[i] >= ' ' && err[i] <= '~');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str body = {(const char *)data, n};
	struct webhook w;
	struct arena a;
	char err[128] = "";

	arena_init(&a);
	if (webhook_scan(&a, body, &w, err) < 0) {
		check_words(err);
	} else {
		assert(tenant_is_id(w.tenant));
		assert(w.count <= WEBHOOK_MSGS_MAX);
		for (size_t i = 0; i < w.count; i++)
			check_msg(&w.msgs[i], body);
		for (size_t i = 0; i < w.count && i < 100; i++) {
			check_job(&a, w.tenant, w.msgs[i].raw, false);
			check_job(&a, w.tenant, w.msgs[i].raw, true);
		}
	}
	arena_done(&a);
	return 0;
}
