/* SPDX-License-Identifier: MIT */
/* content.c: the content of a WhatsApp message, read by the table of shapes.
 *
 *   content --unwrap--> content --find--> shape, value --say--> kind, words, text
 *                                                `------context--> quoted, mentions
 *
 * Recursion: a quoted message is read without what it quotes; an edit's new content
 * takes from the levels of the edit. */
#include "job/content.h"

#include <assert.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "codec/val.h"
#include "job/content_priv.h"
#include "job/message.h"

/* {"ephemeralMessage":{"message":{...}}}: every FutureProofMessage of WAProto.proto,
 * and deviceSentMessage, which looks the same. */
static const char *const wrappers[] = {
	"ephemeralMessage",
	"viewOnceMessage",
	"viewOnceMessageV2",
	"viewOnceMessageV2Extension",
	"documentWithCaptionMessage",
	"deviceSentMessage",
	"editedMessage",
	"associatedChildMessage",
	"botForwardedMessage",
	"botInvokeMessage",
	"botTaskMessage",
	"eventCoverImage",
	"groupMentionedMessage",
	"groupStatusMentionMessage",
	"groupStatusMessage",
	"groupStatusMessageV2",
	"limitSharingMessage",
	"lottieStickerMessage",
	"pollCreationMessageV4",
	"pollCreationOptionImageMessage",
	"questionMessage",
	"questionReplyMessage",
	"statusAddYours",
	"statusMentionMessage",
};

/* What comes along with a content and says nothing itself. */
static const char *const companions[] = {
	"messageContextInfo",
	"senderKeyDistributionMessage",
	"fastRatchetKeySenderKeyDistributionMessage",
};

static bool
is_one_of(struct str name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eqz(name, names[i]))
			return true;
	return false;
}

/* NULL when a name is missing. */
static const struct val *
walk(const struct val *v, const char *path)
{
	struct str rest = str_of(path);
	char name[40];

	while (v && rest.n) {
		struct str one = str_cut(&rest, '.');

		assert(one.n < sizeof(name));
		memcpy(name, one.p, one.n);
		name[one.n] = '\0';
		v = val_get(v, name);
	}
	return v;
}

struct str
content_text(const struct val *v, const char *path)
{
	struct str text = val_text(walk(v, path));

	return text.n ? text : (struct str){NULL, 0};
}

static struct str
first_text(const struct val *v, const char *const paths[3])
{
	struct str text = {NULL, 0};

	for (int i = 0; i < 3 && paths[i] && !text.p; i++)
		text = content_text(v, paths[i]);
	return text;
}

/* --- canonical text ------------------------------------------------------- */

void
content_clean(struct buf *to, struct str detail)
{
	detail = str_trim(detail);
	size_t n = utf8_cut(detail, CONTENT_DETAIL_MAX).n;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)detail.p[i];

		buf_addc(to, c < ' ' || c == 0x7f ? ' ' : (char)c);
	}
	if (n < detail.n)
		buf_addz(to, "...");
}

void
content_about(struct reading *r, struct str detail)
{
	if (!str_trim(detail).n)
		return;
	if (buf_len(&r->about))
		buf_addz(&r->about, ", ");
	content_clean(&r->about, detail);
}

static struct str
canonical(struct reading *r, bool bare)
{
	struct str words = r->m->words, about = buf_str(&r->about);

	if (!r->tag || (bare && words.n))
		return words;
	struct str parts[] = {STR("["), str_of(r->tag), about.n ? STR(": ") : STR(""),
		about, STR("]"), words.n ? STR(" ") : STR(""), words};
	return arena_join(r->arena, parts, ARRAY_LEN(parts));
}

/* --- one shape ------------------------------------------------------------ */

static const struct val *
wrapped(const struct val *content, bool *ret_edited)
{
	for (size_t i = 0; i < ARRAY_LEN(wrappers); i++) {
		const struct val *v = val_get(content, wrappers[i]);
		const struct val *inner = val_get(v, "message");

		if (!inner || inner->kind != VAL_DICT)
			continue;
		*ret_edited |= str_eqz(str_of(wrappers[i]), "editedMessage");
		return inner;
	}
	return NULL;
}

