/* SPDX-License-Identifier: MIT */
/* tenant_json.c: a tenant as JSON and as lines. */
#include "store/tenant_json.h"

#include "base/buf.h"
#include "codec/val.h"
#include "store/store.h"

static void
json_TEXT(struct buf *out, struct str v)
{
	if (v.p)
		json_quote(out, v);
	else
		buf_addz(out, "null");
}

static void
json_SECRET(struct buf *out, struct str v)
{
	buf_addz(out, v.n ? "\"***\"" : "null");
}

static void
json_NUMBER(struct buf *out, int64_t v)
{
	buf_addf(out, "%lld", (long long)v);
}

static void
json_REAL(struct buf *out, double v)
{
	buf_addf(out, "%g", v);
}

void
tenant_json(struct buf *out, const struct tenant *t)
{
	buf_addz(out, "{\"id\":");
	json_quote(out, t->id);
#define TENANT_JSON_(kind, field, help)    \
	buf_addz(out, ",\"" #field "\":"); \
	json_##kind(out, t->field);
	TENANT_FIELDS(TENANT_JSON_)
#undef TENANT_JSON_
	buf_addf(out, ",\"created_us\":%lld}", (long long)t->created_us);
}

static void
line_TEXT(struct buf *out, struct str v)
{
	buf_adds(out, v);
}

static void
line_SECRET(struct buf *out, struct str v)
{
	buf_addz(out, v.n ? "***" : "");
}

#define line_NUMBER json_NUMBER
#define line_REAL   json_REAL

void
tenant_lines(struct buf *out, const struct tenant *t)
{
	buf_addf(out, "id=%.*s\n", STR_FMT(t->id));
#define TENANT_LINE_(kind, field, help) \
	buf_addz(out, #field "=");      \
	line_##kind(out, t->field);     \
	buf_addc(out, '\n');
	TENANT_FIELDS(TENANT_LINE_)
#undef TENANT_LINE_
}
