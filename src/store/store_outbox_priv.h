/* SPDX-License-Identifier: MIT */
/* store_outbox_priv.h: what the files of outbox and broadcasts share. */
#ifndef STORE_STORE_OUTBOX_PRIV_H
#define STORE_STORE_OUTBOX_PRIV_H

#include "store/store_outbox.h"
#include "store/store_priv.h"

/* Columns of scheduled_messages in the order in which outbox_read reads them. */
#define OUTBOX_SELECT                                                             \
	"SELECT id, broadcast_id, message_id, tenant_id, key, chat, name, body, " \
	"schedule, zone, status, reason, unless_reply, slot_us, due_us, round, "  \
	"sent_count, sent_us, created_us, held_us, content FROM scheduled_messages "

void outbox_read(struct sql *db, struct arena *a, struct outbox_row *ret);

/* outbox_find reads one row: 1, 0 when there is none, or negative. */
int outbox_find(struct sql *db, struct arena *a, struct str tenant, int64_t id,
	struct outbox_row *ret) MUSTCHECK;

/* outbox_open: it is neither sent nor given up. */
bool outbox_open(const struct outbox_row *row);

/* Where a message goes, and whose address that is. */
struct outbox_address {
	struct str chat; /* as given, or made of the phone */
	struct str who;  /* a value of contact_identities */
};

/* outbox_address reads what a person gave.  ERR_SHAPE with words in why. */
int outbox_address(struct sql *db, struct arena *a, const struct tenant *t,
	struct str to, struct outbox_address *ret, char why[128]) MUSTCHECK;

/* outbox_text_check: 0, or ERR_SHAPE with words in the operation. */
int outbox_text_check(struct store_op *op, struct str text) MUSTCHECK;

/* outbox_content_check: likewise; absent is fine. */
int
outbox_content_check(struct sql *db, struct store_op *op, struct str content) MUSTCHECK;

/* outbox_withdraw ends a row that is not being sent, its message too: 1; 0 when it is
 * over, or perhaps on its way; or negative. */
int outbox_withdraw(
	struct sql *db, struct str tenant, int64_t id, struct str reason) MUSTCHECK;

/* outbox_replied: the customer wrote, so what waits unless he does is cancelled. */
int outbox_replied(struct sql *db, struct str tenant, int64_t conversation) MUSTCHECK;

/* broadcasts_pump: see store_outbox_due.  broadcast_settle ends a running broadcast
 * that has nothing left to send. */
int broadcasts_pump(struct sql *db, struct arena *a, int64_t until_us) MUSTCHECK;
int broadcast_settle(struct sql *db, struct str tenant, int64_t broadcast) MUSTCHECK;

#endif
