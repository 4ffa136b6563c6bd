/* SPDX-License-Identifier: MIT */
/* digest.c: hashes, random bytes, comparison in constant time. */
#include "base/digest.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

enum { RANDOM_DRAWN = 1024 }; /* bytes */

/* One context and one fetched algorithm for all calls: fetching costs more
 * than hashing a short id. */
void
digest_sha256(const struct str *parts, size_t count, uint8_t ret[DIGEST_SIZE])
{
	static _Thread_local EVP_MD_CTX *ctx;
	static _Thread_local EVP_MD *md;

	if (!ctx) {
		ctx = EVP_MD_CTX_new();
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
		if (!ctx || !md)
			die("OpenSSL has no SHA-256");
	}
	EVP_DigestInit_ex2(ctx, md, NULL);
	for (size_t i = 0; i < count; i++) {
		uint8_t length[8];

		for (size_t b = 0; b < sizeof(length); b++)
			length[b] = (uint8_t)(parts[i].n >> 8 * b);
		EVP_DigestUpdate(ctx, length, sizeof(length));
		EVP_DigestUpdate(ctx, parts[i].p, parts[i].n);
	}
	EVP_DigestFinal_ex(ctx, ret, NULL);
}

void
digest_hmac_hex(
	int bits, struct str key, struct str data, char ret[DIGEST_HMAC_HEX_SIZE])
{
	const EVP_MD *md = bits == 512 ? EVP_sha512() : EVP_sha256();
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned n;

	if (!HMAC(md, key.p, (int)key.n, (const uint8_t *)data.p, data.n, mac, &n))
		die("OpenSSL has no HMAC");
	digest_hex(mac, n, ret);
}

void
digest_id(const struct str *parts, size_t count, char ret[DIGEST_ID_SIZE])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t d[DIGEST_SIZE];

	digest_sha256(parts, count, d);
	for (int i = 0; i < DIGEST_ID_SIZE - 1; i++) {
		int bit = i * 5;
		unsigned two = (unsigned)d[bit / 8] << 8 | d[bit / 8 + 1];

		ret[i] = alphabet[two >> (11 - bit % 8) & 31];
	}
	ret[DIGEST_ID_SIZE - 1] = '\0';
}

int
digest_file(const char *path, char ret[2 * DIGEST_SIZE + 1])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t piece[16 << 10], sum[DIGEST_SIZE];
	size_t n;

	FILE *f = fopen(path, "re");
	int bad = f ? 0 : -errno;
	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		die("OpenSSL has no SHA-256");
	while (f && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		EVP_DigestUpdate(ctx, piece, n);
	if (f && ferror(f))
		bad = -EIO;
	if (f)
		fclose(f);
	EVP_DigestFinal_ex(ctx, sum, NULL);
	EVP_MD_CTX_free(ctx);
	digest_hex(sum, sizeof(sum), ret);
	return bad;
}

void
digest_hex(const uint8_t *bytes, size_t n, char *ret)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = hex[bytes[i] >> 4];
		ret[2 * i + 1] = hex[bytes[i] & 15];
	}
	ret[2 * n] = '\0';
}

bool
digest_same(struct str a, struct str b)
{
	return a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}

/* OpenSSL asks some 7,500 instructions a call however little is wanted, a sixth of what
 * a webhook costs in all: so much is drawn at once.  What was given is wiped.  A child
 * would give its parent's bytes again: ours run another program at once. */
void
digest_random(void *to, size_t n)
{
	static _Thread_local uint8_t drawn[RANDOM_DRAWN];
	static _Thread_local size_t left;

	assert(n <= sizeof(drawn));
	if (left < n) {
		if (RAND_bytes(drawn, sizeof(drawn)) != 1)
			die("no random bytes");
		left = sizeof(drawn);
	}
	left -= n;
	memcpy(to, drawn + left, n);
	OPENSSL_cleanse(drawn + left, n);
}

void
digest_random_hex(size_t digits, char *ret)
{
	uint8_t bytes[DIGEST_SIZE];

	assert(digits / 2 <= sizeof(bytes));
	digest_random(bytes, digits / 2);
	digest_hex(bytes, digits / 2, ret);
}
