/* SPDX-License-Identifier: MIT */
/* answer.h: the built-in answers of a tenant.
 *
 * Its rules are a JSON list of {"match":"word","reply":"text"}; the first whose
 * match stands in the message, whatever the case of ASCII letters, answers; an
 * empty match fits all.  Else its default text does, unless that is empty. */
#ifndef JOB_ANSWER_H
#define JOB_ANSWER_H

#include "base/str.h"

struct arena;

/* answer_builtin returns the answer, or an absent slice for none. */
struct str answer_builtin(struct arena *a, struct str rules_json,
	struct str default_text, struct str message);

#endif
