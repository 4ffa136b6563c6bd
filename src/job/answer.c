/* SPDX-License-Identifier: MIT */
/* answer.c: the built-in answers of a tenant. */
#include "job/answer.h"

#include "base/arena.h"
#include "codec/json.h"
#include "codec/val.h"

enum { RULES_MAX = 10000 };

static bool
contains(struct str text, struct str word)
{
	for (size_t i = 0; i + word.n <= text.n; i++)
		if (str_ieq((struct str){text.p + i, word.n}, word))
			return true;
	return false;
}

struct str
answer_builtin(struct arena *a, struct str rules_json, struct str default_text,
	struct str message)
{
	struct val *rules = NULL;
	char why[128];

	/* `tenant set` lets only a list in; what got in otherwise answers nothing. */
	if (rules_json.n && json_parse(a, rules_json, RULES_MAX, &rules, why) < 0)
		rules = NULL;
	for (size_t i = 0; val_at(rules, i); i++) {
		const struct val *rule = val_at(rules, i);
		struct str reply = val_text(val_get(rule, "reply"));

		if (reply.n && contains(message, val_text(val_get(rule, "match"))))
			return reply;
	}
	return default_text.n ? default_text : (struct str){NULL, 0};
}
