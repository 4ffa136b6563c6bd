/* SPDX-License-Identifier: MIT */
/* jid.c: WhatsApp addresses. */
#include "codec/jid.h"

#include "base/arena.h"
#include "base/err.h"

static const struct server {
	const char *name, *canonical;
	enum jid_kind kind;
} servers[] = {
	{"s.whatsapp.net", "s.whatsapp.net", JID_PERSON},
	{"c.us", "s.whatsapp.net", JID_PERSON},
	{"lid", "lid", JID_LID},
	{"hosted", "s.whatsapp.net", JID_HOSTED},
	{"hosted.lid", "lid", JID_HOSTED_LID},
	{"bsuid", "bsuid", JID_LID},
	{"g.us", "g.us", JID_GROUP},
	{"broadcast", "broadcast", JID_BROADCAST},
	{"newsletter", "newsletter", JID_NEWSLETTER},
	{"bot", "bot", JID_BOT},
};

static const struct server *
server_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(servers); i++)
		if (str_ieq(name, str_of(servers[i].name)))
			return &servers[i];
	return NULL;
}

/* Bytes above ASCII pass: what other networks call their users is theirs. */
static bool
is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '@')
			return false;
	return s.n > 0;
}

/* Meta's assistants, as Baileys tells them. */
static bool
is_bot(struct str user)
{
	return (user.n == 11 && str_starts(user, STR("1313555"))) ||
	       (user.n == 11 && str_starts(user, STR("131655500")));
}

/* WhatsApp's own accounts, which announce and never converse. */
static bool
is_whatsapp(struct str user)
{
	return str_eqz(user, "0") || str_eqz(user, "16505361212");
}

static enum jid_kind
kind_of(const struct server *s, struct str user)
{
	if (s->kind == JID_PERSON && is_bot(user))
		return JID_BOT;
	if (s->kind == JID_PERSON && is_whatsapp(user))
		return JID_OTHER;
	if (s->kind == JID_BROADCAST && str_eqz(user, "status"))
		return JID_STATUS;
	return s->kind;
}

static bool
has_devices(const struct server *s)
{
	return s->kind <= JID_HOSTED_LID;
}

static struct str
without_device(struct str user)
{
	struct str agent = str_cut(&user, ':');

	return str_cut(&agent, '_');
}

int
jid_parse(struct str text, struct jid *ret)
{
	struct jid j = {.kind = JID_OTHER, .server = str_trim(text)};

	j.user = str_cut(&j.server, '@');
	if (!is_word(j.user) || !is_word(j.server))
		return ERR_SYNTAX;

	const struct server *s = server_of(j.server);
	if (s) {
		if (has_devices(s))
			j.user = without_device(j.user);
		if (j.user.n == 0)
			return ERR_SYNTAX;
		j.kind = kind_of(s, j.user);
		j.server = str_of(s->canonical);
	}
	*ret = j;
	return 0;
}

struct str
jid_text(struct arena *a, const struct jid *j)
{
	const struct str parts[] = {j->user, STR("@"), j->server};

	return arena_join(a, parts, ARRAY_LEN(parts));
}

bool
jid_has_phone(const struct jid *j)
{
	return j->kind == JID_PERSON || j->kind == JID_HOSTED;
}

bool
jid_has_lid(const struct jid *j)
{
	return j->kind == JID_LID || j->kind == JID_HOSTED_LID;
}
