/* SPDX-License-Identifier: MIT */
/* daytime.c: a time of the day, as people write it. */
#include "base/daytime.h"

#include "base/err.h"

static int
parse(struct str text, int *ret_minute)
{
	struct str minute = text;
	struct str hour = str_cut(&minute, ':');
	int64_t h, m;

	if (hour.n > 2 || minute.n != 2 || !str_is_number(hour) ||
		!str_is_number(minute))
		return ERR_SYNTAX;
	if (str_int(hour, &h) < 0 || str_int(minute, &m) < 0 || m > 59 ||
		h * 60 + m > DAYTIME_END)
		return ERR_SYNTAX;
	*ret_minute = (int)(h * 60 + m);
	return 0;
}

int
daytime_range(struct str text, int *ret_from, int *ret_to)
{
	struct str to = text;
	struct str from = str_cut(&to, '-');

	if (parse(str_trim(from), ret_from) < 0 || parse(str_trim(to), ret_to) < 0)
		return ERR_SYNTAX;
	return *ret_from == *ret_to ? ERR_SYNTAX : 0;
}
