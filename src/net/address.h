/* SPDX-License-Identifier: MIT */
/* address.h: which IP addresses anybody may reach. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>

/* address_is_public says whether ip (its text) leads to the Internet at large: false
 * for private, local, shared and reserved ones, those of IPv4 inside IPv6, and for what
 * is no address.  Source: IANA's special-purpose registries. */
bool address_is_public(const char *ip);

#endif
