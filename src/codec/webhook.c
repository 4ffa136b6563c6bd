/* SPDX-License-Identifier: MIT */
/* webhook.c: what the body of a webhook says.
 *
 *   body { tenantId, payload { messages [ message { key { id, remoteJid, fromMe },
 *                                                   message, messageStubType } ],
 *                              updates [ update { key, update, receipt } ] } }
 *
 * One function per level; each reads the keys it knows, skips the others, and
 * refuses a key it knows that stands twice.  A refusal does not end the scan: what
 * is no JSON is that first of all, wherever in it the error stands. */
#include "codec/webhook.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/tenant.h"

enum { MSGS_FIRST = 4, KEY_MAX = 32 };

struct scan {
	struct json j;
	struct arena *arena;
	struct webhook *w;
	size_t room;
	int refused;    /* 0, or the first reason why good JSON is no webhook for us: */
	char words[96]; /* and in words */
};

/* refuse notes a reason; the first counts. */
static void
refuse(struct scan *s, int err, const char *what, const char *name)
{
	if (s->refused)
		return;
	s->refused = err;
	snprintf(s->words, sizeof(s->words), what, name);
}

static void
bad_shape(struct scan *s, const char *what, const char *name)
{
	refuse(s, ERR_SHAPE, what, name);
}

/* Which of names (last NULL) is this key?  -1 for none.  A key may be escaped. */
static int
find_key(struct scan *s, struct str raw, const char *const *names, unsigned *seen)
{
	char plain[KEY_MAX * 6];
	struct str key = raw;

	if (raw.n > sizeof(plain))
		return -1; /* longer than any name with all its letters escaped */
	if (raw.n && memchr(raw.p, '\\', raw.n))
		key = (struct str){plain, json_unescape_to(plain, raw)};
	for (int i = 0; names[i]; i++) {
		if (!str_eqz(key, names[i]))
			continue;
		if (*seen & 1u << i)
			bad_shape(s, "%s stands twice", names[i]);
		*seen |= 1u << i;
		return i;
	}
	return -1;
}

const char *
webhook_provider(struct str said)
{
	return str_eqz(said, "meta") ? "meta" : "baileys";
}

/* Reads a string and returns it decoded; any other value is skipped and absent. */
static struct str
read_text(struct scan *s)
{
	bool escaped;

	if (json_peek(&s->j) != '"') {
		json_skip(&s->j);
		return (struct str){NULL, 0};
	}
	struct str raw = json_read_string(&s->j, &escaped);
	struct str text = escaped ? json_unescape(s->arena, raw) : raw;
	return text.n ? text : (struct str){NULL, 0}; /* an empty one says nothing */
}

/* Returns whether there is one: an object. */
static bool
read_key(struct scan *s, struct webhook_msg *m)
{
	static const char *const names[] = {"id", "remoteJid", "fromMe", NULL};
	unsigned seen = 0;

	if (json_peek(&s->j) != '{') {
		json_skip(&s->j);
		return false;
	}
	for (bool more = json_enter(&s->j, '{'); more; more = json_more(&s->j, '}')) {
		switch (find_key(s, json_key(&s->j), names, &seen)) {
		case 0:
			m->id = read_text(s);
			break;
		case 1:
			m->chat = read_text(s);
			break;
		case 2:
			m->from_me = json_peek(&s->j) == 't';
			json_skip(&s->j);
			break;
		default:
			json_skip(&s->j);
		}
	}
	return true;
}

struct content {
	bool any;  /* there is something in it */
	bool says; /* and not only what travels along: group keys, device lists */
};

static struct content
read_content(struct scan *s)
{
	static const char *const companions[] = {"messageContextInfo",
		"senderKeyDistributionMessage",
		"fastRatchetKeySenderKeyDistributionMessage"};
	struct content c = {false, false};

	if (json_peek(&s->j) != '{') {
		json_skip(&s->j);
		return c;
	}
	for (bool more = json_enter(&s->j, '{'); more; more = json_more(&s->j, '}')) {
		struct str name = json_key(&s->j);
		bool says = json_peek(&s->j) != 'n';

		for (size_t i = 0; i < ARRAY_LEN(companions); i++)
			says = says && !str_eqz(name, companions[i]);
		json_skip(&s->j);
		c.any = true;
		c.says = c.says || says;
	}
	return c;
}

