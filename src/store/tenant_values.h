/* SPDX-License-Identifier: MIT */
/* tenant_values.h: the properties of a tenant one by one, and what they may be. */
#ifndef STORE_TENANT_VALUES_H
#define STORE_TENANT_VALUES_H

#include "store/store_priv.h"

enum tenant_kind { TENANT_TEXT, TENANT_SECRET, TENANT_NUMBER, TENANT_REAL };

/* One of TENANT_FIELDS, in their order. */
struct tenant_field {
	enum tenant_kind kind;
	const char *name;
	size_t offset; /* in struct tenant */
};

#define TENANT_ONE_(kind, name, help) +1
enum { TENANT_FIELD_COUNT = 0 TENANT_FIELDS(TENANT_ONE_) };
#undef TENANT_ONE_
extern const struct tenant_field tenant_fields[TENANT_FIELD_COUNT];

/* tenant_value is where it is: a struct str of a text or a secret, an int64_t, a
 * double. */
void *tenant_value(struct tenant *t, const struct tenant_field *f);

/* tenant_set gives *t the properties that put names, each as it may be; ERR_SHAPE with
 * words in put's op.  What was given is borrowed. */
int
tenant_set(struct sql *db, struct store_tenant_put *put, struct tenant *t) MUSTCHECK;

/* tenant_printable is how much of s fits into a line of words: at most max bytes, whole
 * characters, and nothing from a line end on. */
int tenant_printable(struct str s, size_t max);

#endif
