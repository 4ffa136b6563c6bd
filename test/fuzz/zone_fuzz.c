/* SPDX-License-Identifier: MIT */
/* zone_fuzz.c: any bytes are a zone or none; its changes are in order and differ. */
#include <assert.h>
#include <stdint.h>

#include "base/zone_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct zone_changes c;

	if (zone_file_read(&c, (struct str){(const char *)data, n}) < 0)
		return 0;
	assert(c.count > 0 && c.count <= ZONE_CHANGES_MAX);
	for (size_t i = 1; i < c.count; i++)
		assert(c.items[i].at > c.items[i - 1].at);
	return 0;
}
