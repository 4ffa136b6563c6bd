/* SPDX-License-Identifier: MIT */
/* cloud.c: the Cloud API's changes, one after another.
 *
 *   cloud_read ---> each change ---> lists[]: messages, message_echoes, statuses
 *                       |                 |
 *                       |                 '-- each item ---> cloud_shapes.c
 *                       '-- errors, other fields ---> notes
 *
 * Two readers look at the body: a cursor that only finds phones, and later a tree.  A
 * phone that only the tree sees is refused, so that they can't disagree about who had
 * to sign. */
#include "codec/cloud.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/cloud_priv.h"
#include "codec/json.h"
#include "codec/val.h"

enum {
	NODES_MAX = 400000, /* 3 MiB, the most that Meta sends, in small values */
	NOTES_MAX = 100,
	PHONE_ID_MAX = 32,
};

static const char nobody[] = "meta-", unknown[] = "meta-unknown";

/* --- whose phones ---------------------------------------------------------- */

struct finding {
	struct json j;
	struct arena *arena;
	struct cloud *cloud;
};

static struct str
phone_id(struct str text)
{
	bool fits = str_is_number(text) && text.n <= PHONE_ID_MAX;

	return fits ? text : (struct str){NULL, 0};
}

static struct cloud_number *
number_of(const struct cloud *c, struct str id)
{
	for (size_t i = 0; i < c->count; i++)
		if (str_eq(c->numbers[i].id, id) && !c->numbers[i].id.p == !id.p)
			return &c->numbers[i];
	return NULL;
}

static struct cloud_number *
add_number(struct arena *a, struct cloud *c, struct str id)
{
	if (!c->numbers) /* and one for changes without phone */
		c->numbers =
			arena_alloc(a, (CLOUD_NUMBERS_MAX + 1) * sizeof(*c->numbers));
	c->numbers[c->count] = (struct cloud_number){.id = id};
	return &c->numbers[c->count++];
}

static void
found(struct finding *f)
{
	bool escaped;

	if (json_peek(&f->j) != '"') {
		json_skip(&f->j);
		return;
	}
	struct str id =
		phone_id(json_text(f->arena, json_read_string(&f->j, &escaped)));
	if (!id.p || number_of(f->cloud, id))
		return;
	if (f->cloud->count == CLOUD_NUMBERS_MAX)
		json_fail(&f->j, "too many phones");
	else
		add_number(f->arena, f->cloud, id);
}

/* Whatever stands at the end of the path, in each item of a list on the way. */
static void
find(struct finding *f, const char *const *path)
{
	char open = json_peek(&f->j);

	if (!*path) {
		found(f);
	} else if (open == '[') {
		for (bool more = json_enter(&f->j, '['); more;
			more = json_more(&f->j, ']'))
			find(f, path);
	} else if (open == '{') {
		for (bool more = json_enter(&f->j, '{'); more;
			more = json_more(&f->j, '}')) {
			if (str_eqz(json_text(f->arena, json_key(&f->j)), *path))
				find(f, path + 1);
			else
				json_skip(&f->j);
		}
	} else {
		json_skip(&f->j);
	}
}

int
cloud_numbers(struct arena *a, struct str body, struct cloud *ret, char err[128])
{
	static const char *const path[] = {
		"entry", "changes", "value", "metadata", "phone_number_id", NULL};
	struct finding f = {.arena = a, .cloud = ret};

	*ret = (struct cloud){0};
	json_init(&f.j, body);
	find(&f, path);
	return json_end(&f.j, err);
}

/* --- what it says ---------------------------------------------------------- */

struct pile { /* of one phone */
	struct buf messages, updates;
};

struct parse {
	struct arena *arena;
	struct cloud *cloud;
	struct pile *piles; /* one for each number, and one more */
	bool foreign;       /* a phone that cloud_numbers() has not seen */
};

static void
note(struct parse *p, struct str what, int64_t code)
{
	struct cloud *c = p->cloud;

	if (!c->notes)
		c->notes = arena_alloc(p->arena, NOTES_MAX * sizeof(*c->notes));
	if (c->note_count < NOTES_MAX)
		c->notes[c->note_count++] = (struct cloud_note){what, code};
}

static void
note_errors(struct parse *p, const struct val *v)
{
	const struct val *errors = val_get(v, "errors"), *e;

	for (size_t i = 0; (e = val_at(errors, i)) != NULL; i++)
		note(p, STR("error"), val_int(val_get(e, "code"), 0));
}