/* A number but 0, or a name but UNKNOWN. */
static bool
read_stub_type(struct scan *s)
{
	char first = json_peek(&s->j);
	struct str raw = json_skip(&s->j);

	if (first == '"')
		return raw.n > 2 && !str_eq(raw, STR("\"UNKNOWN\""));
	return first >= '1' && first <= '9';
}

/* The id that the door uses: the message's own, or one made of what there is. */
static struct str
effective_id(struct scan *s, const struct webhook_msg *m)
{
	char digest[DIGEST_ID_SIZE];

	if (m->id.p && m->id.n <= WEBHOOK_ID_MAX)
		return m->id;
	digest_id(m->id.p ? &m->id : &m->raw, 1, digest);
	return arena_printf(s->arena, "%s-%s", m->id.p ? "h" : "n", digest);
}

/* What stands around the content, or the update. */
static const char *
unfit_frame(bool object, bool key, const struct webhook_msg *m)
{
	if (!object)
		return "not an object";
	if (!key)
		return "no key";
	return m->chat.p ? NULL : "no chat";
}

static void
read_message(struct scan *s, struct webhook_msg *m)
{
	static const char *const names[] = {
		"key", "message", "messageStubType", "provider", NULL};
	unsigned seen = 0;
	struct content content = {false, false};
	bool key = false, stub = false;

	*m = (struct webhook_msg){.provider = webhook_provider(STR(""))};
	bool object = json_peek(&s->j) == '{';
	const char *from = s->j.at;
	if (!object)
		json_skip(&s->j);
	for (bool more = object && json_enter(&s->j, '{'); more;
		more = json_more(&s->j, '}')) {
		switch (find_key(s, json_key(&s->j), names, &seen)) {
		case 0:
			key = read_key(s, m);
			break;
		case 1:
			content = read_content(s);
			break;
		case 2:
			stub = read_stub_type(s);
			break;
		case 3:
			m->provider = webhook_provider(read_text(s));
			break;
		default:
			json_skip(&s->j);
		}
	}
	m->raw = (struct str){from, (size_t)(s->j.at - from)};
	m->stub = stub && !content.says;
	m->unfit = unfit_frame(object, key, m);
	if (!m->unfit && !content.any && !stub)
		m->unfit = "no content";
	m->id = effective_id(s, m);
}

static bool
skip_object(struct scan *s)
{
	bool object = json_peek(&s->j) == '{';

	json_skip(&s->j);
	return object;
}

/* What is said of a message has no id of its own: the door names it by its bytes. */
static void
read_update(struct scan *s, struct webhook_msg *m)
{
	static const char *const names[] = {
		"key", "update", "receipt", "provider", NULL};
	unsigned seen = 0;
	bool key = false, says = false;

	*m = (struct webhook_msg){
		.update = true, .provider = webhook_provider(STR(""))};
	bool object = json_peek(&s->j) == '{';
	const char *from = s->j.at;
	if (!object)
		json_skip(&s->j);
	for (bool more = object && json_enter(&s->j, '{'); more;
		more = json_more(&s->j, '}')) {
		switch (find_key(s, json_key(&s->j), names, &seen)) {
		case 0:
			key = read_key(s, m);
			break;
		case 1:
		case 2:
			says |= skip_object(s);
			break;
		case 3:
			m->provider = webhook_provider(read_text(s));
			break;
		default:
			json_skip(&s->j);
		}
	}
	m->raw = (struct str){from, (size_t)(s->j.at - from)};
	m->unfit = unfit_frame(object, key, m);
	if (!m->unfit && !m->id.p)
		m->unfit = "no id";
	if (!m->unfit && !says)
		m->unfit = "no update";
	m->id = effective_id(s, m);
}

