/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "net/address.h"

TEST(address_is_public_or_not)
{
	static const struct {
		const char *ip;
		bool is_public;
	} rows[] = {
		{"8.8.8.8", true},
		{"172.15.255.255", true},
		{"172.32.0.1", true},
		{"100.63.0.1", true},
		{"223.255.255.255", true},
		{"0.0.0.0", false},
		{"10.1.2.3", false},
		{"100.64.0.1", false},
		{"127.0.0.1", false},
		{"169.254.169.254", false},
		{"172.16.0.1", false},
		{"172.31.255.255", false},
		{"192.168.1.1", false},
		{"198.19.0.1", false},
		{"224.0.0.1", false},
		{"255.255.255.255", false},
		{"2606:4700::1111", true},
		{"2002:0808:0808::1", true},
		{"::ffff:8.8.8.8", true},
		{"64:ff9b::8.8.8.8", true},
		{"::", false},
		{"::1", false},
		{"fe80::1", false},
		{"fd00::1", false},
		{"ff02::1", false},
		{"::ffff:127.0.0.1", false},
		{"::127.0.0.1", false},
		{"64:ff9b::10.0.0.1", false},
		{"2002:7f00:0001::1", false},
		{"", false},
		{"example.com", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (address_is_public(rows[i].ip) != rows[i].is_public)
			FAIL("%s", rows[i].ip);
}

UNIT_MAIN
