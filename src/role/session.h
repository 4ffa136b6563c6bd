/* SPDX-License-Identifier: MIT */
/* session.h: the gateway says how a tenant's WhatsApp session stands.
 *
 *   {"tenantId":"1","connection":"connected","pushName":"Shop"}     or, as the
 * original:
 *   {"tenant_id":"business_1","status":"disconnected","reason":"logged_out"}
 *
 * Kept as queue/sessions.h says: 200 when it
 * is, 400 naming what is wrong, 503 when Redis does not answer. */
#ifndef ROLE_SESSION_H
#define ROLE_SESSION_H

struct http_req;
struct redis;

void session_webhook(struct redis *r, struct http_req *req);

#endif
