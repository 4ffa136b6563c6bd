/* SPDX-License-Identifier: MIT */
/* webhook_fuzz.c: whatever the door accepts becomes a job that a worker can read. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/rqjob.h"
#include "codec/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a;
	struct buf job;
	struct webhook w;
	struct rqjob_call call;
	char why[128];

	arena_init(&a);
	buf_init(&job);
	if (webhook_scan(&a, (struct str){(const char *)data, n}, &w, why) == 0) {
		for (size_t i = 0; i < w.count && i < 100; i++) {
			for (int as_json = 0; as_json <= 1; as_json++) {
				buf_clear(&job, 1 << 16);
				if (rqjob_webhook(&job, as_json, STR("f"), w.tenant,
					    w.msgs[i].raw) < 0)
					continue;
				if (rqjob_parse(&a, buf_str(&job), &call, why) < 0)
					abort();
			}
		}
	}
	buf_done(&job);
	arena_done(&a);
	return 0;
}
