/* SPDX-License-Identifier: MIT */
/* ingest.h: one webhook, from its bytes to Redis.
 *
 *   gate (secret) ---> scan ---> one record a message ---> enqueue ---> 200 or 503
 *
 * A webhook of the Cloud API is several bodies, one for each tenant: their messages are
 * answered together.
 *
 * 200 means that every message is durably queued, a known duplicate, or kept as a
 * dead letter.  Nothing is processed here, and nothing is when Redis is away. */
#ifndef ROLE_INGEST_H
#define ROLE_INGEST_H

#include "net/http_server.h"

struct enqueue;
struct settings;

struct ingest {
	const struct settings *s;
	struct enqueue *enqueue;
};

/* ctx of both is the api role; see role/api.c. */
int ingest_gate(const struct ingest *in, struct http_req *req, const char **ret_json);
void ingest_webhook(struct ingest *in, struct http_req *req);

/* ingest_bodies answers the request with what becomes of all the bodies; they live in
 * its arena, or its body. */
void ingest_bodies(
	struct ingest *in, struct http_req *req, const struct str *bodies, size_t n);

#endif
