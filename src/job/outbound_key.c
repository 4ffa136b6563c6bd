/* SPDX-License-Identifier: MIT */
/* outbound_key.c: the key that makes a message of ours one. */
#include "job/outbound_key.h"

#include <ctype.h>

#include "base/arena.h"
#include "base/digest.h"

enum { KEY_BYTES = 9 };

struct str
outbound_key(struct arena *a, const struct str *parts, size_t count)
{
	uint8_t digest[DIGEST_SIZE];
	char hex[2 * KEY_BYTES + 1];

	digest_sha256(parts, count, digest);
	digest_hex(digest, KEY_BYTES, hex);
	for (char *c = hex; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	return arena_printf(a, "3EB0%s", hex);
}
