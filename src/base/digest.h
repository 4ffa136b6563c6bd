/* SPDX-License-Identifier: MIT */
/* digest.h: hashes, random bytes, comparison in constant time (OpenSSL). */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum {
	DIGEST_SIZE = 32,           /* SHA-256 */
	DIGEST_HMAC_HEX_SIZE = 129, /* of the longest, with its NUL */
	DIGEST_ID_SIZE = 27,        /* 26 characters of digest_id() and NUL */
};

/* digest_sha256 hashes count slices, each behind its length (8 bytes, little
 * endian), so that ("ab","c") and ("a","bc") differ whatever bytes they hold. */
void digest_sha256(const struct str *parts, size_t count, uint8_t ret[DIGEST_SIZE]);

/* digest_file is what sha256sum says of a file, in hex: 0, or -errno. */
int digest_file(const char *path, char ret[2 * DIGEST_SIZE + 1]);

/* digest_hmac_hex is HMAC-SHA-512 (bits 512) or -256 (RFC 2104) of data, in hex. */
void digest_hmac_hex(
	int bits, struct str key, struct str data, char ret[DIGEST_HMAC_HEX_SIZE]);

/* digest_id is the first 130 bits of digest_sha256 in lower-case base32: safe
 * in keys, file names and RQ job ids ([A-Za-z0-9_-]). */
void digest_id(const struct str *parts, size_t count, char ret[DIGEST_ID_SIZE]);

/* digest_hex writes 2*n lower-case hex digits and a NUL. */
void digest_hex(const uint8_t *bytes, size_t n, char *ret);

/* digest_same compares without telling by its time where they differ. */
bool digest_same(struct str a, struct str b);

/* digest_random fills with n random bytes, at most 1024; dies if the system has none.
 */
void digest_random(void *to, size_t n);

/* digest_random_hex writes `digits` random hex digits, an even number, and a NUL. */
void digest_random_hex(size_t digits, char *ret);

#endif
