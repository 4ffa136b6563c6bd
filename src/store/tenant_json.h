/* SPDX-License-Identifier: MIT */
/* tenant_json.h: a tenant as JSON, for the command line and the admin API. */
#ifndef STORE_TENANT_JSON_H
#define STORE_TENANT_JSON_H

struct buf;
struct tenant;

/* tenant_json appends {"id":"1","name":...,...,"created_us":...}: every property of
 * TENANT_FIELDS, null when unset. */
void tenant_json(struct buf *out, const struct tenant *t);

/* tenant_lines appends "name=value" lines, in the form that `tenant set` takes. */
void tenant_lines(struct buf *out, const struct tenant *t);

#endif
