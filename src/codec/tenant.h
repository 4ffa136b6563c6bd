/* SPDX-License-Identifier: MIT */
/* tenant.h: the ids of tenants, one rule for all who meet one. */
#ifndef CODEC_TENANT_H
#define CODEC_TENANT_H

#include <stdbool.h>

#include "base/str.h"

struct arena;

enum { TENANT_ID_MAX = 64 };

/* tenant_id is the id by which a tenant is known: "1" for "business_1"; only
 * numbers have the two forms, as at the original's gateway. */
struct str tenant_id(struct str id);

/* tenant_told is that id as the original's gateway knows it: "business_1" of "1". */
struct str tenant_told(struct arena *a, struct str id);

/* tenant_is_id says whether id can be one: 1 to TENANT_ID_MAX of A-Z a-z 0-9 _ -. */
bool tenant_is_id(struct str id);

#endif
