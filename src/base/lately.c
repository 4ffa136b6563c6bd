/* SPDX-License-Identifier: MIT */
/* lately.c: what was said lately. */
#include "base/lately.h"

#include "base/digest.h"

enum { KEPT = 256 };

bool
lately_said(struct str what, int64_t for_ms, int64_t now_ms)
{
	static struct row {
		uint8_t what[DIGEST_SIZE];
		int64_t at_ms;
		bool used;
	} rows[KEPT];
	struct row *oldest = &rows[0];
	uint8_t digest[DIGEST_SIZE];

	digest_sha256(&what, 1, digest);
	for (size_t i = 0; i < KEPT; i++) {
		struct row *r = &rows[i];

		if (r->used && memcmp(r->what, digest, sizeof(digest)) == 0) {
			if (now_ms - r->at_ms < for_ms)
				return true;
			oldest = r;
			break;
		}
		if (!r->used || (oldest->used && r->at_ms < oldest->at_ms))
			oldest = r;
	}
	memcpy(oldest->what, digest, sizeof(digest));
	oldest->at_ms = now_ms;
	oldest->used = true;
	return false;
}
