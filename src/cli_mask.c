/* SPDX-License-Identifier: MIT */
/* cli_mask.c: a person's name on a screen that others see. */
#include "cli_mask.h"

#include "base/arena.h"
#include "base/log.h"

struct str
cli_mask(struct arena *a, struct str s)
{
	size_t first = 1;

	if (s.n == 0)
		return s;
	if (memchr(s.p, '@', s.n))
		return arena_str(a, str_of(log_chat(s)));
	if (s.p[0] == '+' && s.n > 6)
		return arena_printf(a, "%.3s…%.2s", s.p, s.p + s.n - 2);
	while (first < s.n && ((unsigned char)s.p[first] & 0xC0) == 0x80)
		first++;
	return arena_printf(a, "%.*s…", (int)first, s.p);
}
