/* SPDX-License-Identifier: MIT */
/* seal.h: secrets that lie around: in the database and in Redis.
 *
 *   "sealed:1:" base64( nonce, AES-256-GCM(secret), tag )
 *
 * The key is SECRETS_KEY, in the environment of each process; without one nothing is
 * sealed.  A seal is bound to its place (whose secret, which one): moved elsewhere it
 * does not open.  What was sealed with SECRETS_KEY_PREVIOUS opens as well. */
#ifndef BASE_SEAL_H
#define BASE_SEAL_H

#include <stdbool.h>

#include "base/defs.h"
#include "base/str.h"

struct arena;

/* What every seal begins with; alone it opens nowhere. */
#define SEAL_MARK "sealed:1:"

/* seal_init sets the keys of this process: 32 bytes as 64 hex digits or as base64; NULL
 * for none.  0, or -EINVAL with a line in err that names the setting. */
int seal_init(const char *key, const char *previous, char err[256]) MUSTCHECK;

bool seal_ready(void);
bool seal_is(struct str text);

/* seal_close seals a secret; call it only when seal_ready().  What is empty or sealed
 * already stays as it is. */
struct str seal_close(struct arena *a, struct str secret, struct str place);

/* seal_open returns the secret; a text that is not sealed is itself one.  0, or
 * ERR_SEALED: no key, another key, another place, or it was changed. */
int seal_open(
	struct arena *a, struct str text, struct str place, struct str *ret) MUSTCHECK;

#endif
