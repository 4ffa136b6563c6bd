/* SPDX-License-Identifier: MIT */
/* price.c: AI_PRICES. */
#include "job/price.h"

#include <stdlib.h>

#include "base/err.h"

enum { PRICE_SIZE = 32 };

static int
read_price(struct str s, double *ret)
{
	char z[PRICE_SIZE], *end;

	s = str_trim(s);
	if (s.n == 0 || s.n >= sizeof(z) || s.p[0] == '-')
		return ERR_SYNTAX;
	memcpy(z, s.p, s.n);
	z[s.n] = '\0';
	*ret = strtod(z, &end);
	return *end == '\0' && *ret >= 0 && *ret < 1e6 ? 0 : ERR_SYNTAX;
}

/* A model's name may hold "/" and ":", but no "=". */
static int
read_entry(struct str entry, struct str *ret_model, double *ret_in, double *ret_out)
{
	struct str rest = entry;

	*ret_model = str_trim(str_cut(&rest, '='));
	struct str in = str_cut(&rest, '/');
	if (ret_model->n == 0 || read_price(in, ret_in) < 0)
		return ERR_SYNTAX;
	return read_price(rest, ret_out);
}

int64_t
price_micros(struct str prices, struct str model, int64_t in, int64_t out)
{
	struct str entry, name;
	double price_in, price_out;

	while (str_next(&prices, &entry))
		if (read_entry(entry, &name, &price_in, &price_out) == 0 &&
			str_eq(name, model))
			return (int64_t)((double)in * price_in +
					 (double)out * price_out + 0.5);
	return 0;
}

int
price_check(struct str prices, struct str *ret_wrong)
{
	struct str model;
	double in, out;

	while (str_next(&prices, ret_wrong))
		if (read_entry(*ret_wrong, &model, &in, &out) < 0)
			return ERR_SYNTAX;
	return 0;
}
