/* SPDX-License-Identifier: MIT */
/* belongs.h: is this about that person?
 *
 * Redis knows people by addresses as they came: in a lane, in a lock's field, anywhere
 * in a job's data.  An address is theirs when its canonical form is one of their names.
 *
 *   struct whose w = {.tenant = STR("1")};
 *   whose_add(&w, &arena, STR("972501234567@s.whatsapp.net"));
 *   whose_lane(&w, &arena, STR("1:972501234567:3@c.us"))        true */
#ifndef JOB_BELONGS_H
#define JOB_BELONGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

struct whose {
	struct str tenant; /* its id (tenant_id()) */
	/* private */
	struct str *names; /* canonical, in the arena */
	size_t count, size;
};

/* whose_add adds a name: an address, or a phone in E.164, which is one too. */
void whose_add(struct whose *w, struct arena *a, struct str name);

/* A lane ("<tenant>:<chat>"), a lock's field ("<tenant>|<chat>|..."). */
bool whose_lane(const struct whose *w, struct arena *a, struct str lane);
bool whose_field(const struct whose *w, struct arena *a, struct str field);

/* whose_data looks for a name in each text of a call (RQ's data) of the tenant.  In
 * what can't be read, and in raw (JSON as it came, perhaps broken), any bytes that are
 * the user of a name count. */
bool whose_data(const struct whose *w, struct arena *a, struct str data);
bool whose_raw(const struct whose *w, struct str raw);

#endif
