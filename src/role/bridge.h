/* SPDX-License-Identifier: MIT */
/* bridge.h: the webhooks of other bridges, POST /webhook/<bridge>/<tenant>[/...].
 *
 *   gate ---> signature ---> adapter.h ---> ingest.h, session.h, or 200
 *
 * Who posts proves it with X-Internal-Secret, or with the bridge's own signature of the
 * body, made with INTERNAL_SECRET as the key. */
#ifndef ROLE_BRIDGE_H
#define ROLE_BRIDGE_H

struct http_req;
struct ingest;
struct redis;
struct settings;

int bridge_gate(const struct settings *s, struct http_req *req, const char **ret_json);
void bridge_webhook(struct ingest *in, struct redis *r, struct http_req *req);

#endif