/* unwrap returns NULL when there are more wrappers than levels. */
static const struct val *
unwrap(struct reading *r, const struct val *content)
{
	const struct val *inner = wrapped(content, &r->edited);

	while (inner && r->levels > 0) {
		r->levels--;
		content = inner;
		inner = wrapped(content, &r->edited);
	}
	return inner ? NULL : content;
}

/* A conversation is a text that is not empty, any other shape an object. */
static bool
has_form(const struct val *v, const struct shape *s)
{
	bool itself = s->words[0] && s->words[0][0] == '\0';

	if (!v)
		return false;
	return itself ? v->kind == VAL_TEXT && v->text.n : v->kind == VAL_DICT;
}

static const struct shape *
find_shape(const struct val *content, const struct val **ret)
{
	for (size_t i = 0; i < shape_count; i++) {
		*ret = val_get(content, shapes[i].key);
		if (has_form(*ret, &shapes[i]))
			return &shapes[i];
	}
	*ret = NULL;
	return NULL;
}

void
content_target(struct message *m, const struct val *key)
{
	m->target.id = content_text(key, "id");
	m->target.participant = content_text(key, "participant");
	m->target.from_me = val_true(val_get(key, "fromMe"));
}

static bool
say(struct reading *r, const struct shape *s, const struct val *v)
{
	struct message *m = r->m;

	m->kind = s->kind;
	m->words = first_text(v, s->words);
	r->tag = s->tag;
	content_about(r, first_text(v, s->about));
	if (s->choice)
		m->choice = content_text(v, s->choice);
	if (s->target)
		content_target(m, walk(v, s->target));
	if (s->more)
		s->more(r, v);
	if (!m->words.p)
		m->words = m->choice;
	m->text = canonical(r, s->flags & SHAPE_BARE);
	return (s->flags & SHAPE_ANSWERED) && m->words.n;
}

/* Is there anything but companions and nulls? */
static bool
says_something(const struct val *content)
{
	if (!content || content->kind != VAL_DICT)
		return false;
	for (size_t i = 0; i < content->count; i++)
		if (content->items[2 * i + 1]->kind != VAL_NULL &&
			!is_one_of(content->items[2 * i]->text, companions,
				ARRAY_LEN(companions)))
			return true;
	return false;
}

const struct val *
content_say(struct arena *a, const struct val *content, int levels, struct message *m,
	bool *ret_wants_answer)
{
	struct reading r = {.arena = a, .m = m, .levels = levels};
	const struct val *v = NULL;

	*ret_wants_answer = false;
	if (!says_something(content))
		return NULL;
	m->kind = "unknown";
	const struct shape *s = find_shape(unwrap(&r, content), &v);
	if (!s)
		return NULL;
	buf_init(&r.about);
	*ret_wants_answer = say(&r, s, v) && !r.edited;
	buf_done(&r.about);
	if (r.edited && !m->target.id.p)
		m->kind = "edit"; /* of what, it does not say */
	return v;
}

/* --- what it quotes and mentions ------------------------------------------ */

static void
read_quoted(struct arena *a, const struct val *info, struct message *m)
{
	struct message quoted = {0};
	bool wants_answer;

	content_say(a, val_get(info, "quotedMessage"), CONTENT_LEVELS_MAX, &quoted,
		&wants_answer);
	m->quoted.text = quoted.text;
	m->quoted.id = content_text(info, "stanzaId");
	m->quoted.participant = content_text(info, "participant");
}

static void
read_mentions(struct arena *a, const struct val *info, struct message *m)
{
	const struct val *jids = val_get(info, "mentionedJid");
	size_t count = jids && jids->kind == VAL_LIST ? jids->count : 0;

	if (count == 0)
		return;
	if (count > CONTENT_MENTIONS_MAX)
		count = CONTENT_MENTIONS_MAX;
	m->mentions = arena_alloc(a, count * sizeof(*m->mentions));
	for (size_t i = 0; i < count; i++) {
		struct str jid = val_text(val_at(jids, i));

		if (jid.n)
			m->mentions[m->mention_count++] = jid;
	}
}

bool
content_read(struct arena *a, const struct val *content, struct message *m)
{
	bool wants_answer;
	const struct val *v =
		content_say(a, content, CONTENT_LEVELS_MAX, m, &wants_answer);
	const struct val *info = val_get(v, "contextInfo");

	if (info) {
		read_quoted(a, info, m);
		read_mentions(a, info, m);
	}
	return wants_answer;
}
