/* SPDX-License-Identifier: MIT */
/* cloud.h: the webhook of WhatsApp's Cloud API, GET and POST /webhook/meta.
 *
 *   GET    hub.verify_token is META_WA_VERIFY_TOKEN, or a tenant's: 200 with the
 *          challenge, else 403
 *   POST   gate: a signature? ---> phones ---> directory ---> signature ---> ingest.h
 *                                               ^                |
 *                                               '----------------'  a copy that may
 *                                                                   be old: once more
 *
 * Who may have signed a webhook follows from the phones in it: each one's tenant, with
 * an app secret of its own, or whoever has META_WA_APP_SECRET.  It must be right for
 * all of them, or a tenant could speak for another.
 *
 * A phone that the directory does not know is no reason to refuse: its messages become
 * jobs of the tenant "meta-<phone>" (codec/cloud.h), and a worker, which has the
 * database, finds out whose they are. */
#ifndef ROLE_CLOUD_H
#define ROLE_CLOUD_H

#include "queue/directory.h"

struct http_req;
struct ingest;

enum { CLOUD_BODY_MAX = 3 << 20 }; /* bytes; Meta sends no more */

struct cloud_door {
	struct ingest *ingest;
	struct directory directory;
	int64_t search_us; /* private: until when the time for searches is spent */
};

void cloud_challenge(struct cloud_door *d, struct http_req *req);
int cloud_gate(struct http_req *req, const char **ret_json);
void cloud_webhook(struct cloud_door *d, struct http_req *req);

#endif