static struct webhook_msg *
add_message(struct scan *s)
{
	struct webhook *w = s->w;

	if (w->count == WEBHOOK_MSGS_MAX) {
		refuse(s, ERR_LIMIT, "too many messages in one %s", "webhook");
		return NULL;
	}
	if (w->count == s->room) {
		size_t room = s->room ? s->room * 2 : MSGS_FIRST;
		struct webhook_msg *grown =
			arena_alloc(s->arena, room * sizeof(*grown));

		if (w->count)
			memcpy(grown, w->msgs, w->count * sizeof(*grown));
		w->msgs = grown;
		s->room = room;
	}
	return &w->msgs[w->count++];
}

static void
read_list(struct scan *s, const char *name, bool updates)
{
	char first = json_peek(&s->j);

	if (first == 'n') {
		json_skip(&s->j);
		return;
	}
	if (first != '[') {
		bad_shape(s, "payload.%s must be a list", name);
		json_skip(&s->j);
		return;
	}
	for (bool more = json_enter(&s->j, '['); more; more = json_more(&s->j, ']')) {
		struct webhook_msg *m = add_message(s);

		if (!m)
			json_skip(&s->j);
		else if (updates)
			read_update(s, m);
		else
			read_message(s, m);
	}
}

static void
read_payload(struct scan *s)
{
	static const char *const names[] = {"messages", "updates", NULL};
	char first = json_peek(&s->j);
	unsigned seen = 0;

	if (first == 'n') {
		json_skip(&s->j);
		return;
	}
	if (first != '{') {
		bad_shape(s, "%s must be an object", "payload");
		json_skip(&s->j);
		return;
	}
	for (bool more = json_enter(&s->j, '{'); more; more = json_more(&s->j, '}')) {
		int i = find_key(s, json_key(&s->j), names, &seen);

		if (i < 0)
			json_skip(&s->j);
		else
			read_list(s, names[i], i == 1);
	}
}

static void
read_tenant(struct scan *s)
{
	char first = json_peek(&s->j);
	struct str t;
	bool integer = true;

	if (first == 'n') {
		json_skip(&s->j);
		return;
	}
	if (first == '"')
		t = read_text(s);
	else if (first == '-' || (first >= '0' && first <= '9'))
		t = json_read_number(&s->j, &integer);
	else
		t = json_skip(&s->j);

	t = tenant_id(t);
	bool usable = first == '"' || (first >= '0' && first <= '9' && integer);
	if (!usable || !tenant_is_id(t))
		bad_shape(s, "%s must be a number or 1 to 64 of A-Z a-z 0-9 _ -",
			"tenantId");
	s->w->tenant = t;
}

static void
read_body(struct scan *s)
{
	static const char *const names[] = {"tenantId", "payload", NULL};
	unsigned seen = 0;

	if (json_peek(&s->j) != '{') {
		json_skip(&s->j);
		bad_shape(s, "the body must be an %s", "object");
		return;
	}
	for (bool more = json_enter(&s->j, '{'); more; more = json_more(&s->j, '}')) {
		switch (find_key(s, json_key(&s->j), names, &seen)) {
		case 0:
			read_tenant(s);
			break;
		case 1:
			read_payload(s);
			break;
		default:
			json_skip(&s->j);
		}
	}
	if (!s->w->tenant.p)
		bad_shape(s, "%s is missing", "tenantId");
}

int
webhook_scan(struct arena *a, struct str body, struct webhook *ret, char err[128])
{
	struct webhook w = {0};
	struct scan s = {.arena = a, .w = &w};

	json_init(&s.j, body);
	read_body(&s);
	int bad = json_end(&s.j, err);
	if (bad < 0)
		return bad;
	if (s.refused < 0) {
		snprintf(err, 128, "%s", s.words);
		return s.refused;
	}
	*ret = w;
	return 0;
}
