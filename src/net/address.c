/* SPDX-License-Identifier: MIT */
/* address.c: which IP addresses anybody may reach. */
#include "net/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/defs.h"

static const struct range {
	uint32_t net;
	int bits;
} not_public[] = {
	{0x00000000, 8},  /* this network */
	{0x0a000000, 8},  /* private */
	{0x64400000, 10}, /* shared: carriers, clouds */
	{0x7f000000, 8},  /* loopback */
	{0xa9fe0000, 16}, /* link-local: metadata of clouds */
	{0xac100000, 12}, /* private */
	{0xc0000000, 24}, /* IETF */
	{0xc0a80000, 16}, /* private */
	{0xc6120000, 15}, /* benchmarks */
	{0xe0000000, 3},  /* multicast, reserved, broadcast */
};

static bool
is_public_v4(uint32_t a)
{
	for (size_t i = 0; i < ARRAY_LEN(not_public); i++)
		if ((a ^ not_public[i].net) >> (32 - not_public[i].bits) == 0)
			return false;
	return true;
}

static uint32_t
word(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Only 2000::/3 is given out.  In it 2002::/16 (6to4) carries an IPv4 address, as
 * 64:ff9b::/96 (NAT64) and ::ffff:0:0/96 (mapped) do at their end. */
static bool
is_public_v6(const uint8_t a[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

	if (memcmp(a, mapped, sizeof(mapped)) == 0 ||
		memcmp(a, nat64, sizeof(nat64)) == 0)
		return is_public_v4(word(a + 12));
	if (a[0] == 0x20 && a[1] == 0x02)
		return is_public_v4(word(a + 2));
	return a[0] >> 5 == 1;
}

bool
address_is_public(const char *ip)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, ip, bytes) == 1)
		return is_public_v4(word(bytes));
	return inet_pton(AF_INET6, ip, bytes) == 1 && is_public_v6(bytes);
}
