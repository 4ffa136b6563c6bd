/* SPDX-License-Identifier: MIT */
/* chat.c: what an address of WhatsApp stands for. */
#include "job/chat.h"

static const struct {
	const char *server;
	enum chat_kind kind;
} servers[] = {
	{"s.whatsapp.net", CHAT_PERSON},
	{"c.us", CHAT_PERSON}, /* the same in the web client's spelling */
	{"hosted", CHAT_PERSON},
	{"lid", CHAT_LID},
	{"hosted.lid", CHAT_LID},
	{"bsuid", CHAT_LID},
	{"g.us", CHAT_GROUP},
	{"broadcast", CHAT_BROADCAST},
	{"newsletter", CHAT_NEWSLETTER},
	{"bot", CHAT_BOT},
};

/* Numbers that no customer has: WhatsApp's notices (two) and Meta AI. */
static const char *const machines[] = {"0", "16505361212", "13135550002"};

static bool
is_machine(struct str user)
{
	size_t digits = 0;

	while (digits < user.n && user.p[digits] != ':' && user.p[digits] != '_')
		digits++;
	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		if (str_eqz((struct str){user.p, digits}, machines[i]))
			return true;
	return false;
}

enum chat_kind
chat_kind(struct str jid)
{
	struct str server = jid;
	struct str user = str_cut(&server, '@');
	enum chat_kind kind = CHAT_OTHER;

	if (user.n == 0)
		return CHAT_OTHER;
	for (size_t i = 0; i < ARRAY_LEN(servers); i++)
		if (str_eqz(server, servers[i].server))
			kind = servers[i].kind;
	if (kind == CHAT_PERSON && is_machine(user))
		return CHAT_BOT;
	if (kind == CHAT_BROADCAST && str_eqz(user, "status"))
		return CHAT_STATUS;
	return kind;
}

bool
chat_is_person(enum chat_kind kind)
{
	return kind == CHAT_PERSON || kind == CHAT_LID;
}
