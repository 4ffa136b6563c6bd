/* SPDX-License-Identifier: MIT */
/* vcard.c: the lines of a vCard. */
#include "job/vcard.h"

/* Where the name and its parameters end: at the first colon outside quotes. */
static size_t
find_colon(struct str line)
{
	bool quoted = false;
	size_t i = 0;

	for (; i < line.n && (quoted || line.p[i] != ':'); i++)
		if (line.p[i] == '"')
			quoted = !quoted;
	return i;
}

static struct str
without_group(struct str name)
{
	struct str rest = name;

	str_cut(&rest, '.');
	return rest.p ? rest : name;
}

bool
vcard_next(struct str *card, struct vcard_line *ret)
{
	if (!card->p)
		return false;
	struct str line = str_trim(str_cut(card, '\n'));
	size_t colon = find_colon(line);
	struct str params = {line.p, colon};
	struct str name = str_cut(&params, ';');

	*ret = (struct vcard_line){
		.name = without_group(name),
		.params = params,
	};
	if (colon < line.n)
		ret->value =
			str_trim((struct str){line.p + colon + 1, line.n - colon - 1});
	return true;
}

static struct str
find_waid(struct str params)
{
	while (params.p) {
		struct str value = str_cut(&params, ';');
		struct str name = str_cut(&value, '=');

		if (str_ieq(name, STR("waid")) && str_is_number(value))
			return value;
	}
	return (struct str){NULL, 0};
}

struct str
vcard_phone(const struct vcard_line *line, bool *ret_waid)
{
	struct str number = line->value;

	*ret_waid = false;
	if (!str_ieq(line->name, STR("TEL")))
		return (struct str){NULL, 0};
	struct str waid = find_waid(line->params);
	if (waid.p) {
		*ret_waid = true;
		return waid;
	}
	if (str_starts(number, STR("tel:"))) /* version 4 writes a URI */
		number = (struct str){number.p + 4, number.n - 4};
	return number;
}
