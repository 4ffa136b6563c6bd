/* SPDX-License-Identifier: MIT */
/* message_fuzz.c: any JSON as a WhatsApp message, and as an update of one.
 *
 * What the header promises is checked: a kind always, words where an answer is due,
 * a time that is one, lists within their bounds, nothing empty that should be
 * absent. */
#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/json.h"
#include "job/content.h"
#include "job/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_absent_or_said(struct str s)
{
	assert(!s.p || s.n);
}

static void
check(const struct message *m)
{
	const struct str said[] = {m->id, m->chat, m->push_name, m->verified_name,
		m->participant, m->chat_alt, m->participant_alt, m->sender_pn,
		m->sender_lid, m->participant_pn, m->participant_lid, m->text, m->words,
		m->choice, m->target.id, m->target.participant, m->quoted.id,
		m->quoted.participant, m->quoted.text};

	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		check_absent_or_said(said[i]);
	assert(m->id.p && m->chat.p && m->kind && m->kind[0]);
	assert(m->sent_us >= 0 && m->sent_us <= 1000000000000000000);
	assert(m->mention_count <= CONTENT_MENTIONS_MAX);
	for (size_t i = 0; i < m->mention_count; i++)
		assert(m->mentions[i].n);
	if (m->answerable)
		assert(m->words.p && m->text.p && chat_is_person(m->where) &&
			!m->from_me);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a;
	struct val *v;
	struct message m;
	char err[128];
	bool change;

	arena_init(&a);
	if (json_parse(&a, (struct str){(const char *)data, n}, 10000, &v, err) == 0) {
		if (message_read(&a, v, &m) == 0)
			check(&m);
		if (message_read_update(&a, v, &m, &change) == 0 && change)
			check(&m);
	}
	arena_done(&a);
	return 0;
}
