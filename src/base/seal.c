/* SPDX-License-Identifier: MIT */
/* seal.c: AES-256-GCM by OpenSSL, a new nonce for each seal. */
#include "base/seal.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"

enum {
	KEY_SIZE = 32,
	KEY_TEXT_MAX = 64,
	NONCE_SIZE = 12,
	TAG_SIZE = 16,
	AROUND = NONCE_SIZE + TAG_SIZE,
	TEXT_MAX = 1 << 20, /* of a seal; a tenant's value is no longer */
};

static const char mark[] = SEAL_MARK;

static struct {
	bool set;
	uint8_t bytes[KEY_SIZE];
} keys[2]; /* the key, the previous one */

/* --- keys ------------------------------------------------------------------- */

static bool
read_hex(struct str text, uint8_t to[KEY_SIZE])
{
	for (size_t i = 0; i < KEY_SIZE; i++) {
		int high = str_hex_digit(text.p[2 * i]);
		int low = str_hex_digit(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* base64_size is how many bytes a base64 text holds, -1 when it can't be one. */
static int
base64_size(struct str text)
{
	if (text.n == 0 || text.n % 4 != 0)
		return -1;
	int padding = text.p[text.n - 1] != '=' ? 0 : text.p[text.n - 2] != '=' ? 1 : 2;
	return (int)(text.n / 4 * 3) - padding;
}

static bool
read_base64(struct str text, uint8_t to[KEY_SIZE])
{
	uint8_t bytes[KEY_TEXT_MAX];

	if (base64_size(text) != KEY_SIZE ||
		EVP_DecodeBlock(bytes, (const uint8_t *)text.p, (int)text.n) < 0)
		return false;
	memcpy(to, bytes, KEY_SIZE);
	return true;
}

static int
set_key(size_t i, const char *name, const char *text, char err[256])
{
	struct str key = str_trim(str_of(text));

	keys[i].set = false;
	if (key.n == 0)
		return 0;
	keys[i].set = key.n == KEY_TEXT_MAX
			      ? read_hex(key, keys[i].bytes)
			      : key.n < KEY_TEXT_MAX && read_base64(key, keys[i].bytes);
	if (keys[i].set)
		return 0;
	snprintf(err, 256,
		"%s=***: allowed are 32 bytes, as 64 hex digits or as base64 (openssl "
		"rand -base64 32)",
		name);
	return -EINVAL;
}

int
seal_init(const char *key, const char *previous, char err[256])
{
	int bad = set_key(0, "SECRETS_KEY", key, err);

	return bad < 0 ? bad : set_key(1, "SECRETS_KEY_PREVIOUS", previous, err);
}

bool
seal_ready(void)
{
	return keys[0].set;
}

bool
seal_is(struct str text)
{
	return str_starts(text, str_of(mark));
}

/* --- seals ------------------------------------------------------------------- */

static EVP_CIPHER_CTX *
cipher_new(void)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	if (!c)
		die("OpenSSL has no AES-256-GCM");
	return c;
}

struct str
seal_close(struct arena *a, struct str secret, struct str place)
{
	if (secret.n == 0 || seal_is(secret))
		return secret;
	int size = (int)secret.n, n;
	uint8_t *bytes = arena_alloc(a, secret.n + AROUND);
	uint8_t *body = bytes + NONCE_SIZE, *tag = body + size;
	EVP_CIPHER_CTX *c = cipher_new();

	digest_random(bytes, NONCE_SIZE);
	if (EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, keys[0].bytes, bytes) != 1 ||
		EVP_EncryptUpdate(
			c, NULL, &n, (const uint8_t *)place.p, (int)place.n) != 1 ||
		EVP_EncryptUpdate(c, body, &n, (const uint8_t *)secret.p, size) != 1 ||
		EVP_EncryptFinal_ex(c, tag, &n) != 1 ||
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, tag) != 1)
		die("OpenSSL has no AES-256-GCM");
	EVP_CIPHER_CTX_free(c);

	size_t text_size = (secret.n + AROUND + 2) / 3 * 4 + 1;
	char *text = arena_alloc(a, text_size);
	n = EVP_EncodeBlock((uint8_t *)text, bytes, size + AROUND);
	struct str parts[] = {STR(mark), {text, (size_t)n}};
	return arena_join(a, parts, ARRAY_LEN(parts));
}

static bool
open_with(const uint8_t key[KEY_SIZE], uint8_t *bytes, int size, struct str place,
	uint8_t *to)
{
	EVP_CIPHER_CTX *c = cipher_new();
	uint8_t *body = bytes + NONCE_SIZE, *tag = body + size;
	int n;
	bool same = EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, bytes) == 1 &&
		    EVP_DecryptUpdate(
			    c, NULL, &n, (const uint8_t *)place.p, (int)place.n) == 1 &&
		    EVP_DecryptUpdate(c, to, &n, body, size) == 1 &&
		    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1 &&
		    EVP_DecryptFinal_ex(c, to + size, &n) == 1;

	EVP_CIPHER_CTX_free(c);
	return same;
}

int
seal_open(struct arena *a, struct str text, struct str place, struct str *ret)
{
	size_t n = sizeof(mark) - 1;

	if (!seal_is(text)) {
		*ret = text;
		return 0;
	}
	struct str code = {text.p + n, text.n - n};
	int size = code.n > TEXT_MAX ? -1 : base64_size(code);
	if (size <= AROUND)
		return ERR_SEALED;
	uint8_t *bytes = arena_alloc(a, code.n), *plain = arena_alloc(a, code.n);
	if (EVP_DecodeBlock(bytes, (const uint8_t *)code.p, (int)code.n) < 0)
		return ERR_SEALED;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].set &&
			open_with(keys[i].bytes, bytes, size - AROUND, place, plain)) {
			*ret = (struct str){
				(const char *)plain, (size_t)(size - AROUND)};
			return 0;
		}
	return ERR_SEALED;
}