static const struct val *
contact_of(const struct val *contacts, const struct val *item)
{
	struct str from = val_text(val_get(item, "from"));
	struct str id = val_text(val_get(item, "from_user_id"));
	const struct val *c;

	for (size_t i = 0; (c = val_at(contacts, i)) != NULL; i++) {
		struct str wa_id = val_text(val_get(c, "wa_id"));
		struct str user_id = val_text(val_get(c, "user_id"));

		if ((from.n && str_eq(from, wa_id)) || (id.n && str_eq(id, user_id)))
			return c;
	}
	return NULL;
}

static void
write_items(struct parse *p, struct pile *pile, const struct val *value,
	const struct cloud_list *list)
{
	const struct val *items = val_get(value, list->name), *item;
	const struct val *contacts = val_get(value, "contacts");
	struct buf *b = list->is_update ? &pile->updates : &pile->messages;

	for (size_t i = 0; (item = val_at(items, i)) != NULL; i++) {
		if (buf_len(b) > 0)
			buf_addc(b, ',');
		note_errors(p, item);
		cloud_write(p->arena, list, item, contact_of(contacts, item), b);
	}
}

static struct pile *
pile_of(struct parse *p, const struct val *value)
{
	struct cloud *c = p->cloud;
	struct str id = phone_id(
		val_text(val_get(val_get(value, "metadata"), "phone_number_id")));
	struct cloud_number *n = number_of(c, id);

	if (!n && id.p) {
		p->foreign = true;
		return NULL;
	}
	if (!n) {
		n = add_number(p->arena, c, id);
		n->tenant = cloud_nobody(p->arena, id);
	}
	return &p->piles[n - c->numbers];
}

static void
read_change(struct parse *p, const struct val *change)
{
	const struct val *value = val_get(change, "value");
	bool known = val_get(value, "errors") != NULL;

	for (size_t i = 0; i < cloud_list_count; i++) {
		struct pile *pile;

		if (!val_get(value, cloud_lists[i].name))
			continue;
		known = true;
		pile = pile_of(p, value);
		if (pile)
			write_items(p, pile, value, &cloud_lists[i]);
	}
	note_errors(p, value);
	if (!known)
		note(p, val_text(val_get(change, "field")), 0);
}

static void
read_entries(struct parse *p, const struct val *entries)
{
	const struct val *entry, *change;

	for (size_t i = 0; (entry = val_at(entries, i)) != NULL; i++) {
		const struct val *changes = val_get(entry, "changes");

		for (size_t k = 0; (change = val_at(changes, k)) != NULL; k++)
			read_change(p, change);
	}
}

static void
write_body(struct arena *a, struct cloud_number *n, const struct pile *pile)
{
	struct buf b;

	if (buf_len(&pile->messages) + buf_len(&pile->updates) == 0)
		return;
	buf_init(&b);
	buf_addz(&b, "{\"tenantId\":");
	json_quote(&b, n->tenant);
	buf_addz(&b, ",\"payload\":{\"messages\":[");
	buf_adds(&b, buf_str(&pile->messages));
	buf_addz(&b, "],\"updates\":[");
	buf_adds(&b, buf_str(&pile->updates));
	buf_addz(&b, "]}}");
	n->body = arena_str(a, buf_str(&b));
	buf_done(&b);
}

static int
read_tree(struct parse *p, const struct val *tree, char err[128])
{
	const struct val *entries = val_get(tree, "entry");

	if (!entries || entries->kind != VAL_LIST) {
		snprintf(err, 128, "entry must be a list");
		return ERR_SHAPE;
	}
	read_entries(p, entries);
	if (!p->foreign)
		return 0;
	snprintf(err, 128, "phone_number_id stands twice");
	return ERR_SHAPE;
}

int
cloud_read(struct arena *a, struct str body, struct cloud *c, char err[128])
{
	struct parse p = {.arena = a, .cloud = c};
	size_t piles = c->count + 1;
	struct val *tree;
	int r = json_parse(a, body, NODES_MAX, &tree, err);

	if (r < 0)
		return r;
	p.piles = arena_zalloc(a, piles * sizeof(*p.piles));
	r = read_tree(&p, tree, err);
	for (size_t i = 0; i < piles; i++) {
		if (r == 0 && i < c->count)
			write_body(a, &c->numbers[i], &p.piles[i]);
		buf_done(&p.piles[i].messages);
		buf_done(&p.piles[i].updates);
	}
	return r;
}

/* --- phones of nobody ------------------------------------------------------ */

struct str
cloud_nobody(struct arena *a, struct str phone)
{
	if (!phone.p)
		return STR(unknown);
	return arena_printf(a, "%s%.*s", nobody, STR_FMT(phone));
}

struct str
cloud_phone_of(struct str tenant)
{
	size_t n = sizeof(nobody) - 1;

	if (!str_starts(tenant, str_of(nobody)))
		return (struct str){NULL, 0};
	return phone_id((struct str){tenant.p + n, tenant.n - n});
}
