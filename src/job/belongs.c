/* SPDX-License-Identifier: MIT */
/* belongs.c: is this about that person? */
#include "job/belongs.h"

#include "base/arena.h"
#include "codec/jid.h"
#include "codec/rqjob.h"
#include "codec/tenant.h"
#include "codec/val.h"

static bool
is_known(const struct whose *w, struct str name)
{
	for (size_t i = 0; i < w->count; i++)
		if (str_eq(w->names[i], name))
			return true;
	return false;
}

static struct str
canonical(struct arena *a, struct str address)
{
	struct jid j;

	return jid_parse(address, &j) == 0 ? jid_text(a, &j) : address;
}

static struct str
address_of(struct arena *a, struct str name)
{
	if (!str_starts(name, STR("+")))
		return canonical(a, name);
	return arena_printf(a, "%.*s@s.whatsapp.net", (int)name.n - 1, name.p + 1);
}

void
whose_add(struct whose *w, struct arena *a, struct str name)
{
	struct str address = address_of(a, name);

	if (is_known(w, address))
		return;
	if (w->count == w->size) {
		struct str *was = w->names;

		w->size = w->size ? 2 * w->size : 16;
		w->names = arena_alloc(a, w->size * sizeof(*w->names));
		if (w->count)
			memcpy(w->names, was, w->count * sizeof(*was));
	}
	w->names[w->count++] = address;
}

static bool
is_theirs(const struct whose *w, struct arena *a, struct str tenant, struct str chat)
{
	return str_eq(tenant_id(tenant), w->tenant) && chat.p &&
	       is_known(w, canonical(a, chat));
}

bool
whose_lane(const struct whose *w, struct arena *a, struct str lane)
{
	struct str chat = lane;
	struct str tenant = str_cut(&chat, ':');

	return is_theirs(w, a, tenant, chat);
}

bool
whose_field(const struct whose *w, struct arena *a, struct str field)
{
	struct str rest = field;
	struct str tenant = str_cut(&rest, '|');

	return is_theirs(w, a, tenant, str_cut(&rest, '|'));
}

/* A phone may stand alone, with its + or without. */
static bool
names(const struct whose *w, struct arena *a, struct str text)
{
	if (text.n == 0)
		return false;
	if (memchr(text.p, '@', text.n))
		return is_known(w, canonical(a, text));
	if (text.p[0] == '+')
		return is_known(w, address_of(a, text));
	return str_is_number(text) &&
	       is_known(w, arena_printf(a, "%.*s@s.whatsapp.net", STR_FMT(text)));
}

/* The depth of a value is bounded by its reader. */
static bool
any_names(const struct whose *w, struct arena *a, const struct val *v)
{
	size_t items = v->kind == VAL_DICT ? 2 * v->count : v->count;

	if (v->kind == VAL_TEXT)
		return names(w, a, v->text);
	if (v->kind != VAL_LIST && v->kind != VAL_DICT)
		return false;
	for (size_t i = 0; i < items; i++)
		if (any_names(w, a, v->items[i]))
			return true;
	return false;
}

static bool
is_of_tenant(const struct whose *w, struct arena *a, const struct rqjob_call *call)
{
	struct str tenant = rqjob_tenant(a, call);

	return !tenant.p || str_eq(tenant, w->tenant);
}

bool
whose_data(const struct whose *w, struct arena *a, struct str data)
{
	struct rqjob_call call;
	char why[128];

	if (rqjob_parse(a, data, &call, why) < 0)
		return whose_raw(w, data);
	return is_of_tenant(w, a, &call) &&
	       (any_names(w, a, call.args) || any_names(w, a, call.kwargs));
}

bool
whose_raw(const struct whose *w, struct str raw)
{
	for (size_t i = 0; raw.n > 0 && i < w->count; i++) {
		struct str server = w->names[i];
		struct str user = str_cut(&server, '@');

		if (user.n > 0 && memmem(raw.p, raw.n, user.p, user.n))
			return true;
	}
	return false;
}
