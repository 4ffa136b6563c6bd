/* SPDX-License-Identifier: MIT */
/* tenant.c: the ids of tenants. */
#include "codec/tenant.h"

#include "base/arena.h"

struct str
tenant_id(struct str id)
{
	struct str rest = id, head = str_cut(&rest, '_');

	return str_eqz(head, "business") && str_is_number(rest) ? rest : id;
}

struct str
tenant_told(struct arena *a, struct str id)
{
	return str_is_number(id) ? arena_printf(a, "business_%.*s", STR_FMT(id)) : id;
}

static bool
is_id_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool
tenant_is_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!is_id_char(id.p[i]))
			return false;
	return id.n >= 1 && id.n <= TENANT_ID_MAX;
}
