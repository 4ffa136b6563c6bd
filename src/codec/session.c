/* SPDX-License-Identifier: MIT */
/* session.c: the table of words. */
#include "codec/session.h"

const char *const session_states[] = {
	"connected", "connecting", "qr", "disconnected", "restricted", "unknown", NULL};

static const struct word {
	const char *said, *is;
} words[] = {
	{"connected", "connected"},
	{"open", "connected"},
	{"online", "connected"},
	{"working", "connected"},
	{"connecting", "connecting"},
	{"starting", "connecting"},
	{"reconnecting", "connecting"},
	{"restart_required", "connecting"},
	{"515", "connecting"},
	{"qr", "qr"},
	{"waiting_qr", "qr"},
	{"scan_qr_code", "qr"},
	{"qr_required", "qr"},
	{"pairing", "qr"},
	{"logged_out", "qr"},
	{"loggedout", "qr"},
	{"401", "qr"},
	{"disconnected", "disconnected"},
	{"close", "disconnected"},
	{"closed", "disconnected"},
	{"stopped", "disconnected"},
	{"failed", "disconnected"},
	{"not_started", "disconnected"},
	{"max_attempts_exceeded", "disconnected"},
	{"session_replaced", "disconnected"},
	{"connection_replaced", "disconnected"},
	{"440", "disconnected"},
	{"restricted", "restricted"},
	{"forbidden", "restricted"},
	{"banned", "restricted"},
	{"temporary_ban", "restricted"},
	{"403", "restricted"},
};

static const char *
find(struct str said)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_ieq(said, str_of(words[i].said)))
			return words[i].is;
	return NULL;
}

const char *
session_state(struct str said, struct str reason)
{
	const char *state = find(said);
	const char *because = find(reason);

	/* Why it went counts only for one that is gone: a gateway may tell the last
	 * reason along with "connected". */
	if (because && (!state || str_eqz(str_of(state), "disconnected")))
		return because;
	return state ? state : "unknown";
}
